// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_LAKE_CATALOG_H
#define TTP_COMMIT_LAKE_CATALOG_H

/*
 * Which catalog is a lake's: the one in its own folder, or the one that option `catalog` names.
 * Store and catalog are chosen independently, so this is the one place that joins them.
 */

#include "catalog/catalog.h"
#include "store/store.h"

/* Names a catalog outside of the lake: a SQLite file on a local disk. */
#define LAKE_CATALOG_SQLITE_PREFIX "sqlite:"

/* As option `catalog` has it; "", as before any call: in the lake's own folder. Borrowed as long as
 * the process lives; before threads start. */
void lake_catalog_configure(const char *catalog);

/* The path of the catalog's SQLite file. ERR_INVALID, with the remedy, where the lake has no folder
 * for one and none is named. */
enum error_code lake_catalog_path(const struct store *store, char out[OS_PATH_BYTES],
                                  struct error *error) MUST_CHECK;
/* Whether a file lies there; for what can't be found out: no. */
bool lake_catalog_exists(const struct store *store);
/* As catalog_open. */
enum error_code lake_catalog_open(struct catalog **out, const struct store *store,
                                  enum catalog_mode mode,
                                  const struct catalog_create_options *create,
                                  struct error *error) MUST_CHECK;

#endif
