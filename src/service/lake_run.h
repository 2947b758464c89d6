// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_LAKE_RUN_H
#define TTP_SERVICE_LAKE_RUN_H

/*
 * A run: streams → queue → writer → sink, joined here. A thread for each stream and the writer's
 * work; the calling thread answers signals, keeps the deadlines and tells the observers.
 *
 * It works in rounds. A round plans by the lake's coverage, streams what is open and commits it; a
 * round whose commit failed is followed by another, which asks for what was lost.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "service/run_facts.h"
#include "status/snapshot.h"
#include "util/exit_code.h"

/* Sentences that a report keeps. */
#define REPORT_PROBLEMS_MAX 16

/* What a run did: for the summary. */
struct run_report {
    bool has_run; /* false: it ended before any work; an error was logged */
    bool stopped; /* by a signal */
    bool live;
    int64_t elapsed_us;
    struct status_snapshot last; /* the counters at the end */
    bool other_chain;            /* the server's ledgers are not the lake's: fetch nothing */
    struct ledger_set uncovered; /* bounded: what is still open */
    size_t problem_count;
    struct status_problem problems[REPORT_PROBLEMS_MAX];
};

void run_report_init(struct run_report *report);
void run_report_release(struct run_report *report);

/* Runs until the range is covered, a signal stops it, or it can't go on; what went wrong is logged.
 * Signals must be installed. `observer` may be NULL. Release the report in every case. */
enum exit_code lake_run(const struct options *options, const struct run_observer *observer,
                        struct run_report *report);

#endif
