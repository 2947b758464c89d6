// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_CHECK_FILE_H
#define TTP_LAKE_CHECK_FILE_H

/* One live data file against what the catalog says of it. */

#include "lake/findings.h"
#include "lake/inventory.h"
#include "parquet/verify.h"

struct file_check {
    const char *root;
    const struct inventory *inventory;
    enum parquet_verify_level level; /* PAGES, or VALUES for --deep */
    struct findings *findings;
};

struct file_outcome {
    bool good;            /* nothing was wrong */
    bool is_out_of_reach; /* it lies where this program can't read: not checked */
    bool lacks_checksums; /* its pages carry none: DuckDB wrote it */
};

/* Adds what is wrong to the findings. `commit` is the file's, NULL where none of ours made it.
 * Errors are those that end the whole check (no memory, a read that failed for other reasons than
 * the file's content). Any thread may check any file. */
enum error_code check_file(const struct file_check *check, const struct inventory_file *file,
                           const struct inventory_commit *commit, struct file_outcome *outcome,
                           struct error *error) MUST_CHECK;

/* Compares the catalog's statistics of a file with the file's own; the caller holds `catalog`.
 * *good becomes false if the file's can't be read. */
enum error_code check_file_statistics(const struct file_check *check, struct catalog *catalog,
                                      const struct inventory_file *file,
                                      const struct inventory_commit *commit, bool *good,
                                      struct error *error) MUST_CHECK;

/* What reading a live file met, as a finding: damage (ERR_CORRUPT, ERR_INVALID, ERR_LIMIT, with its
 * message) is one, *good becomes false, and OK is returned; any other code is given back. */
enum error_code check_take_damage(struct findings *findings, const struct inventory_file *file,
                                  const struct inventory_commit *commit, enum error_code code,
                                  const struct error *error, bool *good) MUST_CHECK;

#endif
