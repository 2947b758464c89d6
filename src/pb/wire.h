// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PB_WIRE_H
#define TTP_PB_WIRE_H

/*
 * Protobuf's wire format (protobuf.dev/programming-guides/encoding): a reader that points into the
 * message and a writer into memory that the caller sized. What is accepted and refused follows
 * Google's own parser: varints of up to ten bytes whose excess bits are dropped, tags that fit 32
 * bits, field numbers from 1, groups that end with their own number, at most WIRE_DEPTH_MAX deep.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "util/bytes.h"
#include "util/error.h"

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_GROUP = 3,
    WIRE_GROUP_END = 4,
    WIRE_FIXED32 = 5
};

#define WIRE_TAG(field_number, type) ((uint32_t)(field_number) << 3 | (uint32_t)(type))

/* Messages and groups inside each other, the outermost message not counted. */
#define WIRE_DEPTH_MAX 100

/* Reads [at, end). After a function returned false, `problem` says what is wrong at `at`; nothing
 * may be read any more. */
struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
    const char *problem; /* static text */
};

static inline struct wire_reader wire_reader_of(struct bytes_view message)
{
    if (message.size_bytes == 0) /* its data may be NULL, to which C adds nothing, not even 0 */
        return (struct wire_reader){0};
    return (struct wire_reader){message.data, message.data + message.size_bytes, NULL};
}

static inline bool wire_at_end(const struct wire_reader *reader)
{
    return reader->at == reader->end;
}

/* The general cases behind the inline ones below. */
bool wire_read_long_varint(struct wire_reader *reader, uint64_t *value) MUST_CHECK;
bool wire_read_long_tag(struct wire_reader *reader, uint32_t *tag) MUST_CHECK;

static inline bool wire_read_varint(struct wire_reader *reader, uint64_t *value)
{
    if (reader->at < reader->end && *reader->at < 0x80) {
        *value = *reader->at++;
        return true;
    }
    return wire_read_long_varint(reader, value);
}

/* Field number and wire type of the next field: compare with WIRE_TAG. Types 6 and 7 and a group's
 * end are left to wire_skip to refuse. */
static inline bool wire_read_tag(struct wire_reader *reader, uint32_t *tag)
{
    if (reader->at < reader->end && *reader->at < 0x80 && *reader->at >= 8) {
        *tag = *reader->at++;
        return true;
    }
    return wire_read_long_tag(reader, tag);
}

/* The bytes of a WIRE_BYTES field: texts, bytes, embedded messages. */
static inline bool wire_read_bytes(struct wire_reader *reader, struct bytes_view *bytes)
{
    uint64_t size;
    if (!wire_read_varint(reader, &size))
        return false;
    if (size > (uint64_t)(reader->end - reader->at)) {
        reader->problem = "a length runs past the end";
        return false;
    }
    *bytes = bytes_view_of(reader->at, (size_t)size);
    reader->at += size;
    return true;
}

/* Skips the value of the unknown field `tag`. `depth`: how many messages this one is inside of. */
bool wire_skip(struct wire_reader *reader, uint32_t tag, int depth) MUST_CHECK;

/* Bytes that a varint takes. */
static inline size_t wire_varint_size(uint64_t value)
{
    return (size_t)(64 - __builtin_clzll(value | 1) + 6) / 7;
}

/* The writers put a value at `at`, where the caller has room, and return what follows it. */
static inline uint8_t *wire_put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static inline uint8_t *wire_put_bytes(uint8_t *at, uint32_t tag, struct bytes_view bytes)
{
    at = wire_put_varint(at, tag);
    at = wire_put_varint(at, bytes.size_bytes);
    if (bytes.size_bytes != 0)
        memcpy(at, bytes.data, bytes.size_bytes);
    return at + bytes.size_bytes;
}

/* Size of a WIRE_BYTES field whose tag takes one byte. */
static inline size_t wire_bytes_size(size_t size_bytes)
{
    return 1 + wire_varint_size(size_bytes) + size_bytes;
}

#endif
