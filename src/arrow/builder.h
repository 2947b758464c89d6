// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ARROW_BUILDER_H
#define TTP_ARROW_BUILDER_H

/*
 * Builds one record batch row by row and hands it over as an ArrowArray without copying it.
 *
 *   init → (reserve, put each column of row `row_count`, end_row)* → export
 *
 * All columns have the same rows and capacity, so that a row checks for room once. Every put is for
 * the row that comes next; after reserve the puts of fixed-width columns can't fail. Not
 * thread-safe; the exported array owns its memory and may be released on any thread.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arrow/abi.h"
#include "arrow/dictionary.h"
#include "util/buffer.h"
#include "util/error.h"

#define ARROW_BUILDER_COLUMN_MAX 32

enum arrow_column_kind {
    ARROW_COLUMN_FIXED,     /* values of width_bytes */
    ARROW_COLUMN_TEXT,      /* UTF-8 with int32 offsets */
    ARROW_COLUMN_DICTIONARY /* int32 indices */
};

struct arrow_column_type {
    enum arrow_column_kind kind;
    uint32_t width_bytes; /* ARROW_COLUMN_FIXED */
    bool nullable;
};

struct arrow_column {
    struct arrow_column_type type;
    uint32_t slot_bytes; /* of one row in `values` */
    uint8_t *values;     /* values, offsets (one more than rows) or indices */
    uint8_t *validity;   /* bitmap, nullable columns only; bits of rows to come are undefined */
    struct buffer text;  /* ARROW_COLUMN_TEXT */
};

struct arrow_builder {
    size_t column_count;
    int64_t row_count;
    int64_t capacity_rows;
    struct arrow_column columns[ARROW_BUILDER_COLUMN_MAX];
};

/* Takes no memory yet. */
void arrow_builder_init(struct arrow_builder *builder, const struct arrow_column_type *types,
                        size_t column_count);
void arrow_builder_release(struct arrow_builder *builder); /* back to the init state */

/* Room for `more_rows`; ERR_NO_MEMORY, with the rows as they were. */
enum error_code arrow_builder_reserve(struct arrow_builder *builder, int64_t more_rows) MUST_CHECK;

/* Forgets the rows from `row_count` on. */
void arrow_builder_truncate(struct arrow_builder *builder, int64_t row_count);

/* Appends rows [first_row, first_row + row_count) of `from`, whose columns have the same types;
 * ERR_NO_MEMORY, with the rows as they were. */
enum error_code arrow_builder_copy(struct arrow_builder *builder, const struct arrow_builder *from,
                                   int64_t first_row, int64_t row_count) MUST_CHECK;

/* Heap bytes in use. */
size_t arrow_builder_memory_bytes(const struct arrow_builder *builder);

/* The values behind a column of indices: the first `count` of a dictionary, those from `first_new`
 * on new to who gets the array (arrow_dictionary_export_part). */
struct arrow_values {
    struct arrow_dictionary *dictionary;
    uint32_t first_new;
    uint32_t count;
};

/* All values of a dictionary (NULL: none), none of them called new. */
static inline struct arrow_values arrow_values_all(struct arrow_dictionary *dictionary)
{
    return (struct arrow_values){dictionary, ARROW_DICTIONARY_NONE,
                                 dictionary == NULL ? 0 : arrow_dictionary_count(dictionary)};
}

/* Moves the rows into `out`, a struct array, and leaves the builder empty. `values` holds one entry
 * for each column; the dictionaries are retained by the array. ERR_NO_MEMORY, with the rows as they
 * were. */
enum error_code arrow_builder_export(struct arrow_builder *builder,
                                     const struct arrow_values *values,
                                     struct ArrowArray *out) MUST_CHECK;

static inline void arrow_column_put_validity(struct arrow_column *column, int64_t row, bool valid)
{
    if (column->validity == NULL) {
        assert(valid);
        return;
    }
    uint8_t bit = (uint8_t)(1 << (row & 7));
    uint8_t *byte = column->validity + (row >> 3);
    *byte = valid ? *byte | bit : *byte & (uint8_t)~bit;
}

/* A fixed-width value (or an index); NULL where `valid` is false, `value` is then stored too. */
static inline void arrow_column_put_u32(struct arrow_column *column, int64_t row, uint32_t value,
                                        bool valid)
{
    assert(column->slot_bytes == sizeof value);
    memcpy(column->values + row * (int64_t)sizeof value, &value, sizeof value);
    arrow_column_put_validity(column, row, valid);
}

static inline void arrow_column_put_i64(struct arrow_column *column, int64_t row, int64_t value,
                                        bool valid)
{
    assert(column->slot_bytes == sizeof value);
    memcpy(column->values + row * (int64_t)sizeof value, &value, sizeof value);
    arrow_column_put_validity(column, row, valid);
}

/* decimal128: 16 bytes, little-endian. */
static inline void arrow_column_put_decimal(struct arrow_column *column, int64_t row,
                                            __int128 value, bool valid)
{
    assert(column->slot_bytes == 16);
    uint64_t words[2] = {(uint64_t)value, (uint64_t)(value >> 64)};
    memcpy(column->values + row * 16, words, 16);
    arrow_column_put_validity(column, row, valid);
}

/* width_bytes bytes of fixed-size binary. */
static inline void arrow_column_put_fixed(struct arrow_column *column, int64_t row,
                                          const void *value, bool valid)
{
    memcpy(column->values + row * (int64_t)column->slot_bytes, value, column->slot_bytes);
    arrow_column_put_validity(column, row, valid);
}

/* The next row's text (an empty one where it is NULL). ERR_NO_MEMORY, or ERR_LIMIT beyond 2^31 - 1
 * bytes in the column. */
enum error_code arrow_column_put_text(struct arrow_column *column, int64_t row,
                                      struct bytes_view text, bool valid) MUST_CHECK;

static inline bool arrow_column_is_valid(const struct arrow_column *column, int64_t row)
{
    return column->validity == NULL || (column->validity[row >> 3] >> (row & 7) & 1) != 0;
}

/* Takes the row that was put. */
static inline void arrow_builder_end_row(struct arrow_builder *builder)
{
    assert(builder->row_count < builder->capacity_rows);
    builder->row_count++;
}

#endif
