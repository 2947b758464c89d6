// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_FILE_ROWS_H
#define TTP_WALK_FILE_ROWS_H

/*
 * What a walk over a data file (walk/walk.h) gathers of its rows: which ledgers stand where,
 * with their close times and ordinals, and the whole rows of one ledger. It takes some bytes a
 * ledger, 4 bytes a row where ordinals are wanted, and 12 bytes a row of the row group that is
 * walked. One thread at a time.
 */

#include "walk/walk.h"
#include "rows/row.h"
#include "util/ledgers.h"

/* What is wanted besides the ledgers. */
struct file_rows_wish {
    bool times, ordinals;  /* the file must have the columns */
    uint32_t whole_ledger; /* whose rows are wanted whole; 0: none */
};

/* Rows of one ledger that stand together in a row group. */
struct ledger_run {
    uint32_t ledger_sequence;
    uint32_t row_count;
    int64_t time_us;     /* of the first row; 0 where times are not wanted */
    bool has_other_time; /* a row has another one */
};

struct file_rows {
    struct file_rows_wish wish;
    struct buffer runs;       /* struct ledger_run, as they stand */
    struct buffer ordinals;   /* uint32_t: of each row, the column event_index */
    struct buffer whole;      /* struct row_view, as they stand */
    struct arena arena;       /* their texts */
    bool whole_is_incomplete; /* columns stood in front of ledger_sequence, as in no file of ours */
    /* Of the walk. */
    const struct parquet_file_metadata *metadata;
    const struct parquet_source *source;
    int ledger_column, time_column, ordinal_column;
    size_t row_group;
    struct buffer ledgers, times; /* uint32_t, int64_t: of the row group, as far as it was seen */
    struct buffer spans;          /* struct row_span: of the row group */
    bool has_spans;
};

void file_rows_init(struct file_rows *rows);
void file_rows_release(struct file_rows *rows);
/* Leaves the whole rows only. */
void file_rows_drop_runs(struct file_rows *rows);

/* Before a run of the walk, which it is borrowed for; *visitor is for it. ERR_CORRUPT if the file
 * has not the columns. */
enum error_code file_rows_begin(struct file_rows *rows, const struct parquet_walk *walk,
                                const struct file_rows_wish *wish, struct parquet_visitor *visitor,
                                struct error *error) MUST_CHECK;
/* After it. ERR_NO_MEMORY. */
enum error_code file_rows_end(struct file_rows *rows, struct error *error) MUST_CHECK;

/* The lowest ledger of the range that has a row; 0: none. */
uint32_t file_rows_find(const struct file_rows *rows, struct ledger_range within);

#endif
