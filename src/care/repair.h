// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_REPAIR_H
#define TTP_CARE_REPAIR_H

/*
 * Takes out of the lake what `verify` found to be damaged, or ledgers that are named, in whole
 * commits, so that the next run fetches it again. Files that DuckDB merged or rewrote leave with
 * every commit whose rows they may hold. Nothing is deleted: files move to _lake/damaged.
 */

#include "catalog/catalog.h"
#include "rows/schema.h"
#include "util/buffer.h"

struct repair_options {
    const char *output_path;
    bool deep;        /* look as `verify --deep` does */
    bool unconfirmed; /* take the unconfirmed ledgers out of the coverage instead */
    /* {0, 0}: none is named. Else what holds these ledgers is taken out, damaged or not: their
     * commits, but where they brought no event they alone leave the coverage. */
    struct ledger_range ledgers;
    /* Not NULL: the commits of this version, which is older than the lake's, are taken out instead,
     * whole; those where others changed rows are left, but for discard_changes. */
    const struct row_schema *schema;
    /* Take out, too, what others added, hid or changed in these ledgers: their changes are lost. */
    bool discard_changes;
    bool dry_run; /* only say what would be done */
    unsigned threads;
};

struct repair_report {
    struct buffer commits;     /* uint64_t: taken out (or would be) */
    struct buffer compacted;   /* char *, owned: files that held rows of these commits together */
    struct buffer files;       /* char *, owned: data files of no commit that went with them */
    uint64_t discarded_groups; /* in which others had changed rows */
    uint64_t inlined_rows;     /* of others in the catalog itself that were taken out (or would) */
    int64_t snapshot_id;       /* that took it out; 0: none */
    struct ledger_set refetch; /* what to fetch again */
    struct buffer moved; /* char *, owned: files moved to _lake/damaged, relative to output_path */
    uint64_t uncovered;  /* ledgers without events that left the coverage (or would) */
    uint64_t problems;   /* found */
    uint64_t unrepaired; /* of them no commit's: not for repair to mend */
    /* Of them left because others changed rows there, which would be lost; damage among them. */
    uint64_t changed;
    bool damage_is_left;
};

/* Takes the writer's lock: ERR_CONFLICT if a consumer runs, or if ledgers are named that can't
 * leave without others, or without what others than this program changed. ERR_NOT_FOUND without a
 * lake, ERR_RETRY if others change the catalog meanwhile, ERR_CORRUPT without a readable catalog
 * (rebuild is for that). Running it again after a crash finishes the work. Release the report in
 * every case. */
enum error_code repair_lake(const struct repair_options *options, struct repair_report *report,
                            struct error *error) MUST_CHECK;
void repair_report_release(struct repair_report *report);

#endif
