// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_RETIRED_H
#define TTP_CATALOG_RETIRED_H

/* Retiring data files inside a transaction of this room's modules; what can be asked of the result
 * is in catalog/care.h, which says what the words mean. */

#include "catalog/query.h"

/* Before they end: lists the live data files of the table ?3 that `live_files` (an SQL expression
 * in parentheses) gives, which leave with the snapshot ?2. `values` are those of the expression. */
enum error_code retired_list_files(struct database *database, const char *live_files,
                                   struct sql_values values, struct error *error) MUST_CHECK;
/* The same of a commit's dead letters file, which is kept where it lies. */
enum error_code retired_list_dead_letters(struct database *database, int64_t commit_no,
                                          int64_t snapshot_id, struct error *error) MUST_CHECK;
/* After they ended: older snapshots look for all that was listed where it will be kept. */
enum error_code retired_name_files(struct database *database, struct error *error) MUST_CHECK;

/* Adds to the pruned ledgers. */
enum error_code care_add_pruned(struct database *database, const struct ledger_set *ledgers,
                                struct error *error) MUST_CHECK;

#endif
