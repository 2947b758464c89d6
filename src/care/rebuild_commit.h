// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_REBUILD_COMMIT_H
#define TTP_CARE_REBUILD_COMMIT_H

/* One commit made anew from its files: what the catalog must hold of it, if it is whole. */

#include "care/letter_names.h"
#include "care/rebuild_files.h"
#include "rows/partition.h"
#include "walk/file_rows.h"

struct rebuilt_commit {
    struct catalog_commit commit; /* everything it points to lies in the arena */
    bool has_digest;              /* else its last ledger's events have lost their order */
    const char *fault;            /* why the commit is not whole; NULL: it is */
};

/* A file that took the place of others, read once for all commits whose rows it holds. */
struct rebuilt_file {
    const struct found_file *found;
    struct catalog_file file; /* it points into the arena */
    struct file_rows rows;    /* its ledgers, times and ordinals */
    const char *fault;        /* why it can't be taken in; NULL: it can */
};
/* ERR_NO_MEMORY, or what ends the rebuild. Release it in every case. */
enum error_code rebuild_file(const char *root, enum partitioning_scheme scheme,
                             const struct found_file *found, struct arena *arena,
                             struct rebuilt_file *rebuilt, struct error *error) MUST_CHECK;
void rebuilt_file_release(struct rebuilt_file *rebuilt);

/* What is there of a commit: files of its own, and such that hold rows of it beside others'. */
struct commit_parts {
    const struct found_file *own;
    size_t own_count;
    const struct rebuilt_file *const *shared;
    size_t shared_count;
    const struct letter_names *letters; /* of the lake */
    /* Where there are shared ones: what they say of it, file_rows over all of them. */
    const struct provenance_commit *said;
};

/* `own`: all that claim to be of the commit, one a partition. The commit is whole if all of them
 * are there, their rows are as many as it says, each passes parquet_verify at level pages and holds
 * what its metadata say, and (schema 1.1.0) with the dead letters every ledger's events run from 0
 * without a gap. Errors are those that end the rebuild. */
enum error_code rebuild_commit(const char *root, enum partitioning_scheme scheme,
                               const struct commit_parts *parts, struct arena *arena,
                               struct rebuilt_commit *rebuilt, struct error *error) MUST_CHECK;

#endif
