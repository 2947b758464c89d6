// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_WATCH_H
#define TTP_SERVICE_WATCH_H

/*
 * Joins a run to those who watch it: keeps the board and the metrics, and answers the listeners'
 * threads with snapshots of the parts of the pipeline. Thread-safe; parts are attached once they
 * exist and detached before they end.
 */

#include <stdint.h>

#include "service/batch_queue.h"
#include "service/intake.h"
#include "service/lake_writer.h"
#include "config/options.h"
#include "catalog/catalog.h"
#include "sink/sink.h"
#include "source/source.h"
#include "status/snapshot.h"
#include "util/error.h"

struct watch;

struct watch_parts {
    struct source *source;
    struct intake *intake;
    struct batch_queue *queue;
    struct sink *sink;
    const struct lake_writer *writer;
};

/* Starts the listeners that `options` ask for (borrowed as long as the watch lives) and takes note
 * of every warning logged. ERR_CONFLICT (a port is taken), ERR_INVALID, ERR_IO, ERR_NO_MEMORY. */
enum error_code watch_start(struct watch **out, const struct options *options,
                            struct error *error) MUST_CHECK;
void watch_stop(struct watch *watch); /* NULL is fine */

void watch_attach(struct watch *watch, const struct watch_parts *parts);
void watch_detach(struct watch *watch);
/* Main thread. */
void watch_set_phase(struct watch *watch, enum status_phase phase);
/* Before parts are attached: another program has held the lake's catalog since then (monotonic; 0:
 * none does). Main thread. */
void watch_set_catalog_busy(struct watch *watch, int64_t since_us);
/* The range in work is asked for from now on (wall clock; 0: nothing is). */
void watch_set_streaming(struct watch *watch, int64_t since_us);
/* The lake as the catalog has it: coverage and newest close time. */
enum error_code watch_read_catalog(struct watch *watch, struct catalog *catalog,
                                   struct error *error) MUST_CHECK;

/* For sink_on_commit and sink_on_duration; the context is the watch. */
void watch_on_commit(void *watch, const struct sink_commit_info *info);
void watch_on_duration(void *watch, const char *operation, int64_t duration_us);

/* A batch of rows was made: its time of decoding is noted. Source thread. */
void watch_on_batch(struct watch *watch);

/* Once a second, on one thread. */
void watch_sample(struct watch *watch);
/* What a listener would see now. */
void watch_snapshot(struct watch *watch, struct status_snapshot *out);

/* Warnings and errors of this run, by sentence: calls back with each and how often it came. */
void watch_each_problem(struct watch *watch,
                        void (*visit)(void *context, bool error, const char *message,
                                      uint64_t count),
                        void *context);

#endif
