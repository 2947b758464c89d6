// SPDX-License-Identifier: Apache-2.0
#include "serve/population.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "pb/wire.h"
#include "serve/random.h"
#include "util/memory.h"

/* Issuers' numbers: the issuer of a single asset has the asset's number. */
#define ASSET_KNOWN_COUNT 16u
#define ISSUER_BIG_FIRST  ASSET_TOTAL
#define ISSUER_BIG        14u
#define ISSUER_FUND_FIRST (ISSUER_BIG_FIRST + ISSUER_BIG)
/* So many codes are in use, beside the known ones. */
#define CODE_COUNT 600u

/* Kinds of numbers that are drawn for an asset, beside the families. */
#define DRAW_CODE   (FAMILY_COUNT + 1)
#define DRAW_ISSUER (FAMILY_COUNT + 2)

static struct address make_address(const struct population *population, enum address_family family,
                                   uint64_t number)
{
    static const enum strkey_kind kinds[FAMILY_COUNT] = {[FAMILY_ACCOUNT] = STRKEY_ACCOUNT,
                                                         [FAMILY_ISSUER] = STRKEY_ACCOUNT,
                                                         [FAMILY_MAKER] = STRKEY_ACCOUNT,
                                                         [FAMILY_FUND] = STRKEY_ACCOUNT,
                                                         [FAMILY_BOT] = STRKEY_ACCOUNT,
                                                         [FAMILY_POOL] = STRKEY_LIQUIDITY_POOL,
                                                         [FAMILY_CONTRACT] = STRKEY_CONTRACT,
                                                         [FAMILY_TOKEN] = STRKEY_CONTRACT,
                                                         [FAMILY_BALANCE] =
                                                             STRKEY_CLAIMABLE_BALANCE};
    uint64_t state = random_of(population->seed, (uint64_t)family, number);
    uint64_t words[STRKEY_PAYLOAD_BYTES / 8];
    for (unsigned i = 0; i < STRKEY_PAYLOAD_BYTES / 8; i++)
        words[i] = random_next(&state);
    uint8_t payload[STRKEY_PAYLOAD_BYTES];
    for (unsigned i = 0; i < STRKEY_PAYLOAD_BYTES; i++)
        payload[i] = (uint8_t)(words[i / 8] >> (8 * (i % 8)));
    struct address address = {0};
    address.size_bytes = (uint8_t)strkey_encode(kinds[family], payload, address.text);
    return address;
}

struct address population_address(struct population *population, enum address_family family,
                                  uint64_t number)
{
    if (family == FAMILY_BALANCE)
        return make_address(population, family, number);
    uint64_t key = (number << 4 | (uint64_t)family) + 1;
    struct cached_address *slot = &population->cache[random_mix(key) % POPULATION_CACHE_SLOTS];
    if (slot->key != key) {
        slot->address = make_address(population, family, number);
        slot->key = key;
    }
    return slot->address;
}

/* Codes in capitals, as people write them: of `length`, or (0) of 2 to 12 characters, most of 3 to
 * 5. */
static unsigned make_code(uint64_t state, unsigned length, char code[12])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const uint8_t lengths[] = {2, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 12};
    if (length == 0)
        length = lengths[random_below(&state, sizeof lengths)];
    for (unsigned i = 0; i < length; i++)
        code[i] = letters[random_below(&state, 26)];
    if (random_below(&state, 8) == 0)
        code[0] = (char)('a' + code[0] - 'A');
    return length;
}

/* A fund issues most of its assets itself, a few issuers the others. Half of the traded assets are
 * of some big issuers, the others have an issuer each. */
static uint32_t issuer_of(uint64_t seed, uint32_t asset_no)
{
    uint64_t state = random_of(seed, DRAW_ISSUER, asset_no);
    if (asset_no < ASSET_KNOWN_COUNT || asset_no >= ASSET_GIFT_FIRST)
        return asset_no;
    if (asset_no < ASSET_FUND_FIRST)
        return random_below(&state, 100) < 55 ? ISSUER_BIG_FIRST + random_below(&state, ISSUER_BIG)
                                              : asset_no;
    uint32_t fund = (asset_no - ASSET_FUND_FIRST) / ASSET_PER_FUND;
    return ISSUER_FUND_FIRST + fund * 4 +
           (random_below(&state, 16) == 0 ? 1 + random_below(&state, 3) : 0);
}

/* Field 1 of IssuedAsset is the code, field 2 the issuer; IssuedAsset is field 2 of Asset, native
 * its field 1. */
static void make_asset(struct population *population, uint32_t asset_no)
{
    struct generated_asset *asset = &population->assets[asset_no];
    struct address contract = population_address(population, FAMILY_TOKEN, asset_no);
    memcpy(asset->contract, contract.text, sizeof asset->contract);
    asset->issuer_no = issuer_of(population->seed, asset_no);
    uint8_t *at = asset->message;
    if (asset_no == ASSET_NATIVE_NO) {
        at = wire_put_varint(at, WIRE_TAG(1, WIRE_VARINT));
        at = wire_put_varint(at, 1);
        asset->message_bytes = (uint8_t)(at - asset->message);
        return;
    }
    /* Names that everybody knows, one of them misleading: an issued asset whose code is XLM. */
    static const char *const known[] = {"XLM", "USDC", "yXLM", "AQUA", "XRP", "yUSDC",
                                        "BTC", "VELO", "SHX",  "EURC", "XLM", "SSLX"};
    char code[12];
    unsigned code_bytes;
    if (asset_no < sizeof known / sizeof *known) {
        code_bytes = (unsigned)strlen(known[asset_no]);
        memcpy(code, known[asset_no], code_bytes);
    } else {
        code_bytes =
            make_code(random_of(population->seed, DRAW_CODE,
                                random_of(population->seed, DRAW_CODE, asset_no) % CODE_COUNT),
                      asset_no < ASSET_GIFT_FIRST ? 0 : 6 + asset_no % 3, code);
    }
    struct address issuer = population_address(population, FAMILY_ISSUER, asset->issuer_no);
    size_t issued_bytes = wire_bytes_size(code_bytes) + wire_bytes_size(issuer.size_bytes);
    at = wire_put_varint(at, WIRE_TAG(2, WIRE_BYTES));
    at = wire_put_varint(at, issued_bytes);
    at = wire_put_bytes(at, WIRE_TAG(1, WIRE_BYTES), bytes_view_of(code, code_bytes));
    at = wire_put_bytes(at, WIRE_TAG(2, WIRE_BYTES), bytes_view_of(issuer.text, issuer.size_bytes));
    assert(at <= asset->message + ASSET_MESSAGE_BYTES);
    asset->message_bytes = (uint8_t)(at - asset->message);
}

enum error_code population_init(struct population *population, uint64_t seed, struct error *error)
{
    *population = (struct population){.seed = seed};
    population->assets = mem_alloc_zero(ASSET_TOTAL, sizeof(struct generated_asset));
    population->cache = mem_alloc_zero(POPULATION_CACHE_SLOTS, sizeof(struct cached_address));
    if (population->assets == NULL || population->cache == NULL) {
        population_release(population);
        return error_no_memory(error, "the generator's assets");
    }
    for (uint32_t asset_no = 0; asset_no < ASSET_TOTAL; asset_no++)
        make_asset(population, asset_no);
    return OK;
}

void population_release(struct population *population)
{
    mem_free(population->assets);
    mem_free(population->cache);
    *population = (struct population){0};
}
