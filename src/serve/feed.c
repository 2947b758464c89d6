// SPDX-License-Identifier: Apache-2.0
#include "serve/feed.h"

#include <assert.h>

bool feed_next_message(struct bytes_view *framed, struct bytes_view *message)
{
    if (framed->size_bytes == 0)
        return false;
    assert(framed->size_bytes >= FEED_PREFIX_BYTES);
    const uint8_t *p = framed->data;
    size_t size_bytes = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | (size_t)p[4];
    assert(framed->size_bytes - FEED_PREFIX_BYTES >= size_bytes);
    *message = bytes_view_of(p + FEED_PREFIX_BYTES, size_bytes);
    framed->data += FEED_PREFIX_BYTES + size_bytes;
    framed->size_bytes -= FEED_PREFIX_BYTES + size_bytes;
    return true;
}

enum error_code feed_append_message(struct buffer *framed, struct bytes_view message)
{
    assert(message.size_bytes <= UINT32_MAX);
    if (buffer_reserve(framed, FEED_PREFIX_BYTES + message.size_bytes) != OK)
        return ERR_NO_MEMORY;
    uint32_t size_bytes = (uint32_t)message.size_bytes;
    const uint8_t prefix[FEED_PREFIX_BYTES] = {0, (uint8_t)(size_bytes >> 24),
                                               (uint8_t)(size_bytes >> 16),
                                               (uint8_t)(size_bytes >> 8), (uint8_t)size_bytes};
    buffer_append_unchecked(framed, prefix, sizeof prefix);
    buffer_append_unchecked(framed, message.data, message.size_bytes);
    return OK;
}
