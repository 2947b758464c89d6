// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_RUN_STATUS_H
#define TTP_SERVICE_RUN_STATUS_H

/*
 * How a run stands, for health, metrics, the pages, the progress and the summary: keeps what the
 * run's facts say (status/run_history.h, status/metrics.h), has the stages measured when somebody
 * asks, and answers the listeners' threads. Thread-safe.
 */

#include "config/options.h"
#include "catalog/catalog.h"
#include "service/run_facts.h"
#include "status/run_history.h"
#include "status/snapshot.h"
#include "util/error.h"

struct run_status;

/* Starts the listeners that `options` ask for (borrowed as long as it lives) and takes note of
 * every warning logged. ERR_CONFLICT (a port is taken), ERR_INVALID, ERR_IO, ERR_NO_MEMORY. */
enum error_code run_status_start(struct run_status **out, const struct options *options,
                                 struct error *error) MUST_CHECK;
void run_status_stop(struct run_status *status); /* NULL is fine */

/* The run is in work: `measure` fills in stream, queue, sink and writer_seen_us, from any thread,
 * until run_status_detach. */
void run_status_attach(struct run_status *status,
                       void (*measure)(void *context, struct status_snapshot *out), void *context);
void run_status_detach(struct run_status *status);

/* Before that: another program has held the lake's catalog since then (monotonic; 0: none does). */
void run_status_set_catalog_busy(struct run_status *status, int64_t since_us);

/* The lake as the catalog has it: coverage and newest close time. */
enum error_code run_status_read_catalog(struct run_status *status, struct catalog *catalog,
                                        struct error *error) MUST_CHECK;

/* What takes the run's facts. */
struct run_observer run_status_observer(struct run_status *status);

/* What a listener would see now. */
void run_status_snapshot(struct run_status *status, struct status_snapshot *out);

/* Warnings and errors of this run, by sentence, in the order in which they first came. */
void run_status_each_problem(struct run_status *status, status_problem_visitor *visit,
                             void *context);

#endif
