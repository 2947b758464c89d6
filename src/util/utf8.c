// SPDX-License-Identifier: Apache-2.0
#include "util/utf8.h"

#include <string.h>

/* Which second bytes a lead byte admits (Unicode, table 3-7), and how long the sequence is; length
 * 0 for bytes that begin none. */
struct lead {
    uint8_t length, second_min, second_max;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){1, 0, 0};
    if (byte >= 0xc2 && byte <= 0xdf)
        return (struct lead){2, 0x80, 0xbf};
    if (byte >= 0xe0 && byte <= 0xef)
        return (struct lead){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    if (byte >= 0xf0 && byte <= 0xf4)
        return (struct lead){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
    return (struct lead){0, 0, 0};
}

size_t utf8_subpart_size(const uint8_t *at, size_t left, bool *good)
{
    struct lead lead = lead_of(at[0]);
    size_t size = 1;
    if (size < lead.length && size < left && at[1] >= lead.second_min && at[1] <= lead.second_max)
        for (size = 2; size < lead.length && size < left && (at[size] & 0xc0) == 0x80;)
            size++;
    *good = size == lead.length;
    return size;
}

size_t utf8_mend(struct bytes_view text, uint8_t *out)
{
    uint8_t *start = out;
    for (size_t at = 0; at < text.size_bytes;) {
        bool good;
        size_t size = utf8_subpart_size(text.data + at, text.size_bytes - at, &good);
        if (good) {
            memcpy(out, text.data + at, size);
            out += size;
        } else {
            memcpy(out, "\xef\xbf\xbd", 3);
            out += 3;
        }
        at += size;
    }
    return (size_t)(out - start);
}
