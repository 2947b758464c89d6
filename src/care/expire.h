// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_EXPIRE_H
#define TTP_CARE_EXPIRE_H

/*
 * Ends old snapshots, and deletes what only they needed
 * (docs/commit-protocol.md, "What may be deleted"): files that were pruned, replaced or repaired,
 * and what the catalog says of commits that are gone.
 */

#include "catalog/expiry.h"
#include "commit/deletion.h"
#include "commit/lake_file.h"

struct expire_report {
    struct catalog_expiry expiry;
    struct deletion_report deleted; /* of a dry run: nothing */
    uint64_t commits_forgotten;
};

/* A lake that the caller owns, with its catalog open for writing; recovered, and known not to have
 * an older catalog than files (sink/newer_files.h). `dry_run`: only finds out what would be done,
 * for which the catalog may be open for reading. ERR_RETRY where another program holds the catalog.
 * What a failure leaves is finished by the next call or the next writer. */
enum error_code expire_owned(const struct store *store, struct catalog *catalog,
                             int64_t older_than_us, bool dry_run, struct expire_report *report,
                             struct error *error) MUST_CHECK;

/* The lake at an output_path, of which it takes the ownership (not for a dry run). ERR_NOT_FOUND:
 * there is none; ERR_CONFLICT: a run owns it, or its catalog is older than its files. */
enum error_code expire_lake(const char *output_path, int64_t older_than_us, bool dry_run,
                            struct expire_report *report, struct error *error) MUST_CHECK;

#endif
