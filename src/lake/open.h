// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_OPEN_H
#define TTP_LAKE_OPEN_H

/* Opening a lake that is there: to look at it without the writer's lock, or to own it for a while.
 */

#include "catalog/catalog.h"
#include "commit/lake_file.h"
#include "commit/ownership.h"
#include "commit/recovery.h"

/* Opens the catalog of the lake in `output_path` for reading; the caller closes it. ERR_NOT_FOUND
 * if there is no lake there, or one that is only being made, ERR_CORRUPT if its catalog is missing
 * or damaged. */
enum error_code lake_open_catalog(struct catalog **out, const char *output_path,
                                  struct error *error) MUST_CHECK;

/* ERR_NOT_FOUND, with the remedy, if the folder holds no lake, not even a damaged one. */
enum error_code lake_must_exist(const char *output_path, struct error *error) MUST_CHECK;

struct open_lake {
    struct store store;
    struct ownership ownership;
    struct lake_file file;
    struct catalog *catalog;
    struct recovery_report recovered; /* what a crash had left */
};

/* Opens the lake as its only writer, recovered, its catalog for writing. As lake_open_catalog, and
 * ERR_CONFLICT where somebody else owns it. Close it in every case. */
enum error_code open_lake_own(struct open_lake *lake, const char *output_path,
                              struct error *error) MUST_CHECK;
/* As open_lake_own, or with `dry_run` as open_lake_look, for a verb; where a run owns the lake, the
 * error says which option lets the run itself do the same. */
enum error_code open_lake_for(struct open_lake *lake, const char *output_path, bool dry_run,
                              const char *verb, const char *option, struct error *error) MUST_CHECK;
/* Opens it for reading, beside whoever owns it. Close it in every case. */
enum error_code open_lake_look(struct open_lake *lake, const char *output_path,
                               struct error *error) MUST_CHECK;
void open_lake_close(struct open_lake *lake);

#endif
