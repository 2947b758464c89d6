// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_PROGRESS_H
#define TTP_APP_PROGRESS_H

/* Tells the progress of a run: a bounded run on a terminal draws a bar with rate and time left, any
 * other logs a line, every 10 s where it is bounded, every 60 s where it is live. Used by the main
 * thread. */

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
    bool is_terminal;
    bool draws; /* the bar */
    unsigned columns;
    int64_t began_us; /* the first round: the bar's clock */
    int64_t next_draw_us;
};

/* now_us: monotonic. */
void progress_init(struct progress *progress, const struct options *options, int64_t now_us);
void progress_set_plan(struct progress *progress, const struct run_plan *plan);
/* Call about once a second, and when progress_next_us is over. */
void progress_tell(struct progress *progress, struct watch *watch, int64_t now_us);
/* When the bar is to be drawn again; INT64_MAX without one. */
int64_t progress_next_us(const struct progress *progress);
/* Draws a bar below the log for a part `done` (0 to 1) after so many seconds: ` 45% [===>   ]
 * words, 2m10s left`, cut to the terminal's columns. log_set_status("") takes it away. */
#define PROGRESS_WORDS_BYTES   200
#define PROGRESS_DRAW_EVERY_US INT64_C(200000)
#define PROGRESS_TELL_EVERY_US INT64_C(10000000) /* where there is no bar: a line */
void progress_draw_bar(unsigned columns, double done, double seconds, const char *words);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
