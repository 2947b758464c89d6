// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_COVERAGE_H
#define TTP_CATALOG_COVERAGE_H

/* Tables of disjoint ledger ranges: ttp_coverage, ttp_unconfirmed, ttp_holes and ttp_pruned. The
 * functions that write run inside a transaction of the caller. */

#include "catalog/catalog.h"
#include "catalog/database.h"

/* Adds a range to the coverage, merged with what it touches. ERR_INVALID if it overlaps. */
enum error_code coverage_add(struct database *database, struct ledger_range range,
                             struct error *error) MUST_CHECK;

/* Takes a range out of `table` ("ttp_coverage", …), cutting rows that reach beyond it. */
enum error_code coverage_subtract(struct database *database, const char *table,
                                  struct ledger_range range, struct error *error) MUST_CHECK;

/* All ranges of `table` that touch `within`, in place of what the set holds. ERR_CORRUPT if one is
 * no range, or two overlap. */
enum error_code coverage_load(struct database *database, const char *table,
                              struct ledger_range within, struct ledger_set *set,
                              struct error *error) MUST_CHECK;

#endif
