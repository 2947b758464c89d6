// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_EXPIRY_H
#define TTP_CATALOG_EXPIRY_H

/*
 * Ending old snapshots, as DuckDB's ducklake_expire_snapshots does it
 * (ducklake.select/docs/stable/duckdb/maintenance/expire_snapshots): what no snapshot that stays
 * can see leaves the catalog. Files that others made are listed for DuckDB to clean up, as it lists
 * them itself. The lake's own, which were moved away when they left, are listed as doomed
 * (catalog/doomed.h): this program deletes them. DuckDB would list these, too, and those that
 * `repair` took out under the names that they had, which other files may get.
 */

#include "catalog/catalog.h"

struct catalog_expiry {
    int64_t before_us;       /* snapshots from before this time end */
    uint64_t snapshots;      /* that ended */
    uint64_t snapshots_left; /* one at least */
    int64_t oldest_snapshot; /* of those that are left */
    int64_t oldest_us;       /* its time; 0: it can't be read */
    uint64_t files, bytes;   /* that became doomed */
    uint64_t scheduled;      /* files that became DuckDB's to clean up */
};

/* Ends, in one transaction, the snapshots that are older than `older_than_us` and not the newest
 * one. Age counts back from now, or from the newest snapshot if that is earlier: a clock that is
 * wrong ends nothing that is young. `dry_run`: only finds out what that would do, and writes
 * nothing. ERR_RETRY if another program holds the catalog: nothing is changed. */
enum error_code catalog_expire(struct catalog *catalog, int64_t older_than_us, bool dry_run,
                               struct catalog_expiry *expiry, struct error *error) MUST_CHECK;

#endif
