// SPDX-License-Identifier: Apache-2.0
#include "lake/ledger_owner.h"

#include <stdlib.h>

#include "util/memory.h"

static int compare_first(const void *a, const void *b)
{
    const struct owned_range *left = a, *right = b;
    if (left->range.first != right->range.first)
        return left->range.first < right->range.first ? -1 : 1;
    return left->commit < right->commit ? -1 : left->commit > right->commit;
}

/* Appends [first, last] of a commit, to its range before where it goes on. */
static enum error_code append(struct buffer *list, uint64_t first, uint64_t last, size_t commit,
                              struct error *error)
{
    struct owned_range one = {{(uint32_t)first, (uint32_t)last}, commit};
    size_t count = LIST_COUNT(list, struct owned_range);
    struct owned_range *newest = count == 0 ? NULL : LIST_AT(list, struct owned_range, count - 1);
    if (newest != NULL && newest->commit == commit && (uint64_t)newest->range.last + 1 == first) {
        newest->range.last = one.range.last;
        return OK;
    }
    return buffer_append(list, &one, sizeof one) == OK ? OK
                                                       : error_no_memory(error, "ledger ranges");
}

/* The commits that have ledger `at`, and how far the same ones go. */
struct sweep {
    const struct owned_range *all; /* by first ledger */
    size_t count, next;
    struct buffer active; /* struct owned_range */
};

static enum error_code sweep_to(struct sweep *sweep, uint64_t at, uint64_t *end,
                                struct error *error)
{
    struct owned_range *active = (void *)sweep->active.data;
    size_t kept = 0;
    for (size_t i = 0; i < LIST_COUNT(&sweep->active, struct owned_range); i++)
        if (active[i].range.last >= at)
            active[kept++] = active[i];
    sweep->active.size_bytes = kept * sizeof *active;
    for (; sweep->next < sweep->count && sweep->all[sweep->next].range.first <= at; sweep->next++)
        if (buffer_append(&sweep->active, &sweep->all[sweep->next], sizeof *active) != OK)
            return error_no_memory(error, "ledger ranges");
    active = (void *)sweep->active.data;
    *end =
        sweep->next < sweep->count ? sweep->all[sweep->next].range.first - UINT64_C(1) : UINT32_MAX;
    for (size_t i = 0; i < LIST_COUNT(&sweep->active, struct owned_range); i++)
        if (active[i].range.last < *end)
            *end = active[i].range.last;
    return OK;
}

/* Where several have the ledgers, the latest owns them. */
static enum error_code settle(struct ledger_owners *owners, const struct sweep *sweep, uint64_t at,
                              uint64_t end, struct error *error)
{
    const struct owned_range *active = (const void *)sweep->active.data;
    size_t count = LIST_COUNT(&sweep->active, struct owned_range), latest = 0;
    for (size_t i = 1; i < count; i++)
        if (active[i].commit > active[latest].commit)
            latest = i;
    enum error_code code =
        count == 0 ? OK : append(&owners->owned, at, end, active[latest].commit, error);
    for (size_t i = 0; code == OK && i < count; i++)
        if (i != latest)
            code = append(&owners->taken_over, at, end, active[i].commit, error);
    return code;
}

enum error_code ledger_owners_make(struct ledger_owners *owners, const struct inventory *inventory,
                                   struct error *error)
{
    *owners = (struct ledger_owners){0};
    size_t count = LIST_COUNT(&inventory->commits, struct inventory_commit);
    if (count == 0)
        return OK;
    struct owned_range *all = mem_alloc(count * sizeof *all);
    if (all == NULL)
        return error_no_memory(error, "the commits' ranges");
    for (size_t i = 0; i < count; i++)
        all[i] = (struct owned_range){
            LIST_AT(&inventory->commits, struct inventory_commit, i)->range, i};
    qsort(all, count, sizeof *all, compare_first);
    struct sweep sweep = {.all = all, .count = count};
    enum error_code code = OK;
    uint64_t end = UINT32_MAX;
    for (uint64_t at = all[0].range.first; code == OK && at <= UINT32_MAX; at = end + 1) {
        code = sweep_to(&sweep, at, &end, error);
        if (code == OK)
            code = settle(owners, &sweep, at, end, error);
        if (sweep.active.size_bytes == 0 && sweep.next == sweep.count)
            break;
    }
    buffer_release(&sweep.active);
    mem_free(all);
    return code;
}

void ledger_owners_release(struct ledger_owners *owners)
{
    buffer_release(&owners->owned);
    buffer_release(&owners->taken_over);
}

const struct owned_range *ledger_owners_find(const struct ledger_owners *owners, uint32_t ledger)
{
    const struct owned_range *owned = (const void *)owners->owned.data;
    size_t low = 0, high = LIST_COUNT(&owners->owned, struct owned_range);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (owned[middle].range.last < ledger)
            low = middle + 1;
        else
            high = middle;
    }
    return low < LIST_COUNT(&owners->owned, struct owned_range) && owned[low].range.first <= ledger
               ? &owned[low]
               : NULL;
}
