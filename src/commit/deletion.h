// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_DELETION_H
#define TTP_COMMIT_DELETION_H

/*
 * Deleting what no snapshot needs any more (docs/commit-protocol.md, "What may be deleted"). The
 * catalog's transaction decides, and lists the files; they are deleted after it, by whoever made
 * it or by the next writer's recovery, and taken off the list when their absence is durable.
 */

#include "catalog/doomed.h"
#include "store/store.h"

struct deletion_report {
    uint64_t files, bytes; /* deleted */
    uint64_t missing;      /* listed, and gone already */
    uint64_t left_alone;   /* not what was listed: they stay, and stay listed */
    /* Put off, as a backup runs: `waits_for` says which. "": they are not. */
    uint64_t waiting_files, waiting_bytes;
    char waits_for[ERROR_MESSAGE_BYTES];
};

/* Deletes what is listed. Running it again after a failure or a death continues. */
enum error_code deletion_finish(const struct store *store, struct catalog *catalog,
                                struct deletion_report *report, struct error *error) MUST_CHECK;

/* Lists what lies in _lake/replaced and the catalog does not know, as after a rebuild of it. The
 * catalog must be known not to be older than the lake's files (sink/newer_files.h). */
enum error_code deletion_list_strays(const struct store *store, struct catalog *catalog,
                                     struct error *error) MUST_CHECK;

/* What the catalog says of commits that were taken out before `oldest_us` goes, where no file is
 * left of them; *count gets how many. */
enum error_code deletion_forget_commits(const struct store *store, struct catalog *catalog,
                                        int64_t oldest_us, uint64_t *count,
                                        struct error *error) MUST_CHECK;

#endif
