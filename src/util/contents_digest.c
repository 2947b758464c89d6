// SPDX-License-Identifier: Apache-2.0
#include "util/contents_digest.h"

#include <stdio.h>
#include <string.h>

void contents_digest_text(const struct contents_digest *digest,
                          char text[CONTENTS_DIGEST_TEXT_BYTES])
{
    int length = digest->version > 1
                     ? snprintf(text, CONTENTS_DIGEST_TEXT_BYTES, "%u-", digest->version)
                     : 0;
    hex_encode(bytes_view_of(digest->bytes, sizeof digest->bytes), text + length);
}

bool contents_digest_parse(struct bytes_view text, struct contents_digest *digest)
{
    const size_t digits = (size_t)2 * CONTENTS_DIGEST_BYTES;
    unsigned version = 0;
    if (text.size_bytes < digits || text.size_bytes >= CONTENTS_DIGEST_TEXT_BYTES)
        return false;
    size_t prefix = text.size_bytes - digits;
    if (prefix > 0 && (text.data[prefix - 1] != '-' || text.data[0] == '0'))
        return false;
    for (size_t i = 0; i + 1 < prefix; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        version = 10 * version + (text.data[i] - '0');
    }
    if (prefix > 0 && (version < 2 || version > UINT8_MAX))
        return false;
    digest->version = prefix > 0 ? (uint8_t)version : 1;
    return hex_decode(bytes_view_of(text.data + prefix, digits), digest->bytes,
                      sizeof digest->bytes);
}

bool contents_digest_differ(const struct contents_digest *a, const struct contents_digest *b)
{
    return a->version == b->version && memcmp(a->bytes, b->bytes, sizeof a->bytes) != 0;
}
