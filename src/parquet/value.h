// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_VALUE_H
#define TTP_PARQUET_VALUE_H

/*
 * The kinds of values that columns hold, their order (parquet.thrift, ColumnOrder TYPE_ORDER) and
 * the bounds that statistics and column indexes give. Values are raw, as Parquet stores them:
 * integers little-endian, decimals big-endian two's complement, texts and binaries as they are.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parquet/format.h"
#include "util/buffer.h"
#include "util/bytes.h"

enum value_kind {
    VALUE_UINT32,    /* INT32, UINT_32 */
    VALUE_TIMESTAMP, /* INT64, microseconds, UTC */
    VALUE_FIXED,     /* FIXED_LEN_BYTE_ARRAY */
    VALUE_DECIMAL,   /* FIXED_LEN_BYTE_ARRAY(16), DECIMAL(38, 0) */
    VALUE_TEXT       /* BYTE_ARRAY, UTF-8 */
};

#define DECIMAL_BYTES     16
#define DECIMAL_PRECISION 38

struct value_type {
    enum value_kind kind;
    uint32_t width_bytes; /* of each value; 0 for texts */
};

/* Bounds of texts longer than this are cut, which is_exact false tells. Long enough for every
 * account, asset and hash. */
#define VALUE_BOUND_MAX_BYTES 64

enum parquet_type value_physical_type(const struct value_type *type);

/* <0, 0 or >0 in the column's order. */
int value_compare(const struct value_type *type, struct bytes_view a, struct bytes_view b);

static inline uint64_t value_load_big_endian(const uint8_t *data)
{
    uint32_t half;
    memcpy(&half, data, sizeof half);
    return __builtin_bswap32(half);
}

/* The first 8 bytes as a number whose unsigned order is the order of the bytes. */
static inline uint64_t value_prefix(const uint8_t *data, size_t size_bytes)
{
    uint64_t prefix = 0;
    if (size_bytes >= 8) {
        memcpy(&prefix, data, 8);
        return __builtin_bswap64(prefix);
    }
    if (size_bytes >= 4) { /* two halves that overlap; what both have is in the upper one */
        uint64_t last = value_load_big_endian(data + size_bytes - 4) << 8 * (8 - size_bytes);
        return value_load_big_endian(data) << 32 | (last & UINT32_MAX);
    }
    for (size_t i = 0; i < size_bytes; i++)
        prefix |= (uint64_t)data[i] << (56 - 8 * i);
    return prefix;
}

/* How many bytes of a lower bound to keep: a prefix is a lower bound too. Never cuts a character.
 */
size_t value_lower_bound_size(const struct value_type *type, struct bytes_view value);

/* Writes an upper bound of at most VALUE_BOUND_MAX_BYTES to `out` and returns its size: the cut
 * value with its last character that can be raised raised. Returns 0 if there is none (the whole
 * value is then the bound). Only for texts longer than that. */
size_t value_upper_bound(struct bytes_view value, uint8_t out[VALUE_BOUND_MAX_BYTES]);

#endif
