// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_LEDGER_STREAM_H
#define TTP_SERVICE_LEDGER_STREAM_H

/*
 * One stream of a run: a source, the intake that makes rows of what comes, and the thread that
 * drives both through the ranges given to it. Checks the seams of all its ranges first, then
 * fetches range by range into the queue that it shares with others. A run has a list of them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "service/batch_queue.h"
#include "service/memory_plan.h"
#include "service/run_facts.h"
#include "service/run_plan.h"
#include "status/stages.h"
#include "util/error.h"

/* What a stream shares with the others of its run; borrowed. */
struct stream_host {
    const struct options *options;
    const struct memory_plan *memory;
    struct batch_queue *queue;
    const struct run_observers *observers;
    bool (*must_stop)(void *context);
    /* On the stream's thread, at its end: nothing more of it comes into the queue. */
    void (*on_done)(void *context, enum error_code code);
    void *context;
};

struct ledger_stream;

/* ERR_INVALID, ERR_NO_MEMORY, ERR_IO. */
enum error_code ledger_stream_new(struct ledger_stream **out, const struct stream_host *host,
                                  struct error *error) MUST_CHECK;
void ledger_stream_free(struct ledger_stream *stream); /* NULL is fine */

/* Starts the thread on `ranges` (borrowed; their is_compared is set). ERR_IO: there is no thread,
 * and on_done is not called. */
enum error_code ledger_stream_start(struct ledger_stream *stream, struct run_range *ranges,
                                    size_t range_count, struct error *error) MUST_CHECK;
/* Waits for the thread's end; harmless without one. Returns how the stream ended: OK, also if it
 * was told to stop; what source_run and the seam check give. */
enum error_code ledger_stream_join(struct ledger_stream *stream, struct error *error);

/* From any thread: must_stop may say something else, or the queue has room. */
void ledger_stream_wake(struct ledger_stream *stream);
/* From any thread. */
void ledger_stream_get_stats(const struct ledger_stream *stream, struct stream_stats *out);

#endif
