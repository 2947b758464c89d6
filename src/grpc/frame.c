// SPDX-License-Identifier: Apache-2.0
#include "grpc/frame.h"

#include <assert.h>

void grpc_reader_init(struct grpc_reader *reader, uint32_t max_message_bytes)
{
    reader->max_message_bytes = max_message_bytes;
    reader->chunk = bytes_view_of(NULL, 0);
    buffer_init(&reader->carry);
    reader->carry_is_returned = false;
}

void grpc_reader_reset(struct grpc_reader *reader)
{
    reader->chunk = bytes_view_of(NULL, 0);
    buffer_reset(&reader->carry);
    reader->carry_is_returned = false;
}

void grpc_reader_release(struct grpc_reader *reader)
{
    grpc_reader_reset(reader);
    buffer_release(&reader->carry);
}

void grpc_reader_feed(struct grpc_reader *reader, struct bytes_view chunk)
{
    assert(reader->chunk.size_bytes == 0);
    reader->chunk = chunk;
}

/* Checks the prefix; *size_bytes gets the message's length. */
static enum error_code read_prefix(const struct grpc_reader *reader, const uint8_t *prefix,
                                   uint32_t *size_bytes, struct error *error)
{
    *size_bytes = (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 |
                  prefix[4];
    if (prefix[0] == 1)
        return error_set(error, ERR_CORRUPT,
                         "the server sent a compressed message, though no compression was offered: "
                         "switch compression off there");
    if (prefix[0] != 0)
        return error_set(error, ERR_CORRUPT,
                         "the server sent a gRPC message with the unknown flag byte 0x%02x",
                         prefix[0]);
    if (*size_bytes > reader->max_message_bytes)
        return error_set(error, ERR_LIMIT,
                         "the server announced a message of %u bytes; max_message_size is %u",
                         *size_bytes, reader->max_message_bytes);
    return OK;
}

/* Moves up to `size_bytes` from the chunk to the carry. */
static enum error_code carry_over(struct grpc_reader *reader, size_t size_bytes)
{
    size_t moved = size_bytes < reader->chunk.size_bytes ? size_bytes : reader->chunk.size_bytes;
    if (moved == 0)
        return OK;
    if (buffer_append(&reader->carry, reader->chunk.data, moved) != OK)
        return ERR_NO_MEMORY;
    reader->chunk.data += moved;
    reader->chunk.size_bytes -= moved;
    return OK;
}

/* A message that does not lie in one chunk. */
static enum error_code next_from_carry(struct grpc_reader *reader, struct bytes_view *message,
                                       struct error *error)
{
    struct buffer *carry = &reader->carry;
    uint32_t size_bytes = 0;
    if (carry->size_bytes < GRPC_PREFIX_BYTES) {
        if (carry_over(reader, GRPC_PREFIX_BYTES - carry->size_bytes) != OK)
            return error_no_memory(error, "the beginning of a message");
        if (carry->size_bytes < GRPC_PREFIX_BYTES)
            return ERR_AGAIN;
    }
    enum error_code code = read_prefix(reader, carry->data, &size_bytes, error);
    if (code != OK)
        return code;
    size_t missing = GRPC_PREFIX_BYTES + (size_t)size_bytes - carry->size_bytes;
    if (buffer_reserve(carry, missing) != OK || carry_over(reader, missing) != OK)
        return error_no_memory(error, "a message");
    if (carry->size_bytes < GRPC_PREFIX_BYTES + (size_t)size_bytes)
        return ERR_AGAIN;
    *message = bytes_view_of(carry->data + GRPC_PREFIX_BYTES, size_bytes);
    reader->carry_is_returned = true;
    return OK;
}

enum error_code grpc_reader_next(struct grpc_reader *reader, struct bytes_view *message,
                                 struct error *error)
{
    if (reader->carry_is_returned) {
        buffer_reset(&reader->carry);
        reader->carry_is_returned = false;
    }
    if (reader->carry.size_bytes != 0)
        return next_from_carry(reader, message, error);
    if (reader->chunk.size_bytes >= GRPC_PREFIX_BYTES) {
        uint32_t size_bytes = 0;
        enum error_code code = read_prefix(reader, reader->chunk.data, &size_bytes, error);
        if (code != OK)
            return code;
        if (reader->chunk.size_bytes - GRPC_PREFIX_BYTES >= size_bytes) {
            *message = bytes_view_of(reader->chunk.data + GRPC_PREFIX_BYTES, size_bytes);
            reader->chunk.data += GRPC_PREFIX_BYTES + (size_t)size_bytes;
            reader->chunk.size_bytes -= GRPC_PREFIX_BYTES + (size_t)size_bytes;
            return OK;
        }
    }
    if (reader->chunk.size_bytes == 0)
        return ERR_AGAIN;
    return next_from_carry(reader, message, error);
}

void grpc_reader_unread(struct grpc_reader *reader, struct bytes_view message)
{
    if (reader->carry_is_returned) {
        reader->carry_is_returned = false;
        return;
    }
    assert(message.data + message.size_bytes == reader->chunk.data);
    reader->chunk.data -= GRPC_PREFIX_BYTES + message.size_bytes;
    reader->chunk.size_bytes += GRPC_PREFIX_BYTES + message.size_bytes;
}

struct bytes_view grpc_reader_take_rest(struct grpc_reader *reader)
{
    struct bytes_view rest = reader->chunk;
    reader->chunk = bytes_view_of(NULL, 0);
    return rest;
}

bool grpc_reader_is_inside(const struct grpc_reader *reader)
{
    return reader->chunk.size_bytes != 0 ||
           (reader->carry.size_bytes != 0 && !reader->carry_is_returned);
}

void grpc_write_prefix(uint8_t out[GRPC_PREFIX_BYTES], uint32_t size_bytes)
{
    out[0] = 0;
    out[1] = (uint8_t)(size_bytes >> 24);
    out[2] = (uint8_t)(size_bytes >> 16);
    out[3] = (uint8_t)(size_bytes >> 8);
    out[4] = (uint8_t)size_bytes;
}

enum error_code grpc_append_message(struct buffer *out, struct bytes_view message)
{
    uint8_t prefix[GRPC_PREFIX_BYTES];
    if (buffer_reserve(out, GRPC_PREFIX_BYTES + message.size_bytes) != OK)
        return ERR_NO_MEMORY;
    grpc_write_prefix(prefix, (uint32_t)message.size_bytes);
    buffer_append_unchecked(out, prefix, sizeof(prefix));
    buffer_append_unchecked(out, message.data, message.size_bytes);
    return OK;
}
