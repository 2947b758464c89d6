// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_LAKE_WRITER_H
#define TTP_SERVICE_LAKE_WRITER_H

/*
 * The writer thread's loop: takes batches from the queue, gives them to the sink, lets time pass
 * there, and commits at the end. After a failure the queue is aborted, so that the source stops;
 * what was not committed is dropped and asked for again by the next plan.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/batch_queue.h"
#include "service/lake_care.h"
#include "sink/sink.h"
#include "util/error.h"

struct lake_writer {
    struct sink *sink;         /* borrowed */
    struct batch_queue *queue; /* borrowed */
    struct lake_care *care;    /* borrowed */
    bool (*is_stopping)(void *context);
    void *context;
    _Atomic int64_t seen_us; /* monotonic: when the loop last came round */
    struct error error;      /* of the failed call */
    bool has_lost_range;
    struct ledger_range lost_range; /* what has to be asked for again */
};

/* Runs until the queue is closed and everything is committed, or is aborted, or until a call fails.
 */
enum error_code lake_writer_run(struct lake_writer *writer) MUST_CHECK;

#endif
