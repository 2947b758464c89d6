// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_REBUILD_BUNDLE_H
#define TTP_CARE_REBUILD_BUNDLE_H

/*
 * Commits that a rebuild can only take in together: rows of theirs lie in the same files, which
 * took the place of their own. Where such a file and one that it replaced lie there both, the later
 * one has the rows.
 */

#include "care/rebuild_files.h"
#include "util/arena.h"

/* All it points to lies in the arena. */
struct rebuild_bundle {
    struct found_file *shared; /* by replacement, then path */
    size_t shared_count;
    struct found_file *own; /* files of these commits that were not replaced, by commit_no */
    size_t own_count;
    struct provenance_commit *commits; /* by commit_no; file_rows over all shared files */
    size_t commit_count;
    bool contradicts; /* the files don't say the same of a commit */
};

/* Takes out of `files` (struct found_file, FOUND_DATA of the lake) those of bundles and those that
 * others replaced. Appends a struct rebuild_bundle for each to `bundles`, the one with the highest
 * commit first, and a struct found_file to `replaced`. ERR_NO_MEMORY. */
enum error_code rebuild_bundles_make(struct buffer *files, struct arena *arena,
                                     struct buffer *bundles, struct buffer *replaced,
                                     struct error *error) MUST_CHECK;

#endif
