// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_SEGMENT_H
#define TTP_ROWS_SEGMENT_H

/*
 * A batch in the making: the rows and dead letters of complete ledgers of one partition time, and
 * behind them those of the ledger in progress, if this is the newest segment of its builder. Inner
 * part of batch_builder.
 */

#include <stdbool.h>
#include <stdint.h>

#include "arrow/builder.h"
#include "rows/batch.h"
#include "rows/epoch.h"

/* The columns of a batch, as the Arrow builder needs them. */
struct segment_layout {
    const struct row_schema *schema;
    bool dictionaries;
    struct arrow_column_type types[ROW_COLUMN_MAX];
};

void segment_layout_init(struct segment_layout *layout, const struct row_schema *schema,
                         bool dictionaries);

/* Rows of one file. */
struct segment_part {
    struct arrow_builder rows;
    int64_t complete_rows;  /* the rest is the ledger in progress */
    int64_t first_close_us; /* of its first row */
};

/* Where a dead letter's texts lie in letter_bytes: the reason and its NUL, then the message. */
struct segment_letter {
    uint32_t ledger_sequence;
    uint32_t event_index;
    size_t reason_offset;
    size_t raw_offset;
    size_t raw_size_bytes;
};

struct segment {
    struct segment *newer;
    const struct segment_layout *layout;
    struct row_epoch *epoch;                     /* retained; NULL: plain texts */
    int64_t start_us;                            /* of its partition; once it has rows */
    struct segment_part parts[EVENT_TYPE_COUNT]; /* by type, or all in [EVENT_NONE] */

    struct buffer letters; /* struct segment_letter */
    struct buffer letter_bytes;
    size_t complete_letters_bytes; /* of `letters` */
    size_t complete_letter_bytes;

    bool has_range; /* something is complete */
    struct ledger_range range;
    struct buffer unconfirmed; /* struct ledger_range */
    uint64_t replaced_memo_count;
    uint64_t null_decimal_count;
    uint32_t digest_ledger;
    struct ledger_digest digest;
    bool has_close_time;
    int64_t first_close_us, last_close_us;

    struct row_batch *batch; /* begun by a take that ran out of memory */
};

/* An empty segment whose values are numbered in `epoch` (NULL: plain texts). ERR_NO_MEMORY. */
enum error_code segment_new(struct segment **out, const struct segment_layout *layout,
                            struct row_epoch *epoch) MUST_CHECK;
void segment_free(struct segment *segment);

int64_t segment_rows(const struct segment *segment);
int64_t segment_complete_rows(const struct segment *segment);
size_t segment_memory_bytes(const struct segment *segment);

/* Adds a row to a part; `ids` (by position of the columns) where there is an epoch. ERR_NO_MEMORY,
 * with nothing added. */
enum error_code segment_add_row(struct segment *segment, enum event_type part,
                                const struct row_view *row, const uint32_t *ids) MUST_CHECK;
enum error_code segment_add_letter(struct segment *segment, uint32_t ledger_sequence,
                                   uint32_t event_index, const char *reason,
                                   struct bytes_view raw) MUST_CHECK;

/* Forgets the ledger in progress. */
void segment_drop_progress(struct segment *segment);
/* All that is there is complete. */
void segment_complete_progress(struct segment *segment);
/* Adds a run of unconfirmed ledgers, joined to the last one where it follows it. ERR_NO_MEMORY. */
enum error_code segment_add_unconfirmed(struct segment *segment,
                                        struct ledger_range run) MUST_CHECK;

/* Moves the ledger in progress into `to`, a new segment, of the same epoch if it has rows.
 * ERR_NO_MEMORY, with nothing changed in `segment`. */
enum error_code segment_split(struct segment *segment, struct segment *to) MUST_CHECK;

/* Numbers all rows anew, in `epoch`, which has no values yet. ERR_NO_MEMORY, with nothing changed
 * in `segment`. */
enum error_code segment_renumber(struct segment *segment, struct row_epoch *epoch) MUST_CHECK;

/* The rows that come are numbered in `epoch`; there are none yet. */
void segment_set_epoch(struct segment *segment, struct row_epoch *epoch);

#endif
