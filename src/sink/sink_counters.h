// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_SINK_COUNTERS_H
#define TTP_SINK_SINK_COUNTERS_H

/* What a sink counts, while other threads read it. */

#include <stdatomic.h>

#include "catalog/catalog.h"
#include "status/stages.h"
#include "store/obstacle.h"

/* What other threads may read; everything relaxed, since nothing is ordered by it. */
struct sink_counters {
    _Atomic uint64_t rows_committed, files_committed, bytes_committed, commits, commits_failed;
    _Atomic uint64_t dead_letters_committed, unconfirmed_ledgers, rows_open, bytes_open, batches;
    _Atomic uint64_t rotations[ROTATION_REASON_COUNT];
    _Atomic int64_t last_batch_us, last_commit_us, next_commit_us;
    _Atomic uint32_t last_ledger;
    _Atomic bool failing, intake_paused;
};

static inline void sink_counter_add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* A commit is in the lake. */
void sink_counters_add_commit(struct sink_counters *counters, const struct catalog_commit *commit,
                              enum rotation_reason reason);
/* `obstacle`: what the sink waits at. */
void sink_counters_get(const struct sink_counters *counters, const struct obstacle *obstacle,
                       struct sink_stats *out);

#endif
