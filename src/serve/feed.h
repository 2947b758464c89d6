// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_FEED_H
#define TTP_SERVE_FEED_H

/*
 * Where a server's ledgers come from: a recording or the generator behind one small table. Events
 * are handed over framed as gRPC sends them, so that serving them is copying them: for each event a
 * zero byte, its length as 32 bits big-endian, and the serialized TokenTransferEvent.
 *
 * A feed borrows what it was made of (recording_feed, generator_feed). Not thread-safe: one feed
 * belongs to one server.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

#define FEED_PREFIX_BYTES 5

struct feed {
    void *context;
    uint32_t first_ledger; /* the first ledger with events */
    uint32_t last_ledger;  /* the last one; UINT32_MAX: there is always one more */
    /* The first ledger with events at or above `wanted`; false if there is none. */
    bool (*find)(void *context, uint32_t wanted, uint32_t *sequence);
    /* Appends the framed events of ledger `sequence` (one that find returned) to `framed`. */
    enum error_code (*load)(void *context, uint32_t sequence, struct buffer *framed,
                            struct error *error);
};

/* Takes the next framed message off the front of `framed`: false at the end. The bytes come from a
 * feed's load, so a frame that ends early is our own mistake (asserted). */
bool feed_next_message(struct bytes_view *framed, struct bytes_view *message);

/* Appends one message with its prefix; ERR_NO_MEMORY. */
enum error_code feed_append_message(struct buffer *framed, struct bytes_view message) MUST_CHECK;

#endif
