// SPDX-License-Identifier: Apache-2.0
#include "s3/encode.h"

static bool stays(uint8_t byte, bool keep_slash)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
           byte == '~' || (byte == '/' && keep_slash);
}

enum error_code s3_encode(struct buffer *out, struct bytes_view text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    if (buffer_reserve(out, 3 * text.size_bytes) != OK)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < text.size_bytes; i++) {
        uint8_t byte = text.data[i];
        const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        if (stays(byte, keep_slash))
            buffer_append_unchecked(out, &byte, 1);
        else
            buffer_append_unchecked(out, escape, sizeof escape);
    }
    return OK;
}

enum error_code s3_decode(struct buffer *out, struct bytes_view text)
{
    if (buffer_reserve(out, text.size_bytes) != OK)
        return ERR_NO_MEMORY;
    size_t before = out->size_bytes;
    for (size_t i = 0; i < text.size_bytes; i++) {
        uint8_t byte = text.data[i] == '+' ? ' ' : text.data[i];
        if (byte == '%') {
            if (text.size_bytes - i < 3 ||
                !hex_decode(bytes_view_of(text.data + i + 1, 2), &byte, 1) || byte == 0) {
                out->size_bytes = before;
                return ERR_CORRUPT;
            }
            i += 2;
        }
        buffer_append_unchecked(out, &byte, 1);
    }
    return OK;
}
