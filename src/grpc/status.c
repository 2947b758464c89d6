// SPDX-License-Identifier: Apache-2.0
#include "grpc/status.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"
#include "util/words.h"

#define CODE_COUNT 17

static const char *const code_names[CODE_COUNT] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

const char *grpc_code_name(enum grpc_code code)
{
    return (unsigned)code < CODE_COUNT ? code_names[code] : code_names[GRPC_UNKNOWN];
}

static bool same_name(struct bytes_view name, const char *known)
{
    if (name.size_bytes != strlen(known))
        return false;
    for (size_t i = 0; i < name.size_bytes; i++) {
        char character = name.data[i] == '-' ? '_' : (char)toupper(name.data[i]);
        if (character != known[i])
            return false;
    }
    return true;
}

bool grpc_code_parse(struct bytes_view name, enum grpc_code *code)
{
    for (unsigned i = 0; i < CODE_COUNT; i++) {
        if (!same_name(name, code_names[i]))
            continue;
        *code = (enum grpc_code)i;
        return true;
    }
    return false;
}

bool grpc_code_parse_number(struct bytes_view value, enum grpc_code *code)
{
    uint32_t number = 0;
    if (value.size_bytes > 1 && value.data[0] == '0')
        return false;
    if (!text_parse_u32(value, &number))
        return false;
    *code = number < CODE_COUNT ? (enum grpc_code)number : GRPC_UNKNOWN;
    return true;
}

enum grpc_code grpc_code_of_http(int http_status)
{
    switch (http_status) {
    case 400: return GRPC_INTERNAL;
    case 401: return GRPC_UNAUTHENTICATED;
    case 403: return GRPC_PERMISSION_DENIED;
    case 404: return GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504: return GRPC_UNAVAILABLE;
    default: return GRPC_UNKNOWN;
    }
}

/* One percent escape at the beginning of `text`. */
static bool read_escape(const uint8_t *text, size_t size_bytes, uint8_t *byte)
{
    return size_bytes >= 3 && text[0] == '%' && hex_decode(bytes_view_of(text + 1, 2), byte, 1);
}

void grpc_words_decode(struct bytes_view value, char out[GRPC_WORDS_BYTES])
{
    size_t size = 0;
    for (size_t i = 0; i < value.size_bytes && size < GRPC_WORDS_BYTES - 1; i++) {
        uint8_t byte = 0;
        bool is_escape = read_escape(value.data + i, value.size_bytes - i, &byte);
        out[size++] = (char)(is_escape ? byte : value.data[i]);
        i += is_escape ? 2 : 0;
    }
    for (size_t i = 0; i < size; i++)
        if (out[i] == '\0')
            out[i] = '?';
    out[size] = '\0';
    words_clean(out); /* here, since a catalog keeps them, too: as the reason of a recorded hole */
}

enum error_code grpc_words_encode(struct bytes_view words, struct buffer *out)
{
    for (size_t i = 0; i < words.size_bytes; i++) {
        uint8_t byte = words.data[i];
        bool is_plain = byte >= 0x20 && byte <= 0x7e && byte != '%';
        enum error_code code =
            is_plain ? buffer_append_byte(out, byte) : buffer_append_format(out, "%%%02X", byte);
        if (code != OK)
            return code;
    }
    return OK;
}
