// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_EPOCH_H
#define TTP_ROWS_EPOCH_H

/*
 * The dictionaries of an epoch: as long as one row group of each file is open, a column's distinct
 * values are numbered in the order in which they come, and these numbers stand in the file. So each
 * column of each file has a dictionary of its own, and all that depends on a value alone (that it
 * is UTF-8, its hashes, the decimal that an amount stands for) is worked out once, when it is new.
 *
 * One thread, the builder's and its segments'; batches hold on to the Arrow dictionaries alone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "arrow/builder.h"
#include "arrow/dictionary.h"
#include "rows/row.h"
#include "util/buffer.h"

/* Stands for an id where a row has NULL. */
#define ROW_ID_NULL (UINT32_MAX - 1)

struct epoch_column {
    struct arrow_dictionary *dictionary; /* NULL: the column has none */
    uint32_t complete_count;             /* values up to the last complete ledger */
    uint32_t handed_count;               /* of these, what batches brought */
    /* The last value: events of one ledger share accounts, assets and amounts. */
    uint32_t previous_id;
    size_t previous_size_bytes;   /* SIZE_MAX: there was none */
    const uint8_t *previous_data; /* in the dictionary, where no value was added since */
};

/* A transaction hash as it was sent: events of a ledger name it more than once, some others apart.
 * One that comes to a place that another has takes it over, so that no choice of hashes costs more
 * than not knowing any. */
struct known_hash {
    uint8_t digits[64];
    uint32_t id_plus_1; /* 0: none */
};
#define EPOCH_KNOWN_HASHES 1024u

/* The dictionaries of one file's rows. */
struct epoch_part {
    struct epoch_column columns[ROW_COLUMN_MAX]; /* by position in the schema */
    /* Of contract addresses where the schema has no column for them: they must be UTF-8, too. */
    struct epoch_column contracts;
    uint32_t type_ids[EVENT_TYPE_COUNT]; /* UINT32_MAX: not met yet */
    uint32_t memo_kind_ids[MEMO_HASH + 1];
    /* By the amount's id: the decimal's, ROW_ID_NULL of what is none. Of a schema without decimals
     * 0 stands for any. */
    struct buffer decimal_ids;
    struct known_hash *known_hashes; /* EPOCH_KNOWN_HASHES of them */
    bool was_handed;                 /* a batch brought rows of it */
};

struct row_epoch {
    const struct row_schema *schema;
    uint64_t id; /* unique in this process */
    uint32_t references;
    struct epoch_part *parts[EVENT_TYPE_COUNT]; /* NULL: no row yet */
};

/* The caller holds one reference. ERR_NO_MEMORY. */
enum error_code row_epoch_new(struct row_epoch **out, const struct row_schema *schema) MUST_CHECK;
struct row_epoch *row_epoch_retain(struct row_epoch *epoch);
void row_epoch_release(struct row_epoch *epoch); /* NULL is fine */

/* The dictionaries of a file's rows, made where there are none yet. ERR_NO_MEMORY. */
enum error_code row_epoch_part(struct row_epoch *epoch, enum event_type type,
                               struct epoch_part **part) MUST_CHECK;

/*
 * The ids of a row, by position of their columns (ROW_ID_NULL: NULL; columns without a dictionary
 * get none). `row` is one of row_collect, of which nothing was checked that a value in a dictionary
 * does not need again, or (`is_checked`) one of row_from_event. Fills in what row_collect leaves
 * out. ERR_INVALID: one that is not checked has a value that can't be stored as it is:
 * row_from_event tells. ERR_NO_MEMORY.
 */
enum error_code epoch_part_number(struct epoch_part *part, const struct row_schema *schema,
                                  struct bytes_view hash_digits, bool is_checked,
                                  struct row_view *row, uint32_t ids[ROW_COLUMN_MAX]) MUST_CHECK;
/* All values so far are of complete ledgers. A transaction belongs to one ledger, so that its hash
 * is not looked for any more. */
void row_epoch_complete(struct row_epoch *epoch);

/* Numbers `count` rows' values of a column anew: their ids in `from` become those in `to`, a part
 * of another epoch. ERR_NO_MEMORY, with the ids as they were. */
enum error_code epoch_part_renumber(const struct epoch_part *from, struct epoch_part *to,
                                    size_t column, const struct arrow_column *rows, int64_t count,
                                    uint32_t *renumbered) MUST_CHECK;

size_t row_epoch_memory_bytes(const struct row_epoch *epoch);
/* Values of its largest dictionary. */
uint32_t row_epoch_values(const struct row_epoch *epoch);

#endif
