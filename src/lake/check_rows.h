// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_CHECK_ROWS_H
#define TTP_LAKE_CHECK_ROWS_H

/*
 * The rows of one commit against its range, its dead letters and its digests: `verify --deep`.
 * Every ledger's event_index runs from 0 without a gap or a repetition (schema 1.1.0; dead letters
 * count), every row lies in the commit's range and in its file's partition, and the digests of the
 * commit's last ledger come out of its rows. Of a commit whose files DuckDB merged, or whose rows
 * lie in files that took the place of its own, the rows are looked for there, and there must be as
 * many as it brought.
 */

#include "walk/file_rows.h"
#include "lake/findings.h"
#include "lake/foreign.h"
#include "lake/ledger_owner.h"
#include "rows/partition.h"

struct rows_check {
    const char *root;
    const struct inventory *inventory;
    const struct foreign *foreign;
    const struct ledger_owners *owners; /* whose the rows of a merged file are */
    enum partitioning_scheme scheme;
    struct findings *findings;
};

/* What was read of files that hold rows of several commits, so that it serves the next commit, too:
 * of one thread, for commits one after the other. */
#define ROWS_CACHE_FILES 8 /* one a partition that a commit may have rows in */
struct rows_cache {
    struct file_rows rows[ROWS_CACHE_FILES];
    size_t files[ROWS_CACHE_FILES]; /* their indices; FOREIGN_NONE: none */
    size_t next;
};
void rows_cache_init(struct rows_cache *cache);
void rows_cache_release(struct rows_cache *cache);

/* What must be known of the rows of a commit's files. */
struct file_rows_wish check_rows_wish(const struct inventory_commit *commit);

/* The commit's files, and those that its files were merged into, are all there and sound; nobody
 * changed its rows. `own`: what was gathered of each of its live files, by check_rows_wish; NULL:
 * they are read here. `cache` may be NULL where its rows lie in its own files. Adds what is wrong
 * to the findings. Errors are those that end the whole check. Any thread may check any commit. */
enum error_code check_commit_rows(const struct rows_check *check,
                                  const struct inventory_commit *commit,
                                  struct file_rows *const *own, struct rows_cache *cache,
                                  struct error *error) MUST_CHECK;

/* The commit's dead letters file is there and is what was committed; also without --deep. */
enum error_code check_commit_dead_letters(const struct rows_check *check,
                                          const struct inventory_commit *commit,
                                          struct error *error) MUST_CHECK;

#endif
