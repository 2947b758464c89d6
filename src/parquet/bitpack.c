// SPDX-License-Identifier: Apache-2.0
#include "parquet/bitpack.h"

#include <assert.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Adds one value to the word being filled; words go out whole. With a constant width the compiler
 * resolves every branch here. */
ALWAYS_INLINE void pack_value(uint64_t value, unsigned index, unsigned width, uint64_t *word,
                              uint8_t *out)
{
    unsigned bit = index * width;
    unsigned shift = bit % 64;
    *word |= value << shift;
    if (shift + width >= 64) {
        memcpy(out + bit / 64 * 8, word, 8);
        *word = shift == 0 ? 0 : (shift + width == 64 ? 0 : value >> (64 - shift));
    }
}

ALWAYS_INLINE void pack_all(const uint32_t *values, size_t group_count, unsigned width,
                            uint8_t *out)
{
    for (size_t group = 0; group < group_count; group++) {
        uint64_t word = 0;
        pack_value(values[0], 0, width, &word, out);
        pack_value(values[1], 1, width, &word, out);
        pack_value(values[2], 2, width, &word, out);
        pack_value(values[3], 3, width, &word, out);
        pack_value(values[4], 4, width, &word, out);
        pack_value(values[5], 5, width, &word, out);
        pack_value(values[6], 6, width, &word, out);
        pack_value(values[7], 7, width, &word, out);
        if (width % 8 != 0)
            memcpy(out + width / 8 * 8, &word, width % 8);
        values += 8;
        out += width;
    }
}

void bitpack_groups(const uint32_t *values, size_t group_count, unsigned width, uint8_t *out)
{
    switch (width) {
    case 1: pack_all(values, group_count, 1, out); break;
    case 2: pack_all(values, group_count, 2, out); break;
    case 3: pack_all(values, group_count, 3, out); break;
    case 4: pack_all(values, group_count, 4, out); break;
    case 5: pack_all(values, group_count, 5, out); break;
    case 6: pack_all(values, group_count, 6, out); break;
    case 7: pack_all(values, group_count, 7, out); break;
    case 8: pack_all(values, group_count, 8, out); break;
    case 9: pack_all(values, group_count, 9, out); break;
    case 10: pack_all(values, group_count, 10, out); break;
    case 11: pack_all(values, group_count, 11, out); break;
    case 12: pack_all(values, group_count, 12, out); break;
    case 13: pack_all(values, group_count, 13, out); break;
    case 14: pack_all(values, group_count, 14, out); break;
    case 15: pack_all(values, group_count, 15, out); break;
    case 16: pack_all(values, group_count, 16, out); break;
    case 17: pack_all(values, group_count, 17, out); break;
    case 18: pack_all(values, group_count, 18, out); break;
    case 19: pack_all(values, group_count, 19, out); break;
    case 20: pack_all(values, group_count, 20, out); break;
    default:
        assert(width >= 1 && width <= 32);
        pack_all(values, group_count, width, out); /* rare: beyond a million distinct values */
    }
}

ALWAYS_INLINE uint32_t unpack_value(const uint8_t *group, unsigned index, unsigned width)
{
    unsigned bit = index * width;
    unsigned first = bit / 8;
    unsigned last = (bit + width - 1) / 8;
    uint64_t word = 0;
    memcpy(&word, group + first, last - first + 1);
    return (uint32_t)((word >> bit % 8) & ((UINT64_C(1) << width) - 1));
}

ALWAYS_INLINE void unpack_all(const uint8_t *packed, size_t group_count, unsigned width,
                              uint32_t *values)
{
    for (size_t group = 0; group < group_count; group++) {
        values[0] = unpack_value(packed, 0, width);
        values[1] = unpack_value(packed, 1, width);
        values[2] = unpack_value(packed, 2, width);
        values[3] = unpack_value(packed, 3, width);
        values[4] = unpack_value(packed, 4, width);
        values[5] = unpack_value(packed, 5, width);
        values[6] = unpack_value(packed, 6, width);
        values[7] = unpack_value(packed, 7, width);
        packed += width;
        values += 8;
    }
}

void bitunpack_groups(const uint8_t *packed, size_t group_count, unsigned width, uint32_t *values)
{
    switch (width) {
    case 1: unpack_all(packed, group_count, 1, values); break;
    case 2: unpack_all(packed, group_count, 2, values); break;
    case 3: unpack_all(packed, group_count, 3, values); break;
    case 4: unpack_all(packed, group_count, 4, values); break;
    case 5: unpack_all(packed, group_count, 5, values); break;
    case 6: unpack_all(packed, group_count, 6, values); break;
    case 7: unpack_all(packed, group_count, 7, values); break;
    case 8: unpack_all(packed, group_count, 8, values); break;
    case 9: unpack_all(packed, group_count, 9, values); break;
    case 10: unpack_all(packed, group_count, 10, values); break;
    case 11: unpack_all(packed, group_count, 11, values); break;
    case 12: unpack_all(packed, group_count, 12, values); break;
    case 13: unpack_all(packed, group_count, 13, values); break;
    case 14: unpack_all(packed, group_count, 14, values); break;
    case 15: unpack_all(packed, group_count, 15, values); break;
    case 16: unpack_all(packed, group_count, 16, values); break;
    case 17: unpack_all(packed, group_count, 17, values); break;
    case 18: unpack_all(packed, group_count, 18, values); break;
    case 19: unpack_all(packed, group_count, 19, values); break;
    case 20: unpack_all(packed, group_count, 20, values); break;
    default: assert(width >= 1 && width <= 32); unpack_all(packed, group_count, width, values);
    }
}
