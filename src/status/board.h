// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_BOARD_H
#define TTP_STATUS_BOARD_H

/*
 * What a run remembers for those who watch it: its last commits, its last problems, its coverage
 * and the history of its rate. Written by the working threads a few times a second at most, read by
 * the listeners' threads. Thread-safe; no call allocates after board_new or fails.
 */

#include "status/snapshot.h"
#include "util/error.h"

struct board;

/* NULL with ERR_NO_MEMORY. */
struct board *board_new(struct error *error);
void board_free(struct board *board); /* NULL is fine */

/* A durable commit; its range joins the coverage. */
void board_add_commit(struct board *board, const struct status_commit *commit);

/* The whole coverage as the catalog has it: once at the start, and
 * whenever it changed other than by commits. */
void board_set_coverage(struct board *board, const struct ledger_set *coverage);

/* A warning or an error (one sentence, cut at STATUS_MESSAGE_BYTES). The same sentence again is
 * counted, not listed twice. */
void board_add_problem(struct board *board, bool error, const char *message, int64_t now_us);

/* Each of them, in the order in which they first came. */
typedef void status_problem_visitor(void *context, const struct status_problem *problem);
void board_each_problem(const struct board *board, status_problem_visitor *visit, void *context);

/* Call about once a second: events_accepted so far, and whether our window is closed. */
void board_sample(struct board *board, int64_t now_us, int64_t now_monotonic_us,
                  uint64_t events_accepted, bool throttled);

/* Fills the snapshot's history, last_new_event_us, last_throttled_us and last_error; call it after
 * events_accepted is set, which the first rate is made of. */
void board_fill(const struct board *board, struct status_snapshot *out);

#endif
