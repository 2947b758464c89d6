// SPDX-License-Identifier: Apache-2.0
#include "lake/ranges.h"

#include <stdlib.h>

#define MILLION UINT64_C(1000000)

static const struct ledger_range *at(const struct buffer *ranges, size_t index)
{
    return &((const struct ledger_range *)(const void *)ranges->data)[index];
}

static size_t count_of(const struct buffer *ranges)
{
    return ranges->size_bytes / sizeof(struct ledger_range);
}

static enum error_code append(struct buffer *out, uint64_t first, uint64_t last,
                              struct error *error)
{
    struct ledger_range range = {(uint32_t)first, (uint32_t)last};
    return buffer_append(out, &range, sizeof range) == OK ? OK
                                                          : error_no_memory(error, "ledger ranges");
}

static int compare_ranges(const void *a, const void *b)
{
    const struct ledger_range *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

void ranges_merge(struct buffer *list)
{
    struct ledger_range *ranges = (void *)list->data;
    size_t count = list->size_bytes / sizeof *ranges, kept = 0;
    if (count == 0)
        return;
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (size_t i = 1; i < count; i++) {
        if (ranges[i].first <= (uint64_t)ranges[kept].last + 1) {
            if (ranges[i].last > ranges[kept].last)
                ranges[kept].last = ranges[i].last;
        } else {
            ranges[++kept] = ranges[i];
        }
    }
    list->size_bytes = (kept + 1) * sizeof *ranges;
}

uint64_t ranges_count(const struct buffer *ranges)
{
    uint64_t ledgers = 0;
    for (size_t i = 0; i < count_of(ranges); i++)
        ledgers += (uint64_t)at(ranges, i)->last - at(ranges, i)->first + 1;
    return ledgers;
}

enum error_code ranges_exclude(const struct buffer *ranges, const struct buffer *excluded,
                               struct buffer *out, struct error *error)
{
    enum error_code code = OK;
    size_t next = 0;
    for (size_t i = 0; code == OK && i < count_of(ranges); i++) {
        uint64_t first = at(ranges, i)->first, last = at(ranges, i)->last;
        while (next < count_of(excluded) && at(excluded, next)->last < first)
            next++;
        for (size_t k = next; code == OK && k < count_of(excluded) && first <= last; k++) {
            if (at(excluded, k)->first > last)
                break;
            if (at(excluded, k)->first > first)
                code = append(out, first, at(excluded, k)->first - UINT64_C(1), error);
            first = (uint64_t)at(excluded, k)->last + 1;
        }
        if (code == OK && first <= last)
            code = append(out, first, last, error);
    }
    return code;
}

enum error_code ranges_intersect(const struct buffer *a, const struct buffer *b, struct buffer *out,
                                 struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0, k = 0; code == OK && i < count_of(a) && k < count_of(b);) {
        const struct ledger_range *left = at(a, i), *right = at(b, k);
        uint32_t first = left->first > right->first ? left->first : right->first;
        uint32_t last = left->last < right->last ? left->last : right->last;
        if (first <= last)
            code = append(out, first, last, error);
        if (left->last < right->last)
            i++;
        else
            k++;
    }
    return code;
}

enum error_code ranges_split(const struct buffer *ranges, uint32_t ledgers, struct buffer *out,
                             struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count_of(ranges); i++) {
        uint64_t last = at(ranges, i)->last;
        for (uint64_t first = at(ranges, i)->first; code == OK && first <= last; first += ledgers)
            code = append(out, first, last - first < ledgers ? last : first + ledgers - 1, error);
    }
    return code;
}

/* Appends the ledgers that stand at [first, end) when all are counted from 0. */
static enum error_code append_places(const struct buffer *ranges, uint64_t first, uint64_t end,
                                     struct buffer *out, struct error *error)
{
    enum error_code code = OK;
    uint64_t before = 0; /* ledgers of the ranges passed */
    for (size_t i = 0; code == OK && i < count_of(ranges) && before < end; i++) {
        uint64_t start = at(ranges, i)->first;
        uint64_t ledgers = (uint64_t)at(ranges, i)->last - start + 1;
        uint64_t from = first > before ? first - before : 0;
        uint64_t to = end - before < ledgers ? end - before : ledgers;
        if (from < to)
            code = append(out, start + from, start + to - 1, error);
        before += ledgers;
    }
    return code;
}

/* As many runs as the sample has ledgers, if that is not too many and leaves room between them. */
static uint64_t count_runs(uint64_t whole, uint64_t wanted)
{
    uint64_t runs = wanted < RANGES_SAMPLE_RUNS ? wanted : RANGES_SAMPLE_RUNS;
    uint64_t roomy = (whole - wanted) / RANGES_SAMPLE_GAP;
    runs = runs < roomy ? runs : roomy;
    return runs > 0 ? runs : 1;
}

enum error_code ranges_sample(const struct buffer *ranges, uint32_t millionths, struct buffer *out,
                              struct error *error)
{
    uint64_t whole = ranges_count(ranges);
    uint64_t wanted = (whole * millionths + MILLION - 1) / MILLION;
    uint64_t runs = count_runs(whole, wanted);
    enum error_code code = OK;
    for (uint64_t i = 0; code == OK && whole > 0 && i < runs; i++) {
        /* Each run stands in the middle of its share of the ledgers. */
        uint64_t share = whole * i / runs, share_end = whole * (i + 1) / runs;
        uint64_t length = wanted * (i + 1) / runs - wanted * i / runs;
        uint64_t first = share + (share_end - share - length) / 2;
        code = append_places(ranges, first, first + length, out, error);
    }
    return code;
}
