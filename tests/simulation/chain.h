// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_CHAIN_H
#define TTP_SIMULATION_CHAIN_H

/*
 * The chain of a seed: what the server serves, and the truth that the lake is compared with. Every
 * event is a function of (seed, ledger, index).
 */

#include <stdbool.h>
#include <stdint.h>

#include "pb/event.h"
#include "serve/feed.h"

#define CHAIN_LEDGERS_MAX 1200
#define CHAIN_EVENTS_MIN  1000

struct chain_ledger {
    int64_t close_s;
    uint32_t event_count; /* 0: the stream leaves the ledger out */
    bool skipped;         /* the server's script leaves it out once */
};

struct chain {
    uint64_t seed;
    uint32_t first, last;               /* both have events */
    uint32_t served_first, served_last; /* what the server has of it */
    uint32_t event_count;
    struct chain_ledger ledgers[CHAIN_LEDGERS_MAX];
};

/* An event with its texts. */
struct chain_event {
    struct event_view view;
    char tx_hash[65], from[57], to[57], contract[57], issuer[57], amount[32], memo[16];
};

void chain_make(struct chain *chain, uint64_t seed);
/* Another chain with the same ledger numbers, whose ledgers closed so much later. */
void chain_make_other(struct chain *other, const struct chain *chain, int64_t later_s);
const struct chain_ledger *chain_ledger(const struct chain *chain, uint32_t ledger);
/* False: it can't be a row, so it must become a dead letter. */
bool chain_event(const struct chain *chain, uint32_t ledger, uint32_t index,
                 struct chain_event *event);
/* An older program can't store it. */
bool chain_is_news(const struct event_view *event);
/* Borrows the chain. */
struct feed chain_feed(struct chain *chain);

#endif
