// SPDX-License-Identifier: Apache-2.0
#include "parquet/value.h"

#define UTF8_MAX_CODE_POINT 0x10ffff
#define SURROGATE_FIRST     0xd800
#define SURROGATE_LAST      0xdfff

enum parquet_type value_physical_type(const struct value_type *type)
{
    switch (type->kind) {
    case VALUE_UINT32: return PARQUET_INT32;
    case VALUE_TIMESTAMP: return PARQUET_INT64;
    case VALUE_FIXED:
    case VALUE_DECIMAL: return PARQUET_FIXED_LEN_BYTE_ARRAY;
    case VALUE_TEXT: return PARQUET_BYTE_ARRAY;
    }
    return PARQUET_BYTE_ARRAY;
}

static int compare_uint32(struct bytes_view a, struct bytes_view b)
{
    uint32_t x, y;
    memcpy(&x, a.data, sizeof x);
    memcpy(&y, b.data, sizeof y);
    return (x > y) - (x < y);
}

static int compare_int64(struct bytes_view a, struct bytes_view b)
{
    int64_t x, y;
    memcpy(&x, a.data, sizeof x);
    memcpy(&y, b.data, sizeof y);
    return (x > y) - (x < y);
}

/* Big-endian two's complement of one width: the sign first, then the bytes. */
static int compare_decimal(struct bytes_view a, struct bytes_view b)
{
    bool negative_a = (a.data[0] & 0x80) != 0;
    bool negative_b = (b.data[0] & 0x80) != 0;
    if (negative_a != negative_b)
        return negative_a ? -1 : 1;
    return memcmp(a.data, b.data, a.size_bytes);
}

int value_compare(const struct value_type *type, struct bytes_view a, struct bytes_view b)
{
    assert(type->width_bytes == 0 ||
           (a.size_bytes == type->width_bytes && b.size_bytes == type->width_bytes));
    switch (type->kind) {
    case VALUE_UINT32: return compare_uint32(a, b);
    case VALUE_TIMESTAMP: return compare_int64(a, b);
    case VALUE_DECIMAL: return compare_decimal(a, b);
    case VALUE_FIXED:
    case VALUE_TEXT: return bytes_compare(a, b);
    }
    return 0;
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The start of the character that ends before `end`; at most 3 bytes further back. */
static size_t character_start(const uint8_t *data, size_t end)
{
    size_t start = end - 1;
    while (start > 0 && end - start < 4 && is_continuation(data[start]))
        start--;
    return start;
}

/* The longest prefix of at most VALUE_BOUND_MAX_BYTES that does not cut a character. */
static size_t cut_size(struct bytes_view value)
{
    size_t size = VALUE_BOUND_MAX_BYTES;
    while (size > VALUE_BOUND_MAX_BYTES - 4 && is_continuation(value.data[size]))
        size--;
    return size;
}

size_t value_lower_bound_size(const struct value_type *type, struct bytes_view value)
{
    if (type->kind != VALUE_TEXT || value.size_bytes <= VALUE_BOUND_MAX_BYTES)
        return value.size_bytes;
    return cut_size(value);
}

static uint32_t decode_character(const uint8_t *data, size_t size)
{
    if (size == 1)
        return data[0];
    uint32_t point = data[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++)
        point = point << 6 | (data[i] & 0x3fu);
    return point;
}

static size_t encode_character(uint32_t point, uint8_t *out)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (uint8_t)((0xf00u >> size & 0xff) | point);
    return size;
}

size_t value_upper_bound(struct bytes_view value, uint8_t out[VALUE_BOUND_MAX_BYTES])
{
    assert(value.size_bytes > VALUE_BOUND_MAX_BYTES);
    size_t end = cut_size(value);
    while (end > 0) {
        size_t start = character_start(value.data, end);
        uint32_t point = decode_character(value.data + start, end - start) + 1;
        if (point >= SURROGATE_FIRST && point <= SURROGATE_LAST)
            point = SURROGATE_LAST + 1;
        uint8_t raised[4];
        size_t size = point <= UTF8_MAX_CODE_POINT ? encode_character(point, raised) : 0;
        if (size != 0 && start + size <= VALUE_BOUND_MAX_BYTES) {
            memcpy(out, value.data, start);
            memcpy(out + start, raised, size);
            /* Bytes that are not UTF-8 may decode to less than they are. */
            if (bytes_compare(bytes_view_of(out, start + size), value) > 0)
                return start + size;
        }
        end = start;
    }
    return 0;
}
