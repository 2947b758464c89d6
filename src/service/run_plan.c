// SPDX-License-Identifier: Apache-2.0
#include "service/run_plan.h"

#include <inttypes.h>

#include "catalog/care.h"
#include "util/memory.h"

/* The highest ledger that another can follow, so that it can be known to be complete. */
#define LEDGER_LAST (UINT32_MAX - 1)

/* What is covered or was pruned from its lowest to its highest ledger (0, 0 where the lake is
 * empty), and how many ledgers are covered. */
static enum error_code coverage_ends(struct catalog *catalog, struct ledger_range *ends,
                                     uint64_t *ledger_count, struct error *error)
{
    struct ledger_set coverage = {0};
    enum error_code code = catalog == NULL ? OK : catalog_coverage(catalog, &coverage, error);
    *ledger_count = ledger_set_ledgers(&coverage);
    struct ledger_set pruned = {0};
    if (code == OK && catalog != NULL)
        code = catalog_pruned(catalog, &pruned, error);
    if (code == OK)
        code = ledger_set_append_all(&coverage, &pruned, error);
    ledger_set_merge(&coverage);
    *ends = ledger_set_span(&coverage);
    ledger_set_release(&pruned);
    ledger_set_release(&coverage);
    return code;
}

/* What a ledger of this lake takes, for estimates. */
static enum error_code measure_ledgers(struct run_plan *plan, struct catalog *catalog,
                                       uint64_t ledger_count, struct error *error)
{
    if (ledger_count == 0)
        return OK;
    struct catalog_totals totals;
    enum error_code code = catalog_totals(catalog, &totals, error);
    if (code == OK)
        plan->bytes_per_ledger = (double)totals.file_bytes / (double)ledger_count;
    return code;
}

static enum error_code add_range(struct run_plan *plan, struct catalog *catalog, uint32_t first,
                                 uint32_t last, struct error *error)
{
    struct run_range *range = &plan->ranges[plan->range_count];
    *range = (struct run_range){.first = first, .last = last};
    if (catalog != NULL && first > 0) {
        const struct ledger_range asked = {first, last};
        enum error_code code =
            catalog_neighbours(catalog, asked, &range->below, &range->above, error);
        if (code != OK)
            return code;
    }
    plan->range_count++;
    return OK;
}

static enum error_code alloc_ranges(struct run_plan *plan, size_t count, struct error *error)
{
    plan->ranges = mem_alloc_zero(count, sizeof plan->ranges[0]);
    return plan->ranges != NULL ? OK : error_no_memory(error, "the plan");
}

static enum error_code plan_bounded(struct run_plan *plan, struct catalog *catalog,
                                    struct error *error)
{
    struct ledger_set wanted = {0};
    enum error_code code = run_plan_check_start(plan->start, plan->end, error);
    if (code == OK && catalog != NULL)
        code = run_plan_uncovered(plan, catalog, &wanted, error);
    else if (code == OK)
        code = ledger_set_append(&wanted, (struct ledger_range){plan->start, plan->end}, error);
    if (code == OK)
        code = alloc_ranges(plan, wanted.count, error);
    for (size_t i = 0; code == OK && i < wanted.count; i++)
        code = add_range(plan, catalog, wanted.ranges[i].first, wanted.ranges[i].last, error);
    ledger_set_release(&wanted);
    return code;
}

static enum error_code plan_live(struct run_plan *plan, struct catalog *catalog,
                                 struct error *error)
{
    uint32_t first = plan->start;
    if (plan->highest != 0 && plan->highest >= first) {
        if (plan->highest >= LEDGER_LAST)
            return error_set(error, ERR_INVALID,
                             "the lake is covered up to the highest ledger number there is: there "
                             "is nothing left to follow");
        first = plan->highest + 1;
        if (plan->start < plan->highest) {
            struct ledger_range below = {plan->start, plan->highest};
            enum error_code code = catalog_uncovered(catalog, below, &plan->left_below, error);
            if (code != OK)
                return code;
        }
    }
    enum error_code code = alloc_ranges(plan, 1, error);
    return code == OK ? add_range(plan, catalog, first, 0, error) : code;
}

enum error_code run_plan_check_start(uint32_t start, uint32_t end, struct error *error)
{
    if (start != 0 || end == 0)
        return OK;
    return error_set(error, ERR_INVALID,
                     "START 0 with END %" PRIu32 ", and the lake is empty: give the first ledger "
                     "wanted as START, such as `run 1 %" PRIu32 "` for all from the network's "
                     "first one",
                     end, end);
}

/* What of the ledgers asked for was pruned. */
static enum error_code find_pruned(struct run_plan *plan, struct catalog *catalog,
                                   struct error *error)
{
    struct ledger_range asked = {plan->start, plan->live ? UINT32_MAX : plan->end};
    const struct ledger_set one = {.ranges = &asked, .count = asked.first <= asked.last};
    struct ledger_set pruned = {0};
    enum error_code code = catalog == NULL ? OK : catalog_pruned(catalog, &pruned, error);
    if (code == OK)
        code = ledger_set_intersect(&pruned, &one, &plan->pruned, error);
    ledger_set_release(&pruned);
    return code;
}

enum error_code run_plan_make(struct run_plan *plan, struct catalog *catalog, uint32_t start,
                              uint32_t end, struct error *error)
{
    *plan = (struct run_plan){.live = end == 0, .start = start, .end = end};
    struct ledger_range covered;
    uint64_t ledger_count;
    enum error_code code = coverage_ends(catalog, &covered, &ledger_count, error);
    plan->highest = covered.last;
    if (code == OK)
        code = measure_ledgers(plan, catalog, ledger_count, error);
    if (code != OK)
        return code;
    if (start == 0)
        plan->start = covered.first; /* what lies below the lake was never asked for */
    if (!plan->live && plan->start > end)
        return OK; /* START 0, and the lake begins behind END */
    code = find_pruned(plan, catalog, error);
    if (code != OK)
        return code;
    return plan->live ? plan_live(plan, catalog, error) : plan_bounded(plan, catalog, error);
}

enum error_code run_plan_take_below(struct run_plan *plan, struct catalog *catalog,
                                    struct error *error)
{
    struct ledger_set below = {0};
    struct run_range *open = plan->ranges;
    if (!plan->live || plan->left_below.count == 0)
        return OK;
    enum error_code code = alloc_ranges(plan, 1 + plan->left_below.count, error);
    if (code != OK) {
        plan->ranges = open;
        return code;
    }
    plan->ranges[0] = open[0];
    mem_free(open);
    ledger_set_move(&below, &plan->left_below);
    for (size_t i = 0; code == OK && i < below.count; i++)
        code = add_range(plan, catalog, below.ranges[i].first, below.ranges[i].last, error);
    ledger_set_release(&below);
    return code;
}

enum error_code run_plan_begin_at(struct run_plan *plan, uint32_t ledger, struct error *error)
{
    if (!plan->live || plan->highest != 0 || plan->start == 0 || ledger <= plan->start)
        return OK;
    plan->ranges[0].first = ledger;
    return ledger_set_append(&plan->left_below, (struct ledger_range){plan->start, ledger - 1},
                             error);
}

void run_plan_release(struct run_plan *plan)
{
    mem_free(plan->ranges);
    ledger_set_release(&plan->pruned);
    ledger_set_release(&plan->left_below);
    *plan = (struct run_plan){.ranges = NULL};
}

uint64_t run_plan_ledger_count(const struct run_plan *plan)
{
    uint64_t count = 0;
    for (size_t i = 0; i < plan->range_count; i++) {
        if (plan->ranges[i].first == 0 || plan->ranges[i].last == 0)
            return 0;
        count += (uint64_t)plan->ranges[i].last - plan->ranges[i].first + 1;
    }
    return count;
}

enum error_code run_plan_uncovered(const struct run_plan *plan, struct catalog *catalog,
                                   struct ledger_set *uncovered, struct error *error)
{
    uncovered->count = 0;
    if (plan->start == 0 || plan->start > plan->end) /* START 0: refused, or the lake was empty */
        return OK;
    return catalog_uncovered(catalog, (struct ledger_range){plan->start, plan->end}, uncovered,
                             error);
}
