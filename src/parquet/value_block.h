// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_VALUE_BLOCK_H
#define TTP_PARQUET_VALUE_BLOCK_H

/*
 * Some consecutive values of a column, made ready for its dictionary: the values that differ from
 * the one before them (changes), each with what hash tables and statistics look at first. Rows of
 * one transaction share much, so that a block has far fewer changes than values.
 *
 * Borrows the values' bytes. A block is as large as stays in the nearest cache between the passes
 * over it.
 */

#include <stddef.h>
#include <stdint.h>

#include "parquet/short_table.h"
#include "parquet/value.h"

#define VALUE_BLOCK_MAX 256u

/* Whether values go to the table of short ones (at most SHORT_VALUE_BYTES) or of long ones. */
enum value_lengths { VALUES_SHORT, VALUES_LONG, VALUES_MIXED };

struct value_block {
    enum value_lengths lengths;
    uint32_t value_count;
    uint32_t change_count;
    uint64_t bytes;        /* of all values, without lengths */
    uint64_t change_bytes; /* of the changes */
    /* by change */
    uint16_t starts[VALUE_BLOCK_MAX + 1]; /* the place of its first value; at the end value_count */
    uint32_t sizes[VALUE_BLOCK_MAX];
    const uint8_t *data[VALUE_BLOCK_MAX];
    /* Of values of at most 16 bytes all their bytes with zeros behind them, as they stand in the
     * array; of longer texts the first and last 8; of longer binaries the first 8, and nothing. */
    uint64_t heads[VALUE_BLOCK_MAX];
    uint64_t tails[VALUE_BLOCK_MAX];
};

/* Values of an Arrow array. `rows`: the places of the `count` <= VALUE_BLOCK_MAX values, NULL if
 * they follow one another; `data` and `offsets` as of place 0; nothing is read from `end` on. */
void value_block_load_texts(struct value_block *block, const uint8_t *data, const int32_t *offsets,
                            const uint16_t *rows, uint32_t count, const uint8_t *end);
void value_block_load_fixed(struct value_block *block, const uint8_t *data, uint32_t width_bytes,
                            const uint16_t *rows, uint32_t count);

/* Any values of one type. */
void value_block_load_views(struct value_block *block, const struct value_type *type,
                            const struct bytes_view *values, uint32_t count);

/* Writes the value's id to each value's place, from those of the changes. What stands in the
 * VALUE_SPREAD_SLACK places behind them is lost. */
#define VALUE_SPREAD_SLACK 3
void value_block_spread_ids(const struct value_block *block, const uint32_t *change_ids,
                            uint32_t *ids);

#endif
