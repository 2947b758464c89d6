// SPDX-License-Identifier: Apache-2.0
#include "util/buffer.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/memory.h"

#define BUFFER_MIN_BYTES 64

void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){0};
}

void buffer_reset(struct buffer *buffer)
{
    buffer->size_bytes = 0;
}

void buffer_release(struct buffer *buffer)
{
    mem_free(buffer->data);
    buffer_init(buffer);
}

void buffer_move(struct buffer *to, struct buffer *from)
{
    buffer_release(to);
    *to = *from;
    buffer_init(from);
}

enum error_code buffer_reserve(struct buffer *buffer, size_t more_bytes)
{
    if (buffer->capacity_bytes - buffer->size_bytes >= more_bytes)
        return OK;
    if (more_bytes > SIZE_MAX / 2 - buffer->size_bytes)
        return ERR_NO_MEMORY;
    size_t wanted = buffer->size_bytes + more_bytes;
    size_t grown = buffer->capacity_bytes + buffer->capacity_bytes / 2;
    if (grown < wanted)
        grown = wanted;
    if (grown < BUFFER_MIN_BYTES)
        grown = BUFFER_MIN_BYTES;
    uint8_t *data = mem_realloc(buffer->data, grown);
    if (data == NULL)
        return ERR_NO_MEMORY;
    buffer->data = data;
    buffer->capacity_bytes = grown;
    return OK;
}

enum error_code buffer_append(struct buffer *buffer, const void *data, size_t size_bytes)
{
    if (buffer_reserve(buffer, size_bytes) != OK)
        return ERR_NO_MEMORY;
    buffer_append_unchecked(buffer, data, size_bytes);
    return OK;
}

enum error_code buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
    return buffer_append(buffer, &byte, 1);
}

enum error_code buffer_append_zeros(struct buffer *buffer, size_t size_bytes)
{
    if (buffer_reserve(buffer, size_bytes) != OK)
        return ERR_NO_MEMORY;
    if (size_bytes != 0)
        memset(buffer->data + buffer->size_bytes, 0, size_bytes);
    buffer->size_bytes += size_bytes;
    return OK;
}

enum error_code buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

enum error_code buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || buffer_reserve(buffer, (size_t)length + 1) != OK)
        return ERR_NO_MEMORY;
    va_start(arguments, format);
    vsnprintf((char *)buffer->data + buffer->size_bytes, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->size_bytes += (size_t)length;
    return OK;
}

void buffer_drop_front(struct buffer *buffer, size_t size_bytes)
{
    assert(size_bytes <= buffer->size_bytes);
    buffer->size_bytes -= size_bytes;
    if (buffer->size_bytes != 0 && size_bytes != 0)
        memmove(buffer->data, buffer->data + size_bytes, buffer->size_bytes);
}
