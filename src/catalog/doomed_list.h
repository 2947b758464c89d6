// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_DOOMED_LIST_H
#define TTP_CATALOG_DOOMED_LIST_H

/* The lists of catalog/doomed.h inside a transaction of this room's modules. */

#include "database/query.h"

struct catalog_doomed;

/* Lists files that nothing needs any more, unless they are listed. */
enum error_code doomed_list(struct database *database, const struct catalog_doomed *files,
                            size_t count, struct error *error) MUST_CHECK;
/* Whether a file that had this path may still lie where it was kept, or is DuckDB's to delete. */
enum error_code doomed_knows_path(struct database *database, const char *path, bool *known,
                                  struct error *error) MUST_CHECK;
/* Before they end: the live data files of the table ?3 that `live_files` (an SQL expression in
 * parentheses) gives are to be set aside. `values` are those of the expression, ?2 the snapshot. */
enum error_code aside_list_files(struct database *database, const char *live_files,
                                 struct sql_values values, struct error *error) MUST_CHECK;
/* A repaired commit's dead letters file goes with the snapshots before `snapshot_id`. */
enum error_code aside_list_dead_letters(struct database *database, int64_t commit_no,
                                        int64_t snapshot_id, struct error *error) MUST_CHECK;

#endif
