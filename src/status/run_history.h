// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_RUN_HISTORY_H
#define TTP_STATUS_RUN_HISTORY_H

/*
 * What a run remembers for those who watch it: its last commits, its last problems, its coverage
 * and the history of its rate. Written by the working threads a few times a second at most, read by
 * the listeners' threads. Thread-safe; no call allocates after run_history_new or fails.
 */

#include "status/snapshot.h"
#include "util/error.h"

struct run_history;

enum error_code run_history_new(struct run_history **out, struct error *error) MUST_CHECK;
void run_history_free(struct run_history *history); /* NULL is fine */

/* A durable commit; its range joins the coverage. */
void run_history_add_commit(struct run_history *history, const struct status_commit *commit);

/* The whole coverage as the catalog has it: once at the start, and
 * whenever it changed other than by commits. */
void run_history_set_coverage(struct run_history *history, const struct ledger_set *coverage);

/* A warning or an error (one sentence, cut at STATUS_MESSAGE_BYTES). The same sentence again is
 * counted, not listed twice. */
void run_history_add_problem(struct run_history *history, bool error, const char *message,
                             int64_t now_us);

/* Each of them, in the order in which they first came. */
typedef void status_problem_visitor(void *context, const struct status_problem *problem);
void run_history_each_problem(const struct run_history *history, status_problem_visitor *visit,
                              void *context);

/* Call about once a second: events_accepted so far, and whether our window is closed. */
void run_history_sample(struct run_history *history, int64_t now_us, int64_t now_monotonic_us,
                        uint64_t events_accepted, bool throttled);

/* Fills the snapshot's history, last_new_event_us, last_throttled_us and last_error; call it after
 * events_accepted is set, which the first rate is made of. */
void run_history_fill(const struct run_history *history, struct status_snapshot *out);

#endif
