// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_RETIRED_H
#define TTP_CATALOG_RETIRED_H

/* Retiring data files inside a transaction of this room's modules; what can be asked of the result
 * is in catalog/care.h, which says what the words mean. */

#include "database/query.h"

/* is_moved of a data file that stays where it is until it is deleted; 0: it is to be moved, 1: it
 * was. */
#define RETIRED_IN_PLACE "2"
/* Where the retired file `r`, of the table ttp_retired, is kept (catalog/care.h has the names).
 * Dead letters stay, too. */
#define RETIRED_KEPT(r)                                                                            \
    "CASE WHEN " r ".data_file_id IS NULL OR " r ".is_moved = " RETIRED_IN_PLACE " THEN " r        \
    ".path ELSE '" CATALOG_RETIRED_PREFIX "' || " r ".path || '" CATALOG_RETIRED_SUFFIX "' END"

/* Before they end: lists the live data files of the table ?3 that `live_files` (an SQL expression
 * in parentheses) gives, which leave with the snapshot ?2. `values` are those of the expression.
 * in_place: they stay where they are until they are deleted. */
enum error_code retired_list_files(struct database *database, const char *live_files,
                                   struct sql_values values, bool in_place,
                                   struct error *error) MUST_CHECK;
/* The same of a commit's dead letters file, which is kept where it lies. */
enum error_code retired_list_dead_letters(struct database *database, int64_t commit_no,
                                          int64_t snapshot_id, struct error *error) MUST_CHECK;
/* After they ended: older snapshots look for all that was listed where it will be kept. */
enum error_code retired_name_files(struct database *database, struct error *error) MUST_CHECK;

/* Whether a file of that path left the lake and is kept for older snapshots, or is to be
 * deleted. */
enum error_code retired_has_path(struct database *database, const char *path, bool *has,
                                 struct error *error) MUST_CHECK;
/* Adds to the pruned ledgers. */
enum error_code care_add_pruned(struct database *database, const struct ledger_set *ledgers,
                                struct error *error) MUST_CHECK;

#endif
