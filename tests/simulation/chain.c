// SPDX-License-Identifier: Apache-2.0
#include "chain.h"
#include "rows/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "serve/random.h"
#include "world.h"

#define START_S INT64_C(1705320000) /* 2024-01-15T12:00:00Z */

void chain_make(struct chain *chain, uint64_t seed)
{
    static const uint32_t steps_s[] = {5, 30, 90, 600};
    uint64_t random = random_mix(seed + 77);
    uint32_t step_s = steps_s[random_below(&random, 4)];
    uint32_t events_most = random_below(&random, 4) == 0 ? 60 : 14;
    int64_t close_s = START_S + random_below(&random, 3600);
    *chain = (struct chain){.seed = seed, .first = 1000 + random_below(&random, 100000)};
    uint32_t count = 0;
    while (count < CHAIN_LEDGERS_MAX && chain->event_count < CHAIN_EVENTS_MIN) {
        struct chain_ledger *ledger = &chain->ledgers[count];
        bool is_empty = count > 0 && random_below(&random, 8) == 0;
        close_s += 1 + random_below(&random, 2 * step_s);
        *ledger = (struct chain_ledger){.close_s = close_s,
                                        .event_count =
                                            is_empty ? 0 : 1 + random_below(&random, events_most)};
        chain->event_count += ledger->event_count;
        count++;
    }
    chain->last = chain->first + count - 1;
    chain->served_first = chain->first;
    chain->served_last = chain->last;
}

void chain_make_other(struct chain *other, const struct chain *chain, int64_t later_s)
{
    *other = *chain;
    other->seed = random_mix(chain->seed + 99);
    for (uint32_t i = 0; i <= chain->last - chain->first; i++)
        other->ledgers[i].close_s += later_s;
}

const struct chain_ledger *chain_ledger(const struct chain *chain, uint32_t ledger)
{
    return &chain->ledgers[ledger - chain->first];
}

static void account(char out[57], uint64_t number)
{
    snprintf(out, 57, "G%055" PRIu64, number % 40);
}

static void set_parties(struct chain_event *event, uint64_t *random)
{
    struct event_view *view = &event->view;
    account(event->from, random_next(random));
    account(event->to, random_next(random));
    if (view->type != EVENT_MINT)
        view->from = bytes_view_text(event->from);
    if (view->type == EVENT_TRANSFER || view->type == EVENT_MINT)
        view->to = bytes_view_text(event->to);
}

static void set_asset(struct chain_event *event, uint64_t *random)
{
    struct event_view *view = &event->view;
    view->asset_kind = (enum asset_kind)random_below(random, 3);
    if (view->asset_kind != ASSET_ISSUED)
        return;
    account(event->issuer, random_next(random));
    view->asset_code = bytes_view_text(random_below(random, 2) == 0 ? "USDC" : "yXLM");
    view->asset_issuer = bytes_view_text(event->issuer);
}

static void set_memo(struct chain_event *event, uint64_t *random)
{
    struct event_view *view = &event->view;
    switch (random_below(random, 6)) {
    case 0:
        view->memo_kind = MEMO_TEXT;
        snprintf(event->memo, sizeof event->memo, "memo %u", random_below(random, 1000));
        view->memo = bytes_view_text(event->memo);
        break;
    case 1:
        view->memo_kind = MEMO_ID;
        view->memo_id = random_next(random);
        break;
    default: break;
    }
}

bool chain_event(const struct chain *chain, uint32_t ledger, uint32_t index,
                 struct chain_event *event)
{
    uint64_t random = random_of(chain->seed, ledger, index);
    bool is_storable = random_below(&random, 120) != 0;
    *event = (struct chain_event){
        .view = {.has_meta = true,
                 .has_closed_at = true,
                 .ledger_sequence = ledger,
                 .closed_at_seconds = chain_ledger(chain, ledger)->close_s,
                 .transaction_index = 1 + index / 2,
                 .has_operation_index = index % 3 == 0,
                 .operation_index = index % 3 == 0 ? 1 + index % 2 : 0,
                 .type = (enum event_type)(EVENT_TRANSFER + random_below(&random, 5))}};
    struct event_view *view = &event->view;
    for (size_t i = 0; i < 4; i++)
        snprintf(event->tx_hash + 16 * i, 17, "%016" PRIx64,
                 random_of(chain->seed, ledger, (index / 2) * 4 + i + 100000));
    if (!is_storable)
        event->tx_hash[7] = 'x';
    view->tx_hash = bytes_view_text(event->tx_hash);
    account(event->contract, 0);
    event->contract[0] = 'C';
    view->contract_address = bytes_view_text(event->contract);
    snprintf(event->amount, sizeof event->amount, "%" PRIu64,
             random_next(&random) >> random_below(&random, 64));
    view->amount = bytes_view_text(event->amount);
    set_parties(event, &random);
    set_asset(event, &random);
    set_memo(event, &random);
    return is_storable;
}

static bool find(void *context, uint32_t wanted, uint32_t *sequence)
{
    const struct chain *chain = context;
    uint32_t ledger = wanted < chain->served_first ? chain->served_first : wanted;
    while (ledger <= chain->served_last && chain_ledger(chain, ledger)->event_count == 0)
        ledger++;
    *sequence = ledger;
    return ledger <= chain->served_last;
}

/* A run is stopped while the server sends. */
static void stop_at_load(void)
{
    if (world->life.stop_at_load != 0 && --world->life.stop_at_load == 0 &&
        world->now_us < world->life.stop_at_us)
        world->life.stop_at_us = world->now_us + 1;
}

static enum error_code load(void *context, uint32_t sequence, struct buffer *framed,
                            struct error *error)
{
    const struct chain *chain = context;
    struct buffer message;
    enum error_code code = OK;
    stop_at_load();
    buffer_init(&message);
    for (uint32_t i = 0; code == OK && i < chain_ledger(chain, sequence)->event_count; i++) {
        struct chain_event event;
        (void)chain_event(chain, sequence, i, &event);
        buffer_reset(&message);
        code = event_encode(&event.view, &message);
        if (code == OK)
            code = feed_append_message(framed, buffer_view(&message));
    }
    buffer_release(&message);
    return code == OK ? OK : error_no_memory(error, "a ledger of the simulation");
}

struct feed chain_feed(struct chain *chain)
{
    return (struct feed){.context = chain,
                         .first_ledger = chain->served_first,
                         .last_ledger = chain->served_last,
                         .find = find,
                         .load = load};
}

/* ---- an older program ---- */

extern __typeof__(row_from_event) __real_row_from_event, __wrap_row_from_event;
extern __typeof__(row_collect) __real_row_collect, __wrap_row_collect;

bool chain_is_news(const struct event_view *event)
{
    return event->type == EVENT_CLAWBACK;
}

/* It can't store what is news to it. */
enum error_code __wrap_row_from_event(const struct event_view *event, uint32_t event_index,
                                      struct row_scratch *scratch, struct row_view *row,
                                      struct error *error)
{
    if (world->life.is_old_program && chain_is_news(event))
        return error_set(error, ERR_INVALID, "simulated: an event type that is not known yet");
    return __real_row_from_event(event, event_index, scratch, row, error);
}

bool __wrap_row_collect(const struct event_view *event, uint32_t event_index,
                        struct row_scratch *scratch, struct row_view *row)
{
    return !(world->life.is_old_program && chain_is_news(event)) &&
           __real_row_collect(event, event_index, scratch, row);
}
