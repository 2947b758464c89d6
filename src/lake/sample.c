// SPDX-License-Identifier: Apache-2.0
#include "lake/sample.h"

#define MILLION UINT64_C(1000000)

/* Appends the ledgers that stand at [first, end) when all are counted from 0. */
static enum error_code append_places(const struct ledger_set *set, uint64_t first, uint64_t end,
                                     struct ledger_set *out, struct error *error)
{
    enum error_code code = OK;
    uint64_t before = 0; /* ledgers of the ranges passed */
    for (size_t i = 0; code == OK && i < set->count && before < end; i++) {
        uint64_t start = set->ranges[i].first;
        uint64_t ledgers = ledger_range_count(set->ranges[i]);
        uint64_t from = first > before ? first - before : 0;
        uint64_t to = end - before < ledgers ? end - before : ledgers;
        if (from < to)
            code = ledger_set_append(
                out, (struct ledger_range){(uint32_t)(start + from), (uint32_t)(start + to - 1)},
                error);
        before += ledgers;
    }
    return code;
}

/* As many runs as the sample has ledgers, if that is not too many and leaves room between them. */
static uint64_t count_runs(uint64_t whole, uint64_t wanted)
{
    uint64_t runs = wanted < SAMPLE_RUNS ? wanted : SAMPLE_RUNS;
    uint64_t roomy = (whole - wanted) / SAMPLE_GAP;
    runs = runs < roomy ? runs : roomy;
    return runs > 0 ? runs : 1;
}

enum error_code sample_ledgers(const struct ledger_set *set, uint32_t millionths,
                               struct ledger_set *out, struct error *error)
{
    uint64_t whole = ledger_set_ledgers(set);
    uint64_t wanted = (whole * millionths + MILLION - 1) / MILLION;
    uint64_t runs = count_runs(whole, wanted);
    enum error_code code = OK;
    for (uint64_t i = 0; code == OK && whole > 0 && i < runs; i++) {
        /* Each run stands in the middle of its share of the ledgers. */
        uint64_t share = whole * i / runs, share_end = whole * (i + 1) / runs;
        uint64_t length = wanted * (i + 1) / runs - wanted * i / runs;
        uint64_t first = share + (share_end - share - length) / 2;
        code = append_places(set, first, first + length, out, error);
    }
    return code;
}
