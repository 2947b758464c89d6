// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_LAKE_CATALOG_H
#define TTP_COMMIT_LAKE_CATALOG_H

/*
 * Which catalog is a lake's: the one in its own folder, or another (database/location.h). A lake
 * keeps in lake.json what it was made with, so that every command finds its catalog; of one that
 * can't say it, since it lies in an object store and is only being made, the option `catalog` does.
 * Store and catalog are chosen independently, so this is the one place that joins them.
 */

#include "catalog/catalog.h"
#include "catalog/copy.h"
#include "catalog/keeping.h"
#include "commit/lake_file.h"
#include "store/store.h"

/* As the options `catalog` and `catalog_schema` have it; "", as before any call: in the lake's own
 * folder. Borrowed as long as the process lives; before threads start. */
void lake_catalog_configure(const char *catalog, const char *schema);
/* The same of one lake alone, by its store's root, whatever else is configured: of one that is
 * made, or made anew, and can't say it yet. `catalog` "": in its folder. NULL as root: of none any
 * more.
 */
void lake_catalog_configure_for(const char *root, const char *catalog, const char *schema);

/* Whether lake.json names another place than the folder. */
bool lake_catalog_is_elsewhere(const struct lake_file *file);
/* The path of the catalog's SQLite file. ERR_INVALID, with the remedy, where the lake has no folder
 * for one and none is named; ERR_CONFLICT if it is no file. */
enum error_code lake_catalog_path(const struct store *store, char out[OS_PATH_BYTES],
                                  struct error *error) MUST_CHECK;
/* Whether there is one; for what can't be found out: no. One in PostgreSQL is taken to be there
 * once lake.json says that it was made. */
bool lake_catalog_exists(const struct store *store);
/* As catalog_open. A new one that is not in the folder gets the tables of lake care at once, since
 * its lake.json has a layout that promises them. */
enum error_code lake_catalog_open(struct catalog **out, const struct store *store,
                                  enum catalog_mode mode,
                                  const struct catalog_create_options *create,
                                  struct error *error) MUST_CHECK;

/* catalog/copy.h, of the lake's catalog, to or from a SQLite file. */
enum error_code lake_catalog_copy(const struct store *store, const char *to,
                                  struct error *error) MUST_CHECK;
enum error_code lake_catalog_overwrite(const struct store *store, const char *from,
                                       struct error *error) MUST_CHECK;
enum error_code lake_catalog_look(const struct store *store, bool *is_there,
                                  struct error *error) MUST_CHECK;
enum error_code lake_catalog_replace(const struct store *store, const char *from,
                                     char kept[CATALOG_KEPT_BYTES], struct error *error) MUST_CHECK;
/* catalog/keeping.h, of the lake's catalog. */
enum error_code lake_catalog_keep(struct catalog_keeping **out, const struct store *store,
                                  bool shared, char holder[KEEPING_HOLDER_BYTES],
                                  struct error *error) MUST_CHECK;
/* Whether it lies in the lake's folder, under a name there. */
enum error_code lake_catalog_is_in_folder(const struct store *store, bool *is_in_folder,
                                          struct error *error) MUST_CHECK;

/* Whether several processes may write to the lake at once: its catalog is in PostgreSQL and its
 * files are in an object store. */
bool lake_catalog_may_be_shared(const struct store *store);
/* As lake_catalog_open, beside others that do so, where the lake allows that. */
enum error_code lake_catalog_share(struct catalog **out, const struct store *store,
                                   enum catalog_mode mode,
                                   const struct catalog_create_options *create,
                                   struct error *error) MUST_CHECK;

#endif
