// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_RECOVERY_H
#define TTP_COMMIT_RECOVERY_H

/*
 * What every writer of a lake does first, under the lock: finishes or undoes the commit that a
 * crash left, and empties staging (docs/commit-protocol.md, "Recovery"). It touches only what the
 * intent and _lake/staging name, and nothing by an intent that no commit of this lake can have
 * made.
 */

#include "commit/publication.h"

enum recovery_outcome {
    RECOVERY_NOTHING,        /* there was no intent */
    RECOVERY_FINISHED,       /* the catalog held the commit; only its intent was left */
    RECOVERY_ROLLED_FORWARD, /* all files were complete: they are in the lake now */
    RECOVERY_ROLLED_BACK     /* files were missing or changed: nothing of it is in the lake */
};

struct recovery_report {
    enum recovery_outcome outcome;
    uint64_t commit_no; /* of the intent */
    bool is_replacement;
    struct ledger_range range;
    size_t staged_deleted; /* unfinished files that no intent named */
};

/* ERR_CORRUPT: the intent can't be read, is of another lake, or names what is not its commit's.
 * ERR_RETRY: the disk is full, or another writer holds the catalog. Running it again continues. */
enum error_code recovery_run(const struct store *store, struct catalog *catalog,
                             const struct intent_guard *guard, struct recovery_report *report,
                             struct error *error) MUST_CHECK;

#endif
