// SPDX-License-Identifier: Apache-2.0
#include "util/ledgers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

#define FIRST_CAPACITY 16
#define RANGES_SHOWN   6

uint64_t ledger_range_count(struct ledger_range range)
{
    return (uint64_t)range.last - range.first + 1;
}

bool ledger_ranges_overlap(struct ledger_range a, struct ledger_range b)
{
    return a.first <= b.last && b.first <= a.last;
}

void ledger_set_release(struct ledger_set *set)
{
    mem_free(set->ranges);
    *set = (struct ledger_set){0};
}

void ledger_set_move(struct ledger_set *set, struct ledger_set *from)
{
    mem_free(set->ranges);
    *set = *from;
    *from = (struct ledger_set){0};
}

enum error_code ledger_set_reserve(struct ledger_set *set, size_t count, struct error *error)
{
    if (count <= set->capacity)
        return OK;
    struct ledger_range *grown = mem_realloc(set->ranges, count * sizeof *grown);
    if (grown == NULL)
        return error_no_memory(error, "ledger ranges");
    set->ranges = grown;
    set->capacity = count;
    return OK;
}

static enum error_code make_room(struct ledger_set *set, struct error *error)
{
    if (set->count < set->capacity)
        return OK;
    return ledger_set_reserve(set, set->capacity == 0 ? FIRST_CAPACITY : set->capacity * 2, error);
}

enum error_code ledger_set_append(struct ledger_set *list, struct ledger_range range,
                                  struct error *error)
{
    enum error_code code = make_room(list, error);
    if (code == OK)
        list->ranges[list->count++] = range;
    return code;
}

enum error_code ledger_set_append_all(struct ledger_set *list, const struct ledger_set *more,
                                      struct error *error)
{
    enum error_code code = ledger_set_reserve(list, list->count + more->count, error);
    for (size_t i = 0; code == OK && i < more->count; i++)
        code = ledger_set_append(list, more->ranges[i], error);
    return code;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct ledger_range *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* Whether the second range begins inside the first, or with the ledger after it. */
static bool continues(struct ledger_range before, struct ledger_range behind)
{
    return behind.first <= (uint64_t)before.last + 1;
}

void ledger_set_merge(struct ledger_set *list)
{
    size_t kept = 0;
    if (list->count == 0)
        return;
    qsort(list->ranges, list->count, sizeof list->ranges[0], compare_ranges);
    for (size_t i = 1; i < list->count; i++) {
        if (!continues(list->ranges[kept], list->ranges[i]))
            list->ranges[++kept] = list->ranges[i];
        else if (list->ranges[i].last > list->ranges[kept].last)
            list->ranges[kept].last = list->ranges[i].last;
    }
    list->count = kept + 1;
}

/* The first range that ends at or behind the ledger. */
static size_t find(const struct ledger_set *set, uint64_t ledger)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < ledger)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum error_code ledger_set_add(struct ledger_set *set, struct ledger_range range,
                               struct error *error)
{
    enum error_code code = make_room(set, error);
    if (code != OK)
        return code;
    size_t from = find(set, range.first == 0 ? 0 : range.first - UINT64_C(1)), to = from;
    for (; to < set->count && continues(range, set->ranges[to]); to++) {
        range.first = set->ranges[to].first < range.first ? set->ranges[to].first : range.first;
        range.last = set->ranges[to].last > range.last ? set->ranges[to].last : range.last;
    }
    memmove(&set->ranges[from + 1], &set->ranges[to], (set->count - to) * sizeof range);
    set->count = set->count + 1 + from - to;
    set->ranges[from] = range;
    return OK;
}

enum error_code ledger_set_missing(const struct ledger_set *set, struct ledger_range within,
                                   struct ledger_set *out, struct error *error)
{
    enum error_code code = OK;
    uint64_t next = within.first; /* the first ledger not looked at yet */
    for (size_t i = find(set, next); code == OK && i < set->count && next <= within.last; i++) {
        if (set->ranges[i].first > within.last)
            break;
        if (set->ranges[i].first > next)
            code = ledger_set_append(
                out, (struct ledger_range){(uint32_t)next, set->ranges[i].first - 1}, error);
        next = (uint64_t)set->ranges[i].last + 1;
    }
    if (code == OK && next <= within.last)
        code = ledger_set_append(out, (struct ledger_range){(uint32_t)next, within.last}, error);
    return code;
}

enum error_code ledger_set_subtract(const struct ledger_set *set, const struct ledger_set *without,
                                    struct ledger_set *out, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < set->count; i++)
        code = ledger_set_missing(without, set->ranges[i], out, error);
    return code;
}

enum error_code ledger_set_intersect(const struct ledger_set *a, const struct ledger_set *b,
                                     struct ledger_set *out, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0, k = 0; code == OK && i < a->count && k < b->count;) {
        struct ledger_range left = a->ranges[i], right = b->ranges[k];
        if (ledger_ranges_overlap(left, right))
            code = ledger_set_append(
                out,
                (struct ledger_range){left.first > right.first ? left.first : right.first,
                                      left.last < right.last ? left.last : right.last},
                error);
        if (left.last < right.last)
            i++;
        else
            k++;
    }
    return code;
}

enum error_code ledger_set_split(const struct ledger_set *set, uint32_t ledgers,
                                 struct ledger_set *out, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < set->count; i++) {
        uint64_t last = set->ranges[i].last;
        for (uint64_t first = set->ranges[i].first; code == OK && first <= last; first += ledgers) {
            uint64_t end = last - first < ledgers ? last : first + ledgers - 1;
            code = ledger_set_append(out, (struct ledger_range){(uint32_t)first, (uint32_t)end},
                                     error);
        }
    }
    return code;
}

uint64_t ledger_set_ledgers(const struct ledger_set *set)
{
    uint64_t ledgers = 0;
    for (size_t i = 0; i < set->count; i++)
        ledgers += ledger_range_count(set->ranges[i]);
    return ledgers;
}

bool ledger_set_has(const struct ledger_set *set, uint32_t ledger)
{
    size_t at = find(set, ledger);
    return at < set->count && set->ranges[at].first <= ledger;
}

struct ledger_range ledger_set_span(const struct ledger_set *set)
{
    if (set->count == 0)
        return (struct ledger_range){0};
    return (struct ledger_range){set->ranges[0].first, set->ranges[set->count - 1].last};
}

void ledger_set_text(const struct ledger_set *set, char out[LEDGER_SET_TEXT_BYTES])
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < set->count && i < RANGES_SHOWN && at < LEDGER_SET_TEXT_BYTES; i++) {
        struct ledger_range range = set->ranges[i];
        at += (size_t)snprintf(out + at, LEDGER_SET_TEXT_BYTES - at, "%s%" PRIu32,
                               i == 0 ? "" : ", ", range.first);
        if (range.first != range.last && at < LEDGER_SET_TEXT_BYTES)
            at += (size_t)snprintf(out + at, LEDGER_SET_TEXT_BYTES - at, "-%" PRIu32, range.last);
    }
    if (set->count > RANGES_SHOWN && at < LEDGER_SET_TEXT_BYTES)
        snprintf(out + at, LEDGER_SET_TEXT_BYTES - at, " and %zu more", set->count - RANGES_SHOWN);
}
