// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_EVENT_WRITER_H
#define TTP_SERVE_EVENT_WRITER_H

/*
 * Writes generated events, framed as feed.h says, into memory that the caller has sized: the bytes
 * that pb/event.h's event_encode gives, without going through its views.
 */

#include <stdint.h>

#include "pb/event.h"
#include "serve/population.h"
#include "util/bytes.h"

/* No event takes more, frame included: its texts are bounded by their kinds. */
#define EVENT_WRITER_MAX_BYTES 512u
#define EVENT_AMOUNT_BYTES     48
#define EVENT_MEMO_BYTES       64

struct event_draft {
    enum event_type type;
    uint32_t operation_index;            /* 0: none */
    struct address from, to;             /* those that the type has */
    const struct generated_asset *asset; /* NULL: a token without an asset */
    const char *contract;                /* 56 characters */
    uint8_t memo[EVENT_MEMO_BYTES];      /* a serialized MuxedInfo */
    uint8_t memo_bytes;                  /* 0: none */
    uint8_t amount_bytes;
    char amount[EVENT_AMOUNT_BYTES];
};

struct event_writer {
    uint8_t *at;      /* where the next event goes */
    uint8_t head[24]; /* ledger and close time, serialized */
    uint8_t head_bytes;
    char tx_hash[64];
    uint32_t tx_index;
    uint32_t event_count; /* written */
    uint32_t event_limit; /* what comes after so many is dropped */
};

/* Starts a ledger at `at`. */
void event_writer_begin(struct event_writer *writer, uint8_t *at, uint32_t ledger_sequence,
                        int64_t closed_at_seconds, uint32_t event_limit);
/* The transaction of the events that follow; its hash is made of four numbers. */
void event_writer_transaction(struct event_writer *writer, uint64_t hash_seed, uint32_t tx_index);
void event_writer_add(struct event_writer *writer, const struct event_draft *draft);

void event_draft_set_amount(struct event_draft *draft, uint64_t amount, bool is_negative);
void event_draft_set_memo_text(struct event_draft *draft, struct bytes_view text);
void event_draft_set_memo_id(struct event_draft *draft, uint64_t id);
void event_draft_set_memo_hash(struct event_draft *draft, const uint8_t hash[32]);

#endif
