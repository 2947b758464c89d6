// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_RUN_PLAN_H
#define TTP_SERVICE_RUN_PLAN_H

/*
 * What a run has to fetch, by what the lake's coverage leaves open (design section 4): a bounded
 * run what is not covered of A..B, range by range; a live run one open range behind the highest
 * ledger covered.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog/catalog.h"
#include "util/buffer.h"
#include "util/error.h"

struct run_range {
    uint32_t first;                        /* 0: where the server starts (an empty lake, live) */
    uint32_t last;                         /* 0: open */
    struct catalog_neighbour below, above; /* what the lake holds beside it */
    bool is_compared; /* one of them is as the server sends it (service/seam_check.h) */
    /* A piece (service/work.h) that has another one beside it: the digest of the ledger below it is
     * not known, and told; so is that of its last ledger. */
    bool tells_below, tells_end;
};

struct run_plan {
    struct run_range *ranges; /* ascending; live: the open one comes first */
    size_t range_count;
    bool live;
    uint32_t start, end;          /* what is asked for, start resolved; end 0: open */
    uint32_t highest;             /* covered or pruned; 0: the lake is empty */
    double bytes_per_ledger;      /* of the lake's files; 0: not known */
    struct ledger_set left_below; /* live: uncovered from start to highest; not fetched here */
    struct ledger_set pruned;     /* of what is asked for: not fetched */
};

/* ERR_INVALID: START 0 with an END means nothing where the lake is empty. The server would be asked
 * to choose, which real ones refuse, and all that others leave out below what they have would count
 * as empty. */
enum error_code run_plan_check_start(uint32_t start, uint32_t end, struct error *error) MUST_CHECK;

/* `catalog` NULL: a lake that does not exist yet. start and end as configured (end 0: live). The
 * catalog must belong to the calling thread. Release the plan in every case. */
enum error_code run_plan_make(struct run_plan *plan, struct catalog *catalog, uint32_t start,
                              uint32_t end, struct error *error) MUST_CHECK;
/* Live: what lies below is fetched, too, behind the open range. */
enum error_code run_plan_take_below(struct run_plan *plan, struct catalog *catalog,
                                    struct error *error) MUST_CHECK;
/* Live, of a lake that is empty: the open range begins at the ledger, and what was asked for below
 * it is left below. */
enum error_code run_plan_begin_at(struct run_plan *plan, uint32_t ledger,
                                  struct error *error) MUST_CHECK;
void run_plan_release(struct run_plan *plan);

/* How many ledgers a bounded plan fetches; 0 where that is not known. */
uint64_t run_plan_ledger_count(const struct run_plan *plan);

/* What of a bounded run's range is still uncovered, in place of what the set holds. */
enum error_code run_plan_uncovered(const struct run_plan *plan, struct catalog *catalog,
                                   struct ledger_set *uncovered, struct error *error) MUST_CHECK;

#endif
