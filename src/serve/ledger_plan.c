// SPDX-License-Identifier: Apache-2.0
#include "serve/ledger_plan.h"

#include <assert.h>

#include "serve/population.h"
#include "serve/random.h"

#define DRAW_LEDGER 100 /* none of population.c's kinds */
#define DRAW_GIFT   101
/* One giveaway goes on for so many ledgers: three hours. */
#define GIFT_LEDGERS 2048

/* Fees, operations and refunds of a ledger, from 63092993 to 63092996: 250 to 297 fees, 33 to 56
 * transactions with events, 6 to 12 refunds. */
#define FEES_LEAST    240u
#define FEES_RANGE    54u
#define TXS_LEAST     31u
#define TXS_RANGE     20u
#define REFUNDS_LEAST 5u
#define REFUNDS_RANGE 8u

/* How many of a thousand transactions with events have each shape (giveaways come once a ledger).
 */
static const uint16_t shape_weights[TX_SHAPE_COUNT] = {
    [TX_PAYMENT] = 142,      [TX_MINT] = 174,     [TX_TRADE] = 31,  [TX_PAYMENT_PAIR] = 40,
    [TX_MINT_PAIR] = 23,     [TX_DIVIDEND] = 194, [TX_PATH] = 256,  [TX_LOOP] = 72,
    [TX_CONTRACT_SWAP] = 44, [TX_CLAIM] = 7,      [TX_ANCHOR] = 13, [TX_CLAWBACK] = 2};

static enum tx_shape draw_shape(uint64_t *state)
{
    uint32_t at = random_below(state, 1000);
    for (unsigned shape = 0; shape < TX_SHAPE_COUNT; shape++) {
        if (at < shape_weights[shape])
            return (enum tx_shape)shape;
        at -= shape_weights[shape];
    }
    return TX_PAYMENT;
}

/* Each fund always pays in the same assets. */
static uint32_t fund_size(uint32_t fund)
{
    static const uint8_t sizes[] = {8, 8, 4, 10, 17, 4, 7, 10, 8, 24, 6, 8, 5, 10, 24, 4};
    return sizes[fund % sizeof sizes];
}

static void draw_details(struct planned_tx *tx, uint64_t *state)
{
    static const uint8_t path_hops[] = {1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5, 6};
    static const uint8_t loop_operations[] = {2, 2, 4, 5, 5, 7, 9, 10};
    static const uint8_t swap_events[] = {2, 2, 4, 5};
    tx->detail = 0;
    switch (tx->shape) {
    case TX_TRADE:
    case TX_PAYMENT_PAIR:
    case TX_MINT_PAIR: tx->event_count = 2; break;
    case TX_DIVIDEND:
        tx->detail = random_rank(state, 0, 5);
        tx->event_count = fund_size(tx->detail);
        break;
    case TX_PATH:
        tx->detail = path_hops[random_below(state, sizeof path_hops)];
        tx->event_count = 2 * tx->detail + 1;
        break;
    case TX_LOOP:
        tx->detail = 2 + random_below(state, 2);
        tx->event_count =
            loop_operations[random_below(state, sizeof loop_operations)] * (2 * tx->detail + 1);
        break;
    case TX_CONTRACT_SWAP:
        tx->event_count = swap_events[random_below(state, sizeof swap_events)];
        break;
    case TX_ANCHOR: tx->event_count = random_below(state, 2) == 0 ? 3 : 9; break;
    default: tx->event_count = 1; break;
    }
}

/* `count` places among 1 to `total`, rising, spread evenly with some chance. */
static uint32_t draw_place(uint64_t *state, uint32_t number, uint32_t count, uint32_t total)
{
    uint32_t from = number * total / count, to = (number + 1) * total / count;
    return 1 + from + random_below(state, to - from);
}

void ledger_plan_make(struct ledger_plan *plan, uint64_t seed, uint32_t sequence)
{
    plan->sequence = sequence;
    plan->seed = random_of(seed, DRAW_LEDGER, sequence);
    uint64_t state = plan->seed;
    plan->fee_count = FEES_LEAST + random_below(&state, FEES_RANGE);
    plan->tx_count = TXS_LEAST + random_below(&state, TXS_RANGE) + 1;
    plan->refund_count = REFUNDS_LEAST + random_below(&state, REFUNDS_RANGE);
    plan->event_count = plan->fee_count + plan->refund_count;

    uint32_t gift_at = random_below(&state, plan->tx_count);
    uint64_t gift = random_of(seed, DRAW_GIFT, sequence / GIFT_LEDGERS);
    for (uint32_t i = 0; i < plan->tx_count; i++) {
        struct planned_tx *tx = &plan->txs[i];
        tx->tx_index = draw_place(&state, i, plan->tx_count, plan->fee_count);
        tx->shape = i == gift_at ? TX_GIVEAWAY : draw_shape(&state);
        draw_details(tx, &state);
        tx->seed = random_next(&state);
        if (tx->shape == TX_GIVEAWAY) {
            tx->event_count = 78 + (uint32_t)(gift % 15);
            tx->detail = (uint32_t)(sequence / GIFT_LEDGERS);
        }
        plan->event_count += tx->event_count;
    }
    for (uint32_t i = 0; i < plan->refund_count; i++)
        plan->refunds[i] = draw_place(&state, i, plan->refund_count, plan->fee_count);
    assert(plan->event_count <= PLAN_EVENT_LIMIT);
}
