// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_MEMORY_PLAN_H
#define TTP_SERVICE_MEMORY_PLAN_H

/* How memory_limit is shared out: the one place that decides. */

#include <stddef.h>
#include <stdint.h>

struct memory_plan {
    uint32_t window_bytes;     /* HTTP/2 windows: what the server may send unasked */
    size_t queue_bytes;        /* batches between the threads */
    size_t flush_bytes;        /* complete ledgers that go to the queue at once */
    size_t ledger_limit_bytes; /* the ledger in progress and its dictionaries */
    uint64_t writer_bytes;     /* open row groups and files: beyond it a commit is cut */
};

/* All but the limit itself is one stream's of so many. */
struct memory_plan memory_plan_make(uint64_t memory_limit_bytes, size_t stream_count);

#endif
