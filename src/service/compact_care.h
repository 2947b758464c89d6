// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_COMPACT_CARE_H
#define TTP_SERVICE_COMPACT_CARE_H

/* The compaction of closed partitions by a live run (care/compact.h): one task a step, between two
 * commits. When a partition has closed, the lake is looked through until no task is left. */

#include "care/compact.h"
#include "sink/sink.h"

struct compact_care {
    int64_t newest_start_us; /* of the partition that was the newest at the last look */
    bool all_done;           /* until another one is */
    uint64_t commits_seen;   /* the lake's when it was asked for last: only a commit closes one */
    size_t left_count;       /* tasks of this look that were left as they are */
    struct compact_settled settled;
};

void compact_care_init(struct compact_care *care);

/* What a step did. */
struct compact_step {
    enum { COMPACT_NOTHING, COMPACT_DONE, COMPACT_LEFT } kind;
    uint64_t files, bytes; /* that were replaced */
};
/* The sink is idle. A task whose files are damaged is left, logged, and passed over until another
 * partition closes. */
enum error_code compact_care_step(struct compact_care *care, struct sink *sink,
                                  struct compact_step *step, struct error *error) MUST_CHECK;

#endif
