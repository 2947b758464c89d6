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
#include "sink/sink.h"

enum care_task { CARE_PRUNE, CARE_TASK_COUNT };

/* One task, done or failed. */
struct care_fact {
    enum care_task task;
    bool failed;
    uint64_t files, bytes;             /* that left the lake */
    const struct ledger_set *coverage; /* of the lake now; NULL: as it was */
};
typedef void care_teller(void *context, const struct care_fact *fact);

struct lake_care {
    const struct options *options;
    care_teller *tell;
    void *context;
    int64_t next_us[CARE_TASK_COUNT]; /* monotonic; INT64_MAX: not asked for */
};

/* The options outlive it. A bounded run has no care. */
void lake_care_init(struct lake_care *care, const struct options *options, care_teller *tell,
                    void *context);
/* Does what is due. */
void lake_care_tick(struct lake_care *care, struct sink *sink, int64_t now_us);

/* "prune", … */
const char *care_task_name(enum care_task task);

#endif
