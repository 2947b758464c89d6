// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_ROW_SCAN_H
#define TTP_WALK_ROW_SCAN_H

/*
 * The rows of a range of ledgers out of a data file, in the memory of a block of rows and one row
 * group's ledger numbers. Row groups without any are left out by their statistics, pages without
 * any are not decoded. Rows need not stand in order of ledgers (DuckDB may have merged the file).
 * One thread at a time.
 */

#include "util/ledgers.h"
#include "walk/stored_rows.h"

struct row_scan {
    struct stored_rows_reader *reader;
    struct arena arena;    /* texts of a block */
    struct buffer block;   /* struct row_view */
    struct buffer ledgers; /* uint32_t: the row group's column */
};

/* Release in every case. */
enum error_code row_scan_init(struct row_scan *scan, struct error *error) MUST_CHECK;
void row_scan_release(struct row_scan *scan);

/* The row and its texts live during the call; an error ends the scan with it. */
typedef enum error_code row_visitor(void *context, const struct row_view *row, struct error *error);

/* Calls `visit` for each row of a ledger within the range. What the file's bytes give (ERR_CORRUPT,
 * …), the source's errors, or what `visit` returned. */
enum error_code row_scan_file(struct row_scan *scan, const struct parquet_source *source,
                              struct ledger_range within, row_visitor *visit, void *context,
                              struct error *error) MUST_CHECK;

#endif
