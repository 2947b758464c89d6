// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_REBUILD_COMMIT_H
#define TTP_LAKE_REBUILD_COMMIT_H

/* One commit made anew from its files: what the catalog must hold of it, if it is whole. */

#include "lake/rebuild_files.h"
#include "rows/partition.h"

struct rebuilt_commit {
    struct catalog_commit commit; /* everything it points to lies in the arena */
    bool has_digest;              /* else its last ledger's events have lost their order */
    const char *fault;            /* why the commit is not whole; NULL: it is */
};

/* `files`: all that claim to be of the commit, one a partition. The commit is whole if all of them
 * are there, their rows are as many as it says, each passes parquet_verify at level pages and holds
 * what its metadata say, and (schema 1.1.0) with the dead letters every ledger's events run from 0
 * without a gap. Errors are those that end the rebuild. */
enum error_code rebuild_commit(const char *root, enum partitioning_scheme scheme,
                               const struct found_file *files, size_t file_count,
                               struct arena *arena, struct rebuilt_commit *rebuilt,
                               struct error *error) MUST_CHECK;

#endif
