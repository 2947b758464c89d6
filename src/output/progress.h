// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OUTPUT_PROGRESS_H
#define TTP_OUTPUT_PROGRESS_H

/* Tells the progress of a run: a bounded run on a terminal draws a bar with rate and time left, any
 * other logs a line, every 10 s where it is bounded, every 60 s where it is live. Used by the main
 * thread. */

#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "service/run_plan.h"
#include "service/run_facts.h"

struct progress {
    const struct options *options;
    bool live;
    uint64_t ledgers_wanted; /* 0: not known */
    int64_t next_us;         /* monotonic */
    int64_t told_us;         /* the last line, or the start */
    uint64_t told_events;
    int64_t next_silence_us; /* when to say that nothing has arrived */
    bool is_terminal;
    bool draws; /* the bar */
    unsigned columns;
    int64_t began_us; /* the first round: the bar's clock */
    int64_t next_draw_us;
};

void progress_init(struct progress *progress, const struct options *options);
/* For lake_run. People at a terminal also see the plan before the work. */
struct run_observer progress_observer(struct progress *progress);
/* Draws a bar below the log for a part `done` (0 to 1) after so many seconds: ` 45% [===>   ]
 * words, 2m10s left`, cut to the terminal's columns. log_set_status("") takes it away. */
#define PROGRESS_WORDS_BYTES   200
#define PROGRESS_DRAW_EVERY_US INT64_C(200000)
#define PROGRESS_TELL_EVERY_US INT64_C(10000000) /* where there is no bar: a line */
void progress_draw_bar(unsigned columns, double done, double seconds, const char *words);

#endif
