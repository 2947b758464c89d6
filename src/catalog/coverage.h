// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_COVERAGE_H
#define TTP_CATALOG_COVERAGE_H

/* Tables of disjoint ledger ranges: ttp_coverage, ttp_unconfirmed, ttp_holes and ttp_pruned. The
 * functions that write run inside a transaction of the caller. */

#include "catalog/catalog.h"
#include "database/query.h"

/* Asks for a row of `table` that the range overlaps; it may travel with other questions. */
void coverage_ask(struct query *query, struct database *database, const char *table,
                  struct ledger_range range, struct error *error);
/* Takes the answer of ttp_coverage in any case; after a failure before, which is returned then,
 * that is all. Else adds the range to the coverage, merged with what it touches. ERR_INVALID if it
 * overlaps. */
enum error_code coverage_add(struct query *overlap, enum error_code before,
                             struct ledger_range range, struct error *error) MUST_CHECK;

/* Takes a range out of `table` ("ttp_coverage", …), cutting rows that reach beyond it. */
enum error_code coverage_subtract(struct database *database, const char *table,
                                  struct ledger_range range, struct error *error) MUST_CHECK;

/* All ranges of `table` that touch `within`, in place of what the set holds. ERR_CORRUPT if one is
 * no range, or two overlap. */
enum error_code coverage_load(struct database *database, const char *table,
                              struct ledger_range within, struct ledger_set *set,
                              struct error *error) MUST_CHECK;

#endif
