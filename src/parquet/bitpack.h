// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_BITPACK_H
#define TTP_PARQUET_BITPACK_H

/* Bit packing as Parquet wants it (Encodings.md, RLE hybrid): values of `width` bits from the least
 * significant bit of each byte upwards, in groups of 8 values = `width` bytes. */

#include <stddef.h>
#include <stdint.h>

/* The bits that value needs; 0 for 0. */
static inline unsigned bits_needed(uint32_t value)
{
    return value == 0 ? 0 : 32 - (unsigned)__builtin_clz(value);
}

/* Packs group_count * 8 values (each below 2^width, 1 <= width <= 32) into group_count * width
 * bytes at `out`. */
void bitpack_groups(const uint32_t *values, size_t group_count, unsigned width, uint8_t *out);

/* The reverse; reads group_count * width bytes. */
void bitunpack_groups(const uint8_t *packed, size_t group_count, unsigned width, uint32_t *values);

#endif
