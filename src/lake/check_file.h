// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_CHECK_FILE_H
#define TTP_LAKE_CHECK_FILE_H

/* One live data file against what the catalog says of it. */

#include "walk/file_rows.h"
#include "lake/findings.h"
#include "lake/inventory.h"

struct file_check {
    const char *root;
    const struct inventory *inventory;
    enum parquet_verify_level level; /* PAGES, or VALUES for --deep */
    struct findings *findings;
    struct catalog *catalog; /* with --deep, for its statistics; */
    struct os_mutex *catalog_mutex;
};

struct file_outcome {
    bool good;            /* nothing was wrong */
    bool is_out_of_reach; /* it lies where this program can't read: not checked */
    bool lacks_checksums; /* its pages carry none: DuckDB wrote it */
};

/* Walks over the file once and adds what is wrong to the findings. `commit` is the file's, NULL
 * where none of ours made it. `rows` gathers what `wish` says, and holds it if the file is good;
 * NULL: nothing. Errors are those that end the whole check (no memory, a read that failed for other
 * reasons than the file's content). Any thread may check any file. */
enum error_code check_file(const struct file_check *check, const struct inventory_file *file,
                           const struct inventory_commit *commit, const struct file_rows_wish *wish,
                           struct file_rows *rows, struct file_outcome *outcome,
                           struct error *error) MUST_CHECK;

/* What reading a live file met, as a finding: damage (ERR_CORRUPT, ERR_INVALID, ERR_LIMIT, with its
 * message) is one, *good becomes false, and OK is returned; any other code is given back. */
enum error_code check_take_damage(struct findings *findings, const struct inventory_file *file,
                                  const struct inventory_commit *commit, enum error_code code,
                                  const struct error *error, bool *good) MUST_CHECK;

#endif
