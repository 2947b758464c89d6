// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_RECOVERY_REPORT_H
#define TTP_COMMIT_RECOVERY_REPORT_H

/* What a recovery found and did (commit/recovery.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/ledgers.h"

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
    uint64_t uploads_given_up; /* objects of commits that dead processes left */
    size_t staged_deleted;     /* unfinished files that no intent named */
};

#endif
