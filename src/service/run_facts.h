// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_RUN_FACTS_H
#define TTP_SERVICE_RUN_FACTS_H

/*
 * What a run tells those who observe it, as it happens: one stream of facts for the log of commits,
 * the status pages, the service manager and the progress. How things stand at a moment is asked of
 * service/run_status.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/lake_care.h"
#include "service/run_plan.h"
#include "sink/sink.h"
#include "status/metrics.h"

struct run_status;

enum run_fact_kind {
    /* On the thread that runs the run. */
    FACT_PLAN,     /* a round begins: `plan` is fetched now; `is_first`: no commit failed before */
    FACT_TURN,     /* comes about once a second, and when *next_turn_us of an observer is over */
    FACT_STOPPING, /* nothing more is asked for: what is complete is published */
    FACT_END,      /* nothing is fetched any more */
    /* On a stream's or the writer's thread. */
    FACT_BATCH,    /* rows went to the queue; duration_us: the decoding since the batch before */
    FACT_DURATION, /* the writer has done `operation` */
    FACT_COMMIT,   /* `commit` is durable */
    FACT_CARE      /* `care` was done to the lake, or failed */
};

struct run_fact {
    enum run_fact_kind kind;
    const struct run_plan *plan;
    bool is_first;
    struct run_status *status; /* FACT_TURN: ask it for a snapshot */
    int64_t now_us;            /* FACT_TURN: monotonic */
    int64_t *next_turn_us;     /* FACT_TURN: monotonic; an observer may lower it */
    enum metrics_operation operation;
    int64_t duration_us;
    const struct sink_commit_info *commit;
    const struct care_fact *care;
};

struct run_observer {
    void (*on_fact)(void *context, const struct run_fact *fact);
    void *context;
};

#define RUN_OBSERVERS_MAX 4
struct run_observers {
    size_t count;
    struct run_observer items[RUN_OBSERVERS_MAX];
};

/* Before the run's threads begin. */
void run_observers_add(struct run_observers *observers, struct run_observer observer);
/* To all of them, in the order in which they were added. */
void run_observers_tell(const struct run_observers *observers, const struct run_fact *fact);

#endif
