// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_PRUNE_H
#define TTP_CARE_PRUNE_H

/*
 * Takes old commits out of the lake for good: whole commits, in one snapshot.
 * Their ledgers are pruned then: no hole, and not asked for again. Older snapshots keep reading
 * their files until these expire (docs/commit-protocol.md, "Files that leave").
 */

#include "commit/lake_file.h"
#include "util/ledgers.h"

/* Which commits are old. A commit without an event has no time: it goes with those above it. */
struct prune_cut {
    uint32_t before_ledger; /* those whose last ledger lies below; 0: by time */
    int64_t before_us;      /* those whose newest close time lies before it; 0: by age */
    /* Age counts back from now, or from the newest close time in the lake if that is earlier: a
     * clock that is wrong prunes nothing. */
    int64_t older_than_us;
};

struct prune_report {
    struct ledger_set ledgers; /* that leave */
    uint64_t commits, files, rows, bytes, dead_letters;
    /* Old ones that stay: their rows lie in files together with those of younger commits. */
    uint64_t tied_commits;
    int64_t before_us;   /* the cut as a time; 0: it was a ledger, or the lake is empty */
    int64_t snapshot_id; /* 0: nothing was pruned */
};

void prune_report_release(struct prune_report *report);

/* A lake that the caller owns, with its catalog open for writing; recovered. `dry_run`: only finds
 * out what would leave. ERR_RETRY where another program holds the catalog, or changed it meanwhile:
 * nothing left. After another error the report says nothing, and what was decided is finished by
 * the next call or the next writer. Release the report in every case. */
enum error_code prune_owned(const struct store *store, struct lake_file *lake,
                            struct catalog *catalog, const struct prune_cut *cut, bool dry_run,
                            struct prune_report *report, struct error *error) MUST_CHECK;

/* The lake at an output_path, of which it takes the ownership (not for a dry run). ERR_NOT_FOUND:
 * there is none; ERR_CONFLICT: a run owns it. */
enum error_code prune_lake(const char *output_path, const struct prune_cut *cut, bool dry_run,
                           struct prune_report *report, struct error *error) MUST_CHECK;

/* Forgets that ledgers of the range were pruned, so that the next run fetches them. Takes the
 * lake's ownership; where there is no lake, there is nothing to forget. */
enum error_code prune_forget(const char *output_path, struct ledger_range range,
                             struct error *error) MUST_CHECK;

#endif
