// SPDX-License-Identifier: Apache-2.0
#include "service/memory_plan.h"

#define MIB             (UINT64_C(1024) * 1024)
#define WINDOW_MIN      (1 * MIB)
#define WINDOW_MAX      (16 * MIB) /* 2 million events/s at 20 ms of round trip (measured) */
#define QUEUE_MAX       (64 * MIB) /* a second of events at full speed: more only adds delay */
#define LEDGER_SHARE    2
#define WINDOW_SHARE    16
#define QUEUE_SHARE     12
#define FLUSH_SHARE     2 /* of the queue */
#define WRITER_PER_CENT 40
#define STREAMS_BASE    (96 * MIB)

/*
 * One stream has the whole limit to share out. Of the default 192 MiB: 12 MiB for the windows, 16
 * MiB for the queue, 76 MiB for the writer. The rest is for code, libraries, SQLite's cache, encode
 * scratch and the ledger in progress, which is a few MiB on the public network. A ledger may grow
 * to half of the limit before the run is ended: while it does, nothing else arrives, so the windows
 * and the queue are empty.
 */
/*
 * Several streams have one base together (code, libraries, SQLite's cache, encode scratch), and of
 * what is left each has as much: of 64 MiB 4 for the windows, 5 for the queue, 26 for the writer.
 */
static uint64_t share_of(uint64_t memory_limit_bytes, size_t stream_count)
{
    if (stream_count == 1)
        return memory_limit_bytes;
    uint64_t base = memory_limit_bytes / 2 < STREAMS_BASE ? memory_limit_bytes / 2 : STREAMS_BASE;
    return (memory_limit_bytes - base) / stream_count;
}

struct memory_plan memory_plan_make(uint64_t memory_limit_bytes, size_t stream_count)
{
    uint64_t share = share_of(memory_limit_bytes, stream_count);
    uint64_t window = share / WINDOW_SHARE;
    uint64_t queue = share / QUEUE_SHARE;
    window = window < WINDOW_MIN ? WINDOW_MIN : window > WINDOW_MAX ? WINDOW_MAX : window;
    queue = queue > QUEUE_MAX ? QUEUE_MAX : queue;
    return (struct memory_plan){.window_bytes = (uint32_t)window,
                                .queue_bytes = (size_t)queue,
                                .flush_bytes = (size_t)(queue / FLUSH_SHARE),
                                .ledger_limit_bytes = (size_t)(share / LEDGER_SHARE),
                                .writer_bytes = share / 100 * WRITER_PER_CENT};
}
