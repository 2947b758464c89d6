// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_PROGRESS_H
#define TTP_APP_PROGRESS_H

/* Tells the progress of a run in the log: every 10 s of a bounded run, every 60 s of a live one.
 * Used by the main thread. */

#include <stdbool.h>
#include <stdint.h>

#include "app/options.h"
#include "app/run_plan.h"
#include "app/watch.h"

struct progress {
    const struct options *options;
    bool live;
    uint64_t ledgers_wanted; /* 0: not known */
    int64_t next_us;         /* monotonic */
    int64_t told_us;         /* the last line, or the start */
    uint64_t told_events;
    int64_t next_silence_us; /* when to say that nothing has arrived */
};

/* now_us: monotonic. */
void progress_init(struct progress *progress, const struct options *options, int64_t now_us);
void progress_set_plan(struct progress *progress, const struct run_plan *plan);
/* Call about once a second. */
void progress_tell(struct progress *progress, struct watch *watch, int64_t now_us);

#endif
