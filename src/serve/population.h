// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_POPULATION_H
#define TTP_SERVE_POPULATION_H

/*
 * Who lives on the generator's network: accounts, pools, contracts and assets, each a function of
 * (seed, kind, number), so that nothing need be remembered. Addresses that come often are kept in a
 * cache. Not thread-safe.
 */

#include <stdint.h>

#include "serve/strkey.h"
#include "util/bytes.h"
#include "util/error.h"

struct address {
    uint8_t size_bytes;
    char text[STRKEY_MAX_BYTES];
};

enum address_family {
    FAMILY_ACCOUNT,
    FAMILY_ISSUER,
    FAMILY_MAKER, /* accounts with offers on the order book */
    FAMILY_FUND,  /* accounts that pay dividends */
    FAMILY_BOT,   /* accounts that trade by path payments */
    FAMILY_POOL,
    FAMILY_CONTRACT, /* exchanges and wallets */
    FAMILY_TOKEN,    /* contracts of assets and of tokens without an asset */
    FAMILY_BALANCE,  /* claimable balances: never twice */
    FAMILY_COUNT
};

/* Asset numbers: 0 is native, then those that trade, by rank, those of each fund, and those that
 * are given away. */
#define ASSET_NATIVE_NO     0u
#define ASSET_USDC_NO       1u
#define ASSET_MARKET_COUNT  1024u
#define ASSET_FUND_COUNT    64u
#define ASSET_PER_FUND      32u
#define ASSET_FUND_FIRST    ASSET_MARKET_COUNT
#define ASSET_GIFT_FIRST    (ASSET_FUND_FIRST + ASSET_FUND_COUNT * ASSET_PER_FUND)
#define ASSET_GIFT_COUNT    64u
#define ASSET_TOTAL         (ASSET_GIFT_FIRST + ASSET_GIFT_COUNT)
#define ASSET_MESSAGE_BYTES 80 /* room for a serialized asset.Asset */

struct generated_asset {
    uint8_t message_bytes; /* 0: a token without an asset */
    uint8_t message[ASSET_MESSAGE_BYTES];
    char contract[STRKEY_MAX_BYTES]; /* 56 */
    uint32_t issuer_no;
};

#define POPULATION_CACHE_SLOTS 16384u

struct population {
    uint64_t seed;
    struct generated_asset *assets;
    struct cached_address {
        uint64_t key; /* 0: empty */
        struct address address;
    } * cache;
};

/* ERR_NO_MEMORY. */
enum error_code population_init(struct population *population, uint64_t seed,
                                struct error *error) MUST_CHECK;
void population_release(struct population *population);

/* Lives until the next call with another address of the same slot: copy it. */
struct address population_address(struct population *population, enum address_family family,
                                  uint64_t number);

static inline const struct generated_asset *population_asset(const struct population *population,
                                                             uint32_t number)
{
    return &population->assets[number];
}

#endif
