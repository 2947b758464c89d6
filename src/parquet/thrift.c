// SPDX-License-Identifier: Apache-2.0
#include "parquet/thrift.h"

#include <assert.h>

#define VARINT_MAX_BYTES 10

static void put(struct thrift_writer *writer, const void *data, size_t size_bytes)
{
    if (writer->status == OK)
        writer->status = buffer_append(writer->out, data, size_bytes);
}

static void put_byte(struct thrift_writer *writer, uint8_t byte)
{
    put(writer, &byte, 1);
}

static void put_varint(struct thrift_writer *writer, uint64_t value)
{
    uint8_t bytes[VARINT_MAX_BYTES];
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    put(writer, bytes, size);
}

static void put_zigzag(struct thrift_writer *writer, int64_t value)
{
    put_varint(writer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static void put_field(struct thrift_writer *writer, int16_t field, enum thrift_type type)
{
    int16_t *last = &writer->last_field[writer->depth];
    int delta = field - *last;
    assert(delta > 0);
    if (delta <= 15) {
        put_byte(writer, (uint8_t)(delta << 4 | (int)type));
    } else {
        put_byte(writer, (uint8_t)type);
        put_zigzag(writer, field);
    }
    *last = field;
}

void thrift_writer_init(struct thrift_writer *writer, struct buffer *out)
{
    *writer = (struct thrift_writer){.out = out};
}

void thrift_write_bool(struct thrift_writer *writer, int16_t field, bool value)
{
    put_field(writer, field, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_write_i8(struct thrift_writer *writer, int16_t field, int8_t value)
{
    put_field(writer, field, THRIFT_BYTE);
    put_byte(writer, (uint8_t)value);
}

void thrift_write_i16(struct thrift_writer *writer, int16_t field, int16_t value)
{
    put_field(writer, field, THRIFT_I16);
    put_zigzag(writer, value);
}

void thrift_write_i32(struct thrift_writer *writer, int16_t field, int32_t value)
{
    put_field(writer, field, THRIFT_I32);
    put_zigzag(writer, value);
}

void thrift_write_i64(struct thrift_writer *writer, int16_t field, int64_t value)
{
    put_field(writer, field, THRIFT_I64);
    put_zigzag(writer, value);
}

void thrift_write_binary(struct thrift_writer *writer, int16_t field, struct bytes_view value)
{
    put_field(writer, field, THRIFT_BINARY);
    thrift_element_binary(writer, value);
}

void thrift_write_text(struct thrift_writer *writer, int16_t field, const char *value)
{
    thrift_write_binary(writer, field, bytes_view_text(value));
}

static void open_struct(struct thrift_writer *writer)
{
    assert(writer->depth + 1 < THRIFT_MAX_DEPTH);
    writer->last_field[++writer->depth] = 0;
}

void thrift_begin_struct(struct thrift_writer *writer, int16_t field)
{
    put_field(writer, field, THRIFT_STRUCT);
    open_struct(writer);
}

void thrift_end_struct(struct thrift_writer *writer)
{
    put_byte(writer, THRIFT_STOP);
    if (writer->depth > 0)
        writer->depth--;
}

void thrift_begin_list(struct thrift_writer *writer, int16_t field, enum thrift_type element,
                       size_t count)
{
    put_field(writer, field, THRIFT_LIST);
    if (count < 15) {
        put_byte(writer, (uint8_t)(count << 4 | (size_t)element));
    } else {
        put_byte(writer, (uint8_t)(0xf0 | (int)element));
        put_varint(writer, count);
    }
}

void thrift_element_bool(struct thrift_writer *writer, bool value)
{
    put_byte(writer, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_element_i32(struct thrift_writer *writer, int32_t value)
{
    put_zigzag(writer, value);
}

void thrift_element_i64(struct thrift_writer *writer, int64_t value)
{
    put_zigzag(writer, value);
}

void thrift_element_binary(struct thrift_writer *writer, struct bytes_view value)
{
    put_varint(writer, value.size_bytes);
    put(writer, value.data, value.size_bytes);
}

void thrift_element_text(struct thrift_writer *writer, const char *value)
{
    thrift_element_binary(writer, bytes_view_text(value));
}

void thrift_element_begin_struct(struct thrift_writer *writer)
{
    open_struct(writer);
}

static void fail(struct thrift_reader *reader)
{
    reader->failed = true;
    reader->data = reader->end;
}

static size_t bytes_left(const struct thrift_reader *reader)
{
    return (size_t)(reader->end - reader->data);
}

static uint8_t get_byte(struct thrift_reader *reader)
{
    if (reader->data == reader->end) {
        fail(reader);
        return 0;
    }
    return *reader->data++;
}

static uint64_t get_varint(struct thrift_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = get_byte(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return reader->failed ? 0 : value;
    }
    fail(reader);
    return 0;
}

static int64_t get_zigzag(struct thrift_reader *reader)
{
    uint64_t value = get_varint(reader);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static bool expect(struct thrift_reader *reader, enum thrift_type is, enum thrift_type wanted)
{
    if (is == wanted && !reader->failed)
        return true;
    fail(reader);
    return false;
}

void thrift_reader_init(struct thrift_reader *reader, struct bytes_view bytes)
{
    static const uint8_t nothing[1];
    if (bytes.size_bytes == 0)
        bytes.data = nothing; /* no arithmetic on NULL */
    *reader = (struct thrift_reader){.data = bytes.data, .end = bytes.data + bytes.size_bytes};
}

bool thrift_read_field(struct thrift_reader *reader, int16_t *field, enum thrift_type *type)
{
    uint8_t head = get_byte(reader);
    if (reader->failed)
        return false;
    if (head == THRIFT_STOP) {
        if (reader->depth > 0)
            reader->depth--;
        return false;
    }
    int64_t id =
        head >> 4 != 0 ? reader->last_field[reader->depth] + (head >> 4) : get_zigzag(reader);
    if (reader->failed || id < INT16_MIN || id > INT16_MAX || (head & 15) > THRIFT_STRUCT ||
        (head & 15) == THRIFT_STOP) {
        fail(reader);
        return false;
    }
    reader->last_field[reader->depth] = (int16_t)id;
    *field = (int16_t)id;
    *type = (enum thrift_type)(head & 15);
    if (*type == THRIFT_FALSE || *type == THRIFT_TRUE) {
        reader->bool_value = *type == THRIFT_TRUE;
        *type = THRIFT_TRUE;
    }
    return true;
}

bool thrift_read_bool(struct thrift_reader *reader, enum thrift_type type)
{
    return expect(reader, type, THRIFT_TRUE) && reader->bool_value;
}

int32_t thrift_read_i32(struct thrift_reader *reader, enum thrift_type type)
{
    return expect(reader, type, THRIFT_I32) ? thrift_read_element_i32(reader) : 0;
}

int64_t thrift_read_i64(struct thrift_reader *reader, enum thrift_type type)
{
    return expect(reader, type, THRIFT_I64) ? thrift_read_element_i64(reader) : 0;
}

struct bytes_view thrift_read_binary(struct thrift_reader *reader, enum thrift_type type)
{
    return expect(reader, type, THRIFT_BINARY) ? thrift_read_element_binary(reader)
                                               : bytes_view_of(NULL, 0);
}

void thrift_open_struct(struct thrift_reader *reader, enum thrift_type type)
{
    if (expect(reader, type, THRIFT_STRUCT))
        thrift_open_element_struct(reader);
}

static size_t read_list_head(struct thrift_reader *reader, enum thrift_type *element)
{
    uint8_t head = get_byte(reader);
    uint64_t count = head >> 4 == 15 ? get_varint(reader) : head >> 4;
    *element = (enum thrift_type)(head & 15);
    if (*element == THRIFT_FALSE)
        *element = THRIFT_TRUE;
    if (reader->failed || count > bytes_left(reader)) {
        fail(reader);
        return 0;
    }
    return (size_t)count;
}

size_t thrift_read_list(struct thrift_reader *reader, enum thrift_type type,
                        enum thrift_type element)
{
    enum thrift_type is;
    if (!expect(reader, type, THRIFT_LIST))
        return 0;
    size_t count = read_list_head(reader, &is);
    return count == 0 || expect(reader, is, element) ? count : 0;
}

int32_t thrift_read_element_i32(struct thrift_reader *reader)
{
    int64_t value = get_zigzag(reader);
    if (value < INT32_MIN || value > INT32_MAX) {
        fail(reader);
        return 0;
    }
    return (int32_t)value;
}

int64_t thrift_read_element_i64(struct thrift_reader *reader)
{
    return get_zigzag(reader);
}

bool thrift_read_element_bool(struct thrift_reader *reader)
{
    return get_byte(reader) == THRIFT_TRUE;
}

struct bytes_view thrift_read_element_binary(struct thrift_reader *reader)
{
    uint64_t size = get_varint(reader);
    if (reader->failed || size > bytes_left(reader)) {
        fail(reader);
        return bytes_view_of(NULL, 0);
    }
    struct bytes_view view = bytes_view_of(reader->data, (size_t)size);
    reader->data += size;
    return view;
}

void thrift_open_element_struct(struct thrift_reader *reader)
{
    if (reader->depth + 1 >= THRIFT_MAX_DEPTH) {
        fail(reader);
        return;
    }
    reader->last_field[++reader->depth] = 0;
}

/* Lists and maps of unknown fields nest at most THRIFT_MAX_DEPTH deep, like structs. */
static void skip_value(struct thrift_reader *reader, enum thrift_type type, unsigned depth);

static void skip_elements(struct thrift_reader *reader, enum thrift_type element, size_t count,
                          unsigned depth)
{
    for (size_t i = 0; i < count && !reader->failed; i++) {
        if (element == THRIFT_TRUE)
            (void)get_byte(reader);
        else
            skip_value(reader, element, depth);
    }
}

static void skip_map(struct thrift_reader *reader, unsigned depth)
{
    uint64_t count = get_varint(reader);
    if (count == 0)
        return;
    uint8_t types = get_byte(reader);
    if (count > bytes_left(reader))
        fail(reader);
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        skip_elements(reader, (enum thrift_type)(types >> 4), 1, depth);
        skip_elements(reader, (enum thrift_type)(types & 15), 1, depth);
    }
}

static void skip_struct(struct thrift_reader *reader, unsigned depth)
{
    int16_t field;
    enum thrift_type type;
    thrift_open_element_struct(reader);
    while (thrift_read_field(reader, &field, &type))
        if (type != THRIFT_TRUE)
            skip_value(reader, type, depth);
}

static void skip_value(struct thrift_reader *reader, enum thrift_type type, unsigned depth)
{
    if (depth >= THRIFT_MAX_DEPTH) {
        fail(reader);
        return;
    }
    switch (type) {
    case THRIFT_BYTE: (void)get_byte(reader); break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64: (void)get_varint(reader); break;
    case THRIFT_DOUBLE:
        if (bytes_left(reader) < 8)
            fail(reader);
        else
            reader->data += 8;
        break;
    case THRIFT_BINARY: (void)thrift_read_element_binary(reader); break;
    case THRIFT_LIST:
    case THRIFT_SET: {
        enum thrift_type element;
        size_t count = read_list_head(reader, &element);
        skip_elements(reader, element, count, depth + 1);
        break;
    }
    case THRIFT_MAP: skip_map(reader, depth + 1); break;
    case THRIFT_STRUCT: skip_struct(reader, depth + 1); break;
    default: fail(reader);
    }
}

void thrift_skip(struct thrift_reader *reader, enum thrift_type type)
{
    if (type != THRIFT_TRUE)
        skip_value(reader, type, 0);
}
