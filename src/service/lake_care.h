// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_LAKE_CARE_H
#define TTP_SERVICE_LAKE_CARE_H

/*
 * What a live run does for its lake besides taking events: what options ask for, now and then, on
 * the writer's thread between two calls of the sink. A failure is logged, told and tried again
 * later; it never ends the run.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "service/compact_care.h"
#include "sink/sink.h"

/* One task was done, or failed, or is wanted. */
struct care_fact {
    enum care_task task;
    enum { CARE_WANTED, CARE_DONE, CARE_FAILED } kind;
    uint64_t files, bytes;   /* done: that left the lake */
    struct catalog *catalog; /* done: of the lake, where its coverage changed; else NULL */
    int64_t next_us;         /* when it is due; monotonic */
};
typedef void care_teller(void *context, const struct care_fact *fact);

struct lake_care {
    const struct options *options;
    care_teller *tell;
    void *context;
    /* Where several processes write to the lake, whether its care is this one's; NULL: it is. */
    bool (*is_ours)(void *context);
    int64_t next_us[CARE_TASK_COUNT]; /* monotonic; INT64_MAX: not asked for */
    struct compact_care compaction;
};

/* The options outlive it. A bounded run has no care. */
void lake_care_init(struct lake_care *care, const struct options *options, care_teller *tell,
                    void *context);
/* Does what is due. */
void lake_care_tick(struct lake_care *care, struct sink *sink, int64_t now_us);
/* Does what is due and fits between two commits only: the sink is idle. */
void lake_care_idle(struct lake_care *care, struct sink *sink);

#endif
