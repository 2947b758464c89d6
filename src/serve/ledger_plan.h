// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_LEDGER_PLAN_H
#define TTP_SERVE_LEDGER_PLAN_H

/*
 * What happens in one generated ledger, before any event is written: how many transactions pay a
 * fee, which of them do something that moves tokens and how many events that gives, which get a
 * refund. A function of (seed, sequence); cheap, so that ledgers can be counted without making
 * them.
 */

#include <stdint.h>

/* Kinds of transactions, as they occur in the real ledgers. */
enum tx_shape {
    TX_GIVEAWAY,      /* an operation each: a claimable balance of one asset for one more account */
    TX_PAYMENT,       /* one payment */
    TX_MINT,          /* one payment by the issuer */
    TX_TRADE,         /* an offer that is taken: two transfers */
    TX_PAYMENT_PAIR,  /* a payment and its charge */
    TX_MINT_PAIR,     /* two mints with one memo */
    TX_DIVIDEND,      /* a fund pays one account in many assets, an operation each */
    TX_PATH,          /* a path payment over pools and offers */
    TX_LOOP,          /* many small path payments */
    TX_CONTRACT_SWAP, /* an exchange's contract */
    TX_CLAIM,         /* a claimable balance is claimed */
    TX_ANCHOR,        /* mint, transfers and burn of an anchor */
    TX_CLAWBACK,
    TX_SHAPE_COUNT
};

#define PLAN_TX_LIMIT     64u
#define PLAN_REFUND_LIMIT 16u
/* More than any plan adds up to. */
#define PLAN_EVENT_LIMIT 8192u

struct planned_tx {
    uint32_t tx_index; /* 1-based */
    uint32_t event_count;
    enum tx_shape shape;
    uint32_t detail; /* TX_DIVIDEND: the fund; TX_PATH, TX_LOOP: hops of each operation */
    uint64_t seed;   /* of its own draws */
};

struct ledger_plan {
    uint64_t seed; /* of the ledger */
    uint32_t sequence;
    uint32_t fee_count; /* transactions; their indices are 1 to fee_count */
    struct planned_tx txs[PLAN_TX_LIMIT];
    uint32_t tx_count;
    uint32_t refunds[PLAN_REFUND_LIMIT]; /* indices of the transactions refunded, rising */
    uint32_t refund_count;
    uint32_t event_count;
};

void ledger_plan_make(struct ledger_plan *plan, uint64_t seed, uint32_t sequence);

#endif
