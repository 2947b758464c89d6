// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/shape.h"

#include <stdbool.h>
#include <string.h>

#include "pb/event.h"
#include "serve/feed.h"
#include "util/memory.h"

const char *const shape_names[SHAPE_FIGURE_COUNT] = {
    [SHAPE_EVENTS] = "events",
    [SHAPE_BYTES] = "bytes",
    [SHAPE_FIRST_FEES] = "fees",
    [SHAPE_REFUNDS] = "refunds",
    [SHAPE_TRANSFERS] = "transfers",
    [SHAPE_MINTS] = "mints",
    [SHAPE_OPERATION_TXS] = "transactions with operations",
    [SHAPE_OPERATIONS] = "operations",
    [SHAPE_FROM_ACCOUNT] = "from G",
    [SHAPE_FROM_POOL] = "from L",
    [SHAPE_FROM_CONTRACT] = "from C",
    [SHAPE_TO_ACCOUNT] = "to G",
    [SHAPE_TO_POOL] = "to L",
    [SHAPE_TO_CONTRACT] = "to C",
    [SHAPE_TO_BALANCE] = "to B",
    [SHAPE_DISTINCT_HASHES] = "distinct transactions",
    [SHAPE_DISTINCT_FROM] = "distinct sources",
    [SHAPE_DISTINCT_TO] = "distinct destinations",
    [SHAPE_DISTINCT_ASSETS] = "distinct assets",
    [SHAPE_DISTINCT_ISSUERS] = "distinct issuers",
    [SHAPE_DISTINCT_CONTRACTS] = "distinct contracts",
    [SHAPE_DISTINCT_AMOUNTS] = "distinct amounts",
    [SHAPE_DISTINCT_MEMOS] = "distinct memos",
    [SHAPE_DISTINCT_POOLS] = "distinct pools",
    [SHAPE_RUNS_HASH] = "runs of one transaction",
    [SHAPE_RUNS_FROM] = "runs of one source",
    [SHAPE_RUNS_TO] = "runs of one destination",
    [SHAPE_RUNS_ASSET] = "runs of one asset",
    [SHAPE_RUNS_AMOUNT] = "runs of one amount",
    [SHAPE_RUNS_MEMO] = "runs of one memo",
    [SHAPE_NATIVE] = "native events",
    [SHAPE_MEMOS] = "memos",
    [SHAPE_AMOUNT_DIGITS] = "amount characters",
    [SHAPE_CODE_CHARACTERS] = "asset code characters"};

/* A set of texts: their hashes (64 bits of FNV-1a: no two of some thousands meet). */
#define SET_SLOTS 16384u

struct text_set {
    uint64_t slots[SET_SLOTS]; /* 0: empty */
    uint32_t count;
};

static uint64_t hash_of(struct bytes_view text, uint64_t start)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ start;
    for (size_t i = 0; i < text.size_bytes; i++)
        hash = (hash ^ text.data[i]) * UINT64_C(0x100000001b3);
    return hash | 1;
}

static void set_add(struct text_set *set, uint64_t hash)
{
    uint32_t at = (uint32_t)(hash >> 20) % SET_SLOTS;
    while (set->slots[at] != 0 && set->slots[at] != hash)
        at = (at + 1) % SET_SLOTS;
    if (set->slots[at] == 0) {
        set->slots[at] = hash;
        set->count++;
        assert_true(set->count < SET_SLOTS / 2);
    }
}

struct shape_window {
    double figures[SHAPE_FIGURE_COUNT];
    struct text_set sets[SHAPE_DISTINCT_POOLS - SHAPE_DISTINCT_HASHES + 1];
    uint64_t last[SHAPE_RUNS_MEMO - SHAPE_RUNS_HASH + 1];
    uint64_t last_operation;
    uint64_t last_operation_tx;
};

struct shape_window *shape_window_new(void)
{
    struct shape_window *window = mem_alloc_zero(1, sizeof *window);
    assert_non_null(window);
    return window;
}

static void add_distinct(struct shape_window *window, enum shape_figure figure, uint64_t hash)
{
    set_add(&window->sets[figure - SHAPE_DISTINCT_HASHES], hash);
}

static void add_run(struct shape_window *window, enum shape_figure figure, uint64_t hash)
{
    uint64_t *last = &window->last[figure - SHAPE_RUNS_HASH];
    window->figures[figure] += *last != hash;
    *last = hash;
}

static void count_kind(struct shape_window *window, struct bytes_view address, bool is_source)
{
    double *figures = window->figures;
    switch (address.size_bytes == 0 ? 0 : address.data[0]) {
    case 'G': figures[is_source ? SHAPE_FROM_ACCOUNT : SHAPE_TO_ACCOUNT]++; break;
    case 'L': figures[is_source ? SHAPE_FROM_POOL : SHAPE_TO_POOL]++; break;
    case 'C': figures[is_source ? SHAPE_FROM_CONTRACT : SHAPE_TO_CONTRACT]++; break;
    case 'B': figures[SHAPE_TO_BALANCE] += !is_source; break;
    default: break;
    }
}

static void count_type(struct shape_window *window, const struct event_view *event)
{
    double *figures = window->figures;
    bool is_refund = event->amount.size_bytes > 0 && event->amount.data[0] == '-';
    figures[SHAPE_FIRST_FEES] += event->type == EVENT_FEE && !is_refund;
    figures[SHAPE_REFUNDS] += event->type == EVENT_FEE && is_refund;
    figures[SHAPE_TRANSFERS] += event->type == EVENT_TRANSFER;
    figures[SHAPE_MINTS] += event->type == EVENT_MINT;
    if (event->type == EVENT_FEE)
        return;
    uint64_t tx = hash_of(event->tx_hash, 0);
    uint64_t operation = hash_of(event->tx_hash, event->operation_index);
    figures[SHAPE_OPERATION_TXS] += tx != window->last_operation_tx;
    figures[SHAPE_OPERATIONS] += operation != window->last_operation;
    window->last_operation_tx = tx;
    window->last_operation = operation;
}

static void count_event(struct shape_window *window, const struct event_view *event)
{
    double *figures = window->figures;
    count_type(window, event);
    count_kind(window, event->from, true);
    count_kind(window, event->to, false);
    uint64_t memo = event->memo_kind == MEMO_NONE ? 0 : hash_of(event->memo, event->memo_id);
    uint64_t issuer = event->asset_kind == ASSET_ISSUED ? hash_of(event->asset_issuer, 0) : 0;
    uint64_t asset = hash_of(event->asset_code, issuer + event->asset_kind);
    uint64_t from = event->from.size_bytes != 0 ? hash_of(event->from, 0) : 0;
    uint64_t to = event->to.size_bytes != 0 ? hash_of(event->to, 0) : 0;
    figures[SHAPE_NATIVE] += event->asset_kind == ASSET_NATIVE;
    figures[SHAPE_MEMOS] += memo != 0;
    figures[SHAPE_AMOUNT_DIGITS] += (double)event->amount.size_bytes;
    figures[SHAPE_CODE_CHARACTERS] +=
        event->asset_kind == ASSET_NATIVE ? 3 : (double)event->asset_code.size_bytes;

    add_distinct(window, SHAPE_DISTINCT_HASHES, hash_of(event->tx_hash, 0));
    add_distinct(window, SHAPE_DISTINCT_CONTRACTS, hash_of(event->contract_address, 0));
    add_distinct(window, SHAPE_DISTINCT_AMOUNTS, hash_of(event->amount, 0));
    add_distinct(window, SHAPE_DISTINCT_ASSETS, asset);
    if (from != 0)
        add_distinct(window, SHAPE_DISTINCT_FROM, from);
    if (to != 0)
        add_distinct(window, SHAPE_DISTINCT_TO, to);
    if (to != 0 && event->to.data[0] == 'L')
        add_distinct(window, SHAPE_DISTINCT_POOLS, to);
    if (issuer != 0)
        add_distinct(window, SHAPE_DISTINCT_ISSUERS, issuer);
    if (memo != 0)
        add_distinct(window, SHAPE_DISTINCT_MEMOS, memo);
    add_run(window, SHAPE_RUNS_HASH, hash_of(event->tx_hash, 0));
    add_run(window, SHAPE_RUNS_FROM, from);
    add_run(window, SHAPE_RUNS_TO, to);
    add_run(window, SHAPE_RUNS_ASSET, asset);
    add_run(window, SHAPE_RUNS_AMOUNT, hash_of(event->amount, 0));
    add_run(window, SHAPE_RUNS_MEMO, memo);
}

void shape_window_add(struct shape_window *window, struct bytes_view framed_ledger)
{
    struct bytes_view message;
    while (feed_next_message(&framed_ledger, &message)) {
        struct event_view event;
        assert_int_equal(event_decode(message, &event, NULL), OK);
        window->figures[SHAPE_EVENTS]++;
        window->figures[SHAPE_BYTES] += (double)message.size_bytes;
        count_event(window, &event);
    }
}

void shape_window_finish(struct shape_window *window, double figures[SHAPE_FIGURE_COUNT])
{
    for (unsigned figure = SHAPE_DISTINCT_HASHES; figure <= SHAPE_DISTINCT_POOLS; figure++)
        window->figures[figure] = window->sets[figure - SHAPE_DISTINCT_HASHES].count;
    memcpy(figures, window->figures, sizeof window->figures);
    mem_free(window);
}
