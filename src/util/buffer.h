// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_BUFFER_H
#define TTP_UTIL_BUFFER_H

/*
 * A growing, owned run of bytes. After a failed call it is as it was before. Pointers into it stay
 * valid until the next call that may grow it.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/bytes.h"
#include "util/error.h"

struct buffer {
    uint8_t *data;
    size_t size_bytes;
    size_t capacity_bytes;
};

void buffer_init(struct buffer *buffer);
void buffer_reset(struct buffer *buffer);   /* empty, keeps the memory */
void buffer_release(struct buffer *buffer); /* back to the init state */

/* Moves `from` into `to` (released first) and leaves `from` empty. */
void buffer_move(struct buffer *to, struct buffer *from);

/* Room for `more_bytes` beyond the size, grown by half again at least; ERR_NO_MEMORY. */
enum error_code buffer_reserve(struct buffer *buffer, size_t more_bytes) MUST_CHECK;

enum error_code buffer_append(struct buffer *buffer, const void *data,
                              size_t size_bytes) MUST_CHECK;
enum error_code buffer_append_byte(struct buffer *buffer, uint8_t byte) MUST_CHECK;
enum error_code buffer_append_zeros(struct buffer *buffer, size_t size_bytes) MUST_CHECK;
enum error_code buffer_append_text(struct buffer *buffer, const char *text) MUST_CHECK;

/* Appends printf's text (no NUL in size_bytes, though one stands behind it). */
enum error_code buffer_append_format(struct buffer *buffer, const char *format, ...) MUST_CHECK
    PRINTF_LIKE(2, 3);

/* Removes the first `size_bytes` by moving the rest down. */
void buffer_drop_front(struct buffer *buffer, size_t size_bytes);

static inline struct bytes_view buffer_view(const struct buffer *buffer)
{
    return bytes_view_of(buffer->data, buffer->size_bytes);
}

/* Appends where the caller has reserved the room. */
static inline void buffer_append_unchecked(struct buffer *buffer, const void *data,
                                           size_t size_bytes)
{
    assert(buffer->capacity_bytes - buffer->size_bytes >= size_bytes);
    if (size_bytes != 0)
        memcpy(buffer->data + buffer->size_bytes, data, size_bytes);
    buffer->size_bytes += size_bytes;
}

#endif
