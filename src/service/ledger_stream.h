// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_LEDGER_STREAM_H
#define TTP_SERVICE_LEDGER_STREAM_H

/*
 * One stream of a run: a source, the intake that makes rows of what comes, and the thread that
 * drives both through the pieces that it takes of the run's work, into a queue of its own. A run
 * has a list of them; the first one checks the seams of the plan before any of them takes a piece.
 *
 * A piece that fails is told as its end in the queue, and the stream goes on with another one. What
 * no other piece would change ends the stream: another chain, a request that is refused, memory;
 * and any failure of the one stream of a run, or of the one that follows the chain.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "service/batch_queue.h"
#include "service/memory_plan.h"
#include "service/run_facts.h"
#include "service/run_plan.h"
#include "service/work.h"
#include "status/stages.h"
#include "util/error.h"

/* What a stream shares with the others of its run, but for index and queue; borrowed. */
struct stream_host {
    size_t index;
    struct batch_queue *queue;
    const struct options *options;
    const struct memory_plan *memory;
    struct work *work;
    const struct run_observers *observers;
    bool (*must_stop)(void *context);
    /* Before anything is fetched: whether the chain's newest ledger is to be looked for, and where
     * it was found (service/tip_search.h). must_stop says if it is to be planned anew for it. */
    bool (*wants_tip)(void *context, size_t index);
    void (*on_tip)(void *context, uint32_t ledger);
    /* On the stream's thread. What it fetched does not fit the lake: nothing that waits is taken.
     */
    void (*on_misfit)(void *context);
    /* So, too, at its end: nothing more of it comes into the queue. */
    void (*on_done)(void *context, size_t index, enum error_code code);
    void *context;
};

struct ledger_stream;

/* ERR_INVALID, ERR_NO_MEMORY, ERR_IO. */
enum error_code ledger_stream_new(struct ledger_stream **out, const struct stream_host *host,
                                  struct error *error) MUST_CHECK;
void ledger_stream_free(struct ledger_stream *stream); /* NULL is fine */

/* Starts the thread on the work of `plan` (borrowed; is_compared of its ranges is set by the first
 * stream). ERR_IO: there is no thread, and on_done is not called. */
enum error_code ledger_stream_start(struct ledger_stream *stream, struct run_plan *plan,
                                    struct error *error) MUST_CHECK;
/* Waits for the thread's end; harmless without one. Returns how the stream ended: OK, also if it
 * was told to stop; what source_run and the seam check give. */
enum error_code ledger_stream_join(struct ledger_stream *stream, struct error *error);

/* From any thread: must_stop may say something else, or the queue has room. */
void ledger_stream_wake(struct ledger_stream *stream);
/* From any thread. */
void ledger_stream_get_stats(const struct ledger_stream *stream, struct stream_stats *out);
/* From any thread: what it fetches; 0, 0: nothing. last 0: it follows the chain. */
struct ledger_range ledger_stream_range(const struct ledger_stream *stream);

#endif
