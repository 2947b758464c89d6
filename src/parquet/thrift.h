// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_THRIFT_H
#define TTP_PARQUET_THRIFT_H

/*
 * Thrift's compact protocol (github.com/apache/thrift: doc/specs/thrift-compact-protocol.md), as
 * far as Parquet's metadata needs it. The writer appends to a buffer and remembers the first
 * failure, so that only the end needs a check. The reader walks a borrowed run of bytes and never
 * leaves it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_BYTE = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12
};

/* Deepest nesting written or followed; Parquet's own is 6. */
#define THRIFT_MAX_DEPTH 16

struct thrift_writer {
    struct buffer *out;     /* borrowed */
    enum error_code status; /* the first failure; later calls do nothing */
    unsigned depth;
    int16_t last_field[THRIFT_MAX_DEPTH];
};

/* Begins a message: its outermost struct is open. */
void thrift_writer_init(struct thrift_writer *writer, struct buffer *out);

/* Fields of the open struct, in rising order of `field`. */
void thrift_write_bool(struct thrift_writer *writer, int16_t field, bool value);
void thrift_write_i8(struct thrift_writer *writer, int16_t field, int8_t value);
void thrift_write_i16(struct thrift_writer *writer, int16_t field, int16_t value);
void thrift_write_i32(struct thrift_writer *writer, int16_t field, int32_t value);
void thrift_write_i64(struct thrift_writer *writer, int16_t field, int64_t value);
void thrift_write_binary(struct thrift_writer *writer, int16_t field, struct bytes_view value);
void thrift_write_text(struct thrift_writer *writer, int16_t field, const char *value);

/* Opens a struct field; thrift_end_struct closes it (and the outermost one). */
void thrift_begin_struct(struct thrift_writer *writer, int16_t field);
void thrift_end_struct(struct thrift_writer *writer);

/* A list of exactly `count` elements of one type follows. */
void thrift_begin_list(struct thrift_writer *writer, int16_t field, enum thrift_type element,
                       size_t count);
void thrift_element_bool(struct thrift_writer *writer, bool value);
void thrift_element_i32(struct thrift_writer *writer, int32_t value);
void thrift_element_i64(struct thrift_writer *writer, int64_t value);
void thrift_element_binary(struct thrift_writer *writer, struct bytes_view value);
void thrift_element_text(struct thrift_writer *writer, const char *value);
void thrift_element_begin_struct(struct thrift_writer *writer); /* close by thrift_end_struct */

struct thrift_reader {
    const uint8_t *data;
    const uint8_t *end;
    bool failed; /* the bytes are not what they should be; later calls return zeros */
    unsigned depth;
    int16_t last_field[THRIFT_MAX_DEPTH];
    bool bool_value; /* of the field just begun */
};

/* Begins to read a message's outermost struct. */
void thrift_reader_init(struct thrift_reader *reader, struct bytes_view bytes);

/* The next field of the open struct; false at its end (which closes it) or after a failure. */
bool thrift_read_field(struct thrift_reader *reader, int16_t *field, enum thrift_type *type);
/* The value of the field just begun; a wrong `type` fails the reader. */
bool thrift_read_bool(struct thrift_reader *reader, enum thrift_type type);
int32_t thrift_read_i32(struct thrift_reader *reader, enum thrift_type type);
int64_t thrift_read_i64(struct thrift_reader *reader, enum thrift_type type);
struct bytes_view thrift_read_binary(struct thrift_reader *reader, enum thrift_type type);
void thrift_open_struct(struct thrift_reader *reader, enum thrift_type type);
/* The number of elements of a list whose elements have type `element`; each takes at least one
 * byte, so the count never exceeds the bytes left. */
size_t thrift_read_list(struct thrift_reader *reader, enum thrift_type type,
                        enum thrift_type element);
int32_t thrift_read_element_i32(struct thrift_reader *reader);
int64_t thrift_read_element_i64(struct thrift_reader *reader);
bool thrift_read_element_bool(struct thrift_reader *reader);
struct bytes_view thrift_read_element_binary(struct thrift_reader *reader);
void thrift_open_element_struct(struct thrift_reader *reader);
/* Passes over the value of a field of any type. */
void thrift_skip(struct thrift_reader *reader, enum thrift_type type);

#endif
