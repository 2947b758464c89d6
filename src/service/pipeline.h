// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_PIPELINE_H
#define TTP_SERVICE_PIPELINE_H

/*
 * A run: source → rows → queue → writer → sink, joined here. The source thread and the writer
 * thread work; the calling thread answers signals, keeps the deadlines and tells the progress.
 *
 * It works in rounds. A round plans by the lake's coverage, streams what is open and commits it; a
 * round whose commit failed is followed by another, which asks for what was lost.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "service/run_plan.h"
#include "status/snapshot.h"
#include "util/exit_code.h"

/* Sentences that a report keeps. */
#define REPORT_PROBLEMS_MAX 16

struct run_problem {
    bool error;
    uint64_t count;
    char message[STATUS_MESSAGE_BYTES];
};

/* What a run did: for the summary. */
struct run_report {
    bool has_run; /* false: it ended before any work; an error was logged */
    bool stopped; /* by a signal */
    bool live;
    int64_t elapsed_us;
    struct status_snapshot last; /* the counters at the end */
    bool other_chain;            /* the server's ledgers are not the lake's: fetch nothing */
    uint64_t hole_count;         /* poison ledgers skipped */
    struct ledger_set uncovered; /* bounded: what is still open */
    size_t problem_count;
    struct run_problem problems[REPORT_PROBLEMS_MAX];
};

void run_report_init(struct run_report *report);
void run_report_release(struct run_report *report);

struct watch;

/* Who is told how a run goes, on the thread that called pipeline_run. Each may be NULL. */
struct run_observer {
    void *context;
    /* What is fetched now; `is_first`: no commit of this run has failed before. */
    void (*on_plan)(void *context, const struct run_plan *plan, bool is_first);
    /* Comes about once a second, and when what it returned (monotonic; INT64_MAX: never) is over.
     * watch_snapshot tells how things stand. */
    int64_t (*on_turn)(void *context, struct watch *watch, int64_t now_us);
    /* Nothing is fetched any more. */
    void (*on_end)(void *context);
};

/* Runs until the range is covered, a signal stops it, or it can't go on; what went wrong is logged.
 * Signals must be installed. `observer` may be NULL. Release the report in every case. */
enum exit_code pipeline_run(const struct options *options, const struct run_observer *observer,
                            struct run_report *report);

#endif
