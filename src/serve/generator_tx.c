// SPDX-License-Identifier: Apache-2.0
#include "serve/generator_tx.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "serve/random.h"

/* Kinds of draws, beside those of population.c and ledger_plan.c. */
#define DRAW_HASH       200
#define DRAW_FEE_SOURCE 201
#define DRAW_FEE        202
#define DRAW_PAIR       203
#define DRAW_FUND_MEMO  204
#define DRAW_BALANCE    205

/* Who pays fees: bots that are there in every ledger, and accounts by rank (random_rank). */
#define PAYER_BOT_PERCENT 34
#define PAYER_BOTS        90
/* Ranks of the accounts that pay fees, and of those that hold assets. */
#define PAYER_LOW   5
#define PAYER_HIGH  18
#define HOLDER_LOW  6
#define HOLDER_HIGH 17

struct tx_writer {
    struct event_writer *events;
    struct population *population;
    const struct ledger_plan *plan;
    const struct planned_tx *tx;
    uint64_t random; /* state */
    uint32_t operation_index;
    struct address payer; /* of the transaction's fee */
};

static uint64_t hash_seed(const struct ledger_plan *plan, uint32_t tx_index)
{
    return random_of(plan->seed, DRAW_HASH, tx_index);
}

static struct address fee_payer(struct population *population, const struct ledger_plan *plan,
                                uint32_t tx_index)
{
    uint64_t state = random_of(plan->seed, DRAW_FEE_SOURCE, tx_index);
    if (random_below(&state, 100) < PAYER_BOT_PERCENT)
        return population_address(population, FAMILY_BOT, random_below(&state, PAYER_BOTS));
    return population_address(population, FAMILY_ACCOUNT,
                              random_rank(&state, PAYER_LOW, PAYER_HIGH));
}

/* Stroops for one transaction without contracts: a hundred per operation, more in a hurry. */
static uint64_t plain_fee(uint64_t *state)
{
    static const struct {
        uint16_t weight, fee;
    } table[] = {{728, 100}, {104, 200}, {52, 300},  {26, 400}, {19, 500},
                 {17, 600},  {11, 700},  {10, 1000}, {7, 800},  {4, 900},
                 {4, 1200},  {4, 1700},  {4, 8500},  {3, 1100}, {3, 10000}};
    uint32_t at = random_below(state, 1000);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        if (at < table[i].weight)
            return table[i].fee;
        at -= table[i].weight;
    }
    return 100 * (uint64_t)(13 + random_below(state, 12));
}

struct contract_fee {
    uint64_t fee, refund;
};

/* Of a transaction that calls a contract: two bots make the same call again and again. */
static struct contract_fee contract_fee(const struct ledger_plan *plan, uint32_t tx_index)
{
    uint64_t state = random_of(plan->seed, DRAW_FEE, tx_index);
    uint32_t at = random_below(&state, 100);
    if (at < 48)
        return (struct contract_fee){288790, 274046};
    if (at < 78)
        return (struct contract_fee){1198505, 1137568};
    uint64_t fee = 30000 + random_below(&state, 70000);
    return (struct contract_fee){fee, fee / 8 + random_below(&state, (uint32_t)fee / 4)};
}

static struct event_draft fee_draft(struct population *population)
{
    const struct generated_asset *native = population_asset(population, ASSET_NATIVE_NO);
    return (struct event_draft){.type = EVENT_FEE, .asset = native, .contract = native->contract};
}

void generator_write_fees(struct event_writer *writer, struct population *population,
                          const struct ledger_plan *plan)
{
    struct event_draft draft = fee_draft(population);
    uint32_t refund = 0;
    for (uint32_t tx_index = 1; tx_index <= plan->fee_count; tx_index++) {
        event_writer_transaction(writer, hash_seed(plan, tx_index), tx_index);
        draft.from = fee_payer(population, plan, tx_index);
        if (refund < plan->refund_count && plan->refunds[refund] == tx_index) {
            refund++;
            event_draft_set_amount(&draft, contract_fee(plan, tx_index).fee, false);
        } else {
            uint64_t state = random_of(plan->seed, DRAW_FEE, tx_index);
            event_draft_set_amount(&draft, plain_fee(&state), false);
        }
        event_writer_add(writer, &draft);
    }
}

void generator_write_refunds(struct event_writer *writer, struct population *population,
                             const struct ledger_plan *plan)
{
    struct event_draft draft = fee_draft(population);
    for (uint32_t i = 0; i < plan->refund_count; i++) {
        uint32_t tx_index = plan->refunds[i];
        event_writer_transaction(writer, hash_seed(plan, tx_index), tx_index);
        draft.from = fee_payer(population, plan, tx_index);
        event_draft_set_amount(&draft, contract_fee(plan, tx_index).refund, true);
        event_writer_add(writer, &draft);
    }
}

/* An amount whose number of digits is even from `low` to `high`; now and then a round one. */
static uint64_t draw_amount(uint64_t *state, unsigned low, unsigned high)
{
    unsigned digits = low + random_below(state, high - low + 1);
    uint64_t amount = 1 + random_below(state, 9), bits = random_next(state);
    for (unsigned i = 1; i < digits; i++) {
        amount = amount * 10 + bits % 10;
        bits /= 10;
    }
    if (digits < 8 || random_below(state, 3) != 0)
        return amount;
    uint64_t unit = 1;
    for (unsigned i = 2; i < digits; i++)
        unit *= 10;
    return amount - amount % unit;
}

static struct address holder(struct tx_writer *writer)
{
    return population_address(writer->population, FAMILY_ACCOUNT,
                              random_rank(&writer->random, HOLDER_LOW, HOLDER_HIGH));
}

/* An asset that is traded: USDC and a few others most of the time. */
static uint32_t traded_asset(uint64_t *state)
{
    return random_rank(state, 0, 10);
}

static void set_asset(struct event_draft *draft, const struct tx_writer *writer, uint32_t asset_no)
{
    draft->asset = population_asset(writer->population, asset_no);
    draft->contract = draft->asset->contract;
}

static struct event_draft transfer(const struct tx_writer *writer, struct address from,
                                   struct address to, uint32_t asset_no, uint64_t amount)
{
    struct event_draft draft = {
        .type = EVENT_TRANSFER, .operation_index = writer->operation_index, .from = from, .to = to};
    set_asset(&draft, writer, asset_no);
    event_draft_set_amount(&draft, amount, false);
    return draft;
}

static void add_transfer(const struct tx_writer *writer, struct address from, struct address to,
                         uint32_t asset_no, uint64_t amount)
{
    struct event_draft draft = transfer(writer, from, to, asset_no, amount);
    event_writer_add(writer->events, &draft);
}

/* What exchanges ask for: a number as text, seldom as id or hash. */
static void draw_payment_memo(struct event_draft *draft, uint64_t *state)
{
    uint32_t kind = random_below(state, 100);
    char text[32];
    if (kind < 6) {
        event_draft_set_memo_id(draft, random_next(state) >> (1 + random_below(state, 40)));
    } else if (kind < 9) {
        uint64_t words[4];
        for (unsigned i = 0; i < 4; i++)
            words[i] = random_next(state);
        event_draft_set_memo_hash(draft, (const uint8_t *)words);
    } else {
        static const char *const prefixes[] = {"", "", "psp:", "claim:p", "order ", "Cashback "};
        int length = snprintf(text, sizeof text, "%s%u", prefixes[random_below(state, 6)],
                              100000 + random_below(state, 2000000000));
        event_draft_set_memo_text(draft, bytes_view_of(text, (size_t)length));
    }
}

/* As staking services write it, with a character that is not ASCII. */
static void draw_staking_memo(struct event_draft *draft, uint64_t *state)
{
    char text[48];
    uint32_t bits = (uint32_t)random_next(state);
    int length = snprintf(text, sizeof text, "staking reward: %04x\xe2\x80\xa6%04x", bits >> 16,
                          bits & 0xffff);
    event_draft_set_memo_text(draft, bytes_view_of(text, (size_t)length));
}

static void write_giveaway(struct tx_writer *writer)
{
    uint32_t gift = writer->tx->detail;
    struct address from = population_address(writer->population, FAMILY_FUND, 1000 + gift);
    struct event_draft draft = {.type = EVENT_TRANSFER, .from = from};
    uint64_t amount_state = random_of(writer->population->seed, DRAW_BALANCE, gift);
    set_asset(&draft, writer, ASSET_GIFT_FIRST + gift % ASSET_GIFT_COUNT);
    event_draft_set_amount(&draft, 10000 + random_below(&amount_state, 90000), false);
    for (uint32_t i = 0; i < writer->tx->event_count; i++) {
        draft.operation_index = i + 1;
        draft.to = population_address(writer->population, FAMILY_BALANCE, writer->tx->seed + i);
        event_writer_add(writer->events, &draft);
    }
}

static void write_payment(struct tx_writer *writer)
{
    uint64_t *state = &writer->random;
    struct address from = writer->payer;
    if (random_below(state, 3) == 0)
        from = population_address(writer->population, FAMILY_MAKER, random_rank(state, 0, 6));
    uint32_t asset_no = random_below(state, 100) < 45 ? ASSET_USDC_NO : traded_asset(state);
    if (random_below(state, 5) == 0)
        asset_no = ASSET_NATIVE_NO;
    /* Some amounts are 0: a payment that only carries a memo. */
    uint64_t amount = random_below(state, 250) == 0 ? 0 : draw_amount(state, 6, 11);
    struct event_draft draft = transfer(writer, from, holder(writer), asset_no, amount);
    if (random_below(state, 100) < 45)
        draw_payment_memo(&draft, state);
    event_writer_add(writer->events, &draft);
}

static void write_payment_pair(struct tx_writer *writer)
{
    uint64_t amount = draw_amount(&writer->random, 9, 11);
    add_transfer(writer, writer->payer, holder(writer), ASSET_USDC_NO, amount);
    writer->operation_index++;
    struct address collector =
        population_address(writer->population, FAMILY_MAKER, random_rank(&writer->random, 0, 3));
    add_transfer(writer, writer->payer, collector, ASSET_USDC_NO, amount / 50 + 10000);
}

static struct event_draft mint(const struct tx_writer *writer, struct address to, uint32_t asset_no,
                               uint64_t amount)
{
    struct event_draft draft = {
        .type = EVENT_MINT, .operation_index = writer->operation_index, .to = to};
    set_asset(&draft, writer, asset_no);
    event_draft_set_amount(&draft, amount, false);
    return draft;
}

static void write_mint(struct tx_writer *writer)
{
    uint64_t *state = &writer->random;
    uint32_t staked = 12 + random_rank(state, 0, 2);
    bool is_staking = random_below(state, 100) < 75;
    uint32_t asset_no = is_staking ? staked : 16 + random_rank(state, 2, 7);
    struct event_draft draft = mint(writer, holder(writer), asset_no, draw_amount(state, 8, 12));
    if (is_staking)
        draw_staking_memo(&draft, state);
    else if (random_below(state, 3) == 0)
        draw_payment_memo(&draft, state);
    event_writer_add(writer->events, &draft);
}

static void write_mint_pair(struct tx_writer *writer)
{
    struct address to = holder(writer);
    for (uint32_t i = 0; i < 2; i++) {
        struct event_draft draft =
            mint(writer, to, 20 + i, i == 0 ? 129000000 : draw_amount(&writer->random, 9, 10));
        event_draft_set_memo_text(&draft, bytes_view_text("10x Dividends"));
        event_writer_add(writer->events, &draft);
        writer->operation_index++;
    }
}

static void write_trade(struct tx_writer *writer)
{
    uint64_t *state = &writer->random;
    struct address maker =
        population_address(writer->population, FAMILY_MAKER, random_rank(state, 0, 6));
    uint32_t asset_no = 2 + traded_asset(state);
    add_transfer(writer, maker, writer->payer, asset_no, draw_amount(state, 6, 10));
    add_transfer(writer, writer->payer, maker, ASSET_NATIVE_NO, draw_amount(state, 4, 9));
}

/* Some of the funds say what they pay. */
static void draw_fund_memo(struct event_draft *draft, uint64_t seed, uint32_t fund)
{
    static const char *const names[] = {"Greenland", "Orchard", "Harbour", "Basalt",
                                        "Meridian",  "Lantern", "Cobalt",  "Saffron"};
    static const char *const kinds[] = {"dividends", "Yield Rewards", "Dividends", "DAILY PAYOUT"};
    uint64_t state = random_of(seed, DRAW_FUND_MEMO, fund);
    if (fund % 4 != 3)
        return;
    char text[40];
    int length = snprintf(text, sizeof text, "%s %s", names[random_below(&state, 8)],
                          kinds[random_below(&state, 4)]);
    event_draft_set_memo_text(draft, bytes_view_of(text, (size_t)length));
}

static void write_dividend(struct tx_writer *writer)
{
    uint64_t *state = &writer->random;
    uint32_t fund = writer->tx->detail;
    struct address from = population_address(writer->population, FAMILY_FUND, fund);
    struct event_draft draft = transfer(writer, from, holder(writer), ASSET_NATIVE_NO, 0);
    draw_fund_memo(&draft, writer->population->seed, fund);
    /* What a holder gets depends on what it has: a sum that comes again for each like asset. */
    uint64_t amount = 0;
    for (uint32_t i = 0; i < writer->tx->event_count; i++) {
        if (i == 0 || random_below(state, 100) < 19)
            amount = draw_amount(state, 7, 13);
        draft.operation_index = i + 1;
        set_asset(&draft, writer,
                  ASSET_FUND_FIRST + fund % ASSET_FUND_COUNT * ASSET_PER_FUND + i % ASSET_PER_FUND);
        event_draft_set_amount(&draft, amount, false);
        event_writer_add(writer->events, &draft);
    }
}

/* Most pairs of assets trade in a pool, the others by offers of some maker. */
static struct address counterpart(struct tx_writer *writer, uint32_t sold, uint32_t bought)
{
    uint32_t low = sold < bought ? sold : bought, high = sold < bought ? bought : sold;
    uint64_t pair = (uint64_t)low << 32 | high;
    uint64_t state = random_of(writer->population->seed, DRAW_PAIR, pair);
    if (random_below(&state, 100) < 64)
        return population_address(writer->population, FAMILY_POOL, random_next(&state) >> 8);
    uint32_t rank = random_rank(&state, 0, 5);
    return population_address(writer->population, FAMILY_MAKER, rank);
}

/* One path payment: from `assets[0]` over the others to the last. `bot` pays, `to` gets the last
 * asset. */
static void write_path(struct tx_writer *writer, struct address bot, struct address to,
                       const uint32_t *assets, uint32_t hops, uint64_t amount)
{
    uint64_t sold = amount;
    for (uint32_t i = 0; i < hops; i++) {
        struct address other = counterpart(writer, assets[i], assets[i + 1]);
        uint64_t bought = draw_amount(&writer->random, 5, 10);
        add_transfer(writer, other, bot, assets[i + 1], bought);
        add_transfer(writer, bot, other, assets[i], sold);
        sold = bought;
    }
    add_transfer(writer, bot, to, assets[hops], sold);
}

#define HOPS_LIMIT 8

static uint32_t middle_asset(uint64_t *state)
{
    uint32_t at = random_below(state, 100);
    return at < 35 ? ASSET_USDC_NO : at < 65 ? ASSET_NATIVE_NO : traded_asset(state);
}

/* A path that begins and ends with an asset that everybody takes; one between them is of a rank
 * below 2^high. */
static void draw_path(uint64_t *state, uint32_t assets[HOPS_LIMIT + 1], uint32_t hops,
                      unsigned high)
{
    static const uint8_t hubs[] = {0, 0, 0, 0, 0, 2, 2, 3};
    assets[0] = hubs[random_below(state, sizeof hubs)];
    for (uint32_t i = 1; i < hops; i++) {
        do
            assets[i] = i == 1 ? random_rank(state, 2, high) : middle_asset(state);
        while (assets[i] == assets[i - 1] || (i + 1 == hops && assets[i] == assets[0]));
    }
    assets[hops] = hops > 1 ? assets[0] : 4 + traded_asset(state);
}

static void write_path_payment(struct tx_writer *writer)
{
    uint32_t assets[HOPS_LIMIT + 1];
    uint32_t hops = writer->tx->detail;
    assert(hops <= HOPS_LIMIT);
    draw_path(&writer->random, assets, hops, 8);
    struct address bot = writer->payer;
    if (random_below(&writer->random, 5) != 0)
        bot =
            population_address(writer->population, FAMILY_BOT, random_rank(&writer->random, 0, 6));
    write_path(writer, bot, bot, assets, hops, draw_amount(&writer->random, 5, 10));
}

static void write_loop(struct tx_writer *writer)
{
    uint64_t *state = &writer->random;
    uint32_t hops = writer->tx->detail, per_operation = 2 * hops + 1;
    struct address bot =
        population_address(writer->population, FAMILY_BOT, random_rank(state, 0, 4));
    struct address to =
        population_address(writer->population, FAMILY_BOT, random_rank(state, 0, 3));
    uint32_t assets[HOPS_LIMIT + 1];
    uint32_t sold = 2 + random_rank(state, 1, 5),
             wanted = random_below(state, 2) == 0 ? ASSET_NATIVE_NO : random_rank(state, 0, 4);
    uint64_t amount = draw_amount(state, 1, 8);
    for (uint32_t i = 0; i < writer->tx->event_count / per_operation; i++) {
        draw_path(state, assets, hops, 5);
        assets[0] = sold;
        assets[hops] = wanted;
        write_path(writer, bot, to, assets, hops, amount);
        writer->operation_index++;
    }
}

/* An i128 amount of 20 to 39 digits, the largest being 2^127 - 1. */
static void set_huge_amount(struct event_draft *draft, uint64_t *state)
{
    unsigned digits = 20 + random_below(state, 20);
    draft->amount_bytes = (uint8_t)digits;
    for (unsigned i = 0; i < digits; i++)
        draft->amount[i] = (char)('0' + random_below(state, 10));
    draft->amount[0] = '1';
    if (digits == 39)
        draft->amount[1] = (char)('0' + random_below(state, 7)); /* 2^127 is 1.70 * 10^38 */
}

/* A token of a contract's own: no asset, its amounts are i128. */
static void add_token_event(struct tx_writer *writer, enum event_type type, struct address from,
                            struct address to)
{
    struct address token = population_address(writer->population, FAMILY_TOKEN,
                                              ASSET_TOTAL + random_rank(&writer->random, 0, 5));
    struct event_draft draft = {.type = type,
                                .operation_index = writer->operation_index,
                                .from = from,
                                .to = to,
                                .contract = token.text};
    if (random_below(&writer->random, 4) == 0)
        set_huge_amount(&draft, &writer->random);
    else
        event_draft_set_amount(&draft, draw_amount(&writer->random, 5, 12), false);
    event_writer_add(writer->events, &draft);
}

static void write_contract_swap(struct tx_writer *writer)
{
    uint64_t *state = &writer->random;
    struct address exchange =
        population_address(writer->population, FAMILY_CONTRACT, random_rank(state, 0, 4));
    struct address vault =
        population_address(writer->population, FAMILY_CONTRACT, 64 + random_rank(state, 0, 4));
    uint64_t amount = draw_amount(state, 8, 11);
    uint32_t left = writer->tx->event_count;
    add_transfer(writer, writer->payer, exchange, ASSET_NATIVE_NO, amount);
    left--;
    if (left > 1 && random_below(state, 2) == 0) {
        add_token_event(writer, EVENT_MINT, exchange, exchange);
        left--;
    }
    while (left > 1) {
        add_transfer(writer, left % 2 == 0 ? exchange : vault, left % 2 == 0 ? vault : exchange,
                     left % 2 == 0 ? ASSET_NATIVE_NO : ASSET_USDC_NO, draw_amount(state, 8, 11));
        left--;
    }
    if (random_below(state, 8) == 0)
        add_token_event(writer, EVENT_TRANSFER, exchange, writer->payer);
    else
        add_transfer(writer, exchange, writer->payer, 3 + random_rank(state, 0, 5),
                     draw_amount(state, 5, 10));
}

static void write_claim(struct tx_writer *writer)
{
    writer->operation_index = 1 + random_below(&writer->random, 2);
    struct address balance =
        population_address(writer->population, FAMILY_BALANCE, random_next(&writer->random));
    add_transfer(writer, balance, writer->payer, traded_asset(&writer->random),
                 draw_amount(&writer->random, 7, 12));
}

static void write_anchor(struct tx_writer *writer)
{
    uint64_t *state = &writer->random;
    uint32_t asset_no = 32 + random_rank(state, 0, 4);
    struct address desk = population_address(writer->population, FAMILY_MAKER, 200 + asset_no);
    char text[24];
    int length = snprintf(text, sizeof text, "pspb:%u", 4000000 + random_below(state, 1000000));
    for (uint32_t i = 0; i < writer->tx->event_count; i++) {
        uint64_t amount = draw_amount(state, 8, 10);
        struct event_draft draft = i % 3 == 0
                                       ? mint(writer, desk, asset_no, amount)
                                       : transfer(writer, desk, holder(writer), asset_no, amount);
        if (i == 2 && writer->tx->event_count == 3) {
            draft.type = EVENT_BURN;
        } else {
            event_draft_set_memo_text(&draft, bytes_view_of(text, (size_t)length));
        }
        event_writer_add(writer->events, &draft);
        writer->operation_index++;
    }
}

static void write_clawback(struct tx_writer *writer)
{
    struct event_draft draft =
        transfer(writer, holder(writer), (struct address){0},
                 32 + random_rank(&writer->random, 0, 4), draw_amount(&writer->random, 7, 11));
    draft.type = EVENT_CLAWBACK;
    event_writer_add(writer->events, &draft);
}

void generator_write_tx(struct event_writer *writer, struct population *population,
                        const struct ledger_plan *plan, const struct planned_tx *tx)
{
    static void (*const write[TX_SHAPE_COUNT])(struct tx_writer *) = {
        [TX_GIVEAWAY] = write_giveaway,
        [TX_PAYMENT] = write_payment,
        [TX_MINT] = write_mint,
        [TX_TRADE] = write_trade,
        [TX_PAYMENT_PAIR] = write_payment_pair,
        [TX_MINT_PAIR] = write_mint_pair,
        [TX_DIVIDEND] = write_dividend,
        [TX_PATH] = write_path_payment,
        [TX_LOOP] = write_loop,
        [TX_CONTRACT_SWAP] = write_contract_swap,
        [TX_CLAIM] = write_claim,
        [TX_ANCHOR] = write_anchor,
        [TX_CLAWBACK] = write_clawback};
    struct tx_writer tx_writer = {.events = writer,
                                  .population = population,
                                  .plan = plan,
                                  .tx = tx,
                                  .random = tx->seed,
                                  .operation_index = 1,
                                  .payer = fee_payer(population, plan, tx->tx_index)};
    event_writer_transaction(writer, hash_seed(plan, tx->tx_index), tx->tx_index);
    uint32_t before = writer->event_count;
    write[tx->shape](&tx_writer);
    assert(writer->event_count - before == tx->event_count ||
           writer->event_count == writer->event_limit);
}
