// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_LAKE_WRITER_H
#define TTP_SERVICE_LAKE_WRITER_H

/*
 * The writer thread's loop: takes batches from the streams' queues in turn, gives each to the
 * stream's sink, lets time pass there, and commits at the end of a piece and at the end of all.
 * After a failure all queues are aborted, so that the sources stop; what was not committed, of
 * whichever stream, is dropped and asked for again by the next plan.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/batch_queue.h"
#include "service/lake_care.h"
#include "sink/sink.h"
#include "util/error.h"

struct lake_writer;

/* What comes from one stream. */
struct writer_lane {
    struct lake_writer *writer;
    struct sink *sink;         /* borrowed */
    struct batch_queue *queue; /* borrowed; has the writer's bell */
    bool is_over;
};

struct lake_writer {
    struct writer_lane lanes[SINK_MAX];
    size_t lane_count;
    struct queue_bell *bell; /* borrowed */
    struct lake_care *care;  /* borrowed */
    bool (*is_stopping)(void *context);
    /* All that came of the lane's piece is committed. */
    void (*on_end_of_piece)(void *context, const struct queue_piece *piece);
    void *context;
    _Atomic int64_t seen_us; /* monotonic: when the loop last came round */
    size_t failed_lane;      /* whose call failed */
    struct error error;      /* of it */
    bool has_lost_range;
    struct ledger_range lost_range; /* what has to be asked for again */
};

/* One more stream; `writer` stays where it is from then on. */
void lake_writer_add(struct lake_writer *writer, struct sink *sink, struct batch_queue *queue);

/* Runs until all queues are closed and everything is committed, or one is aborted, or until a call
 * fails. */
enum error_code lake_writer_run(struct lake_writer *writer) MUST_CHECK;

#endif
