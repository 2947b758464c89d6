// SPDX-License-Identifier: Apache-2.0
#include "commit/lake_catalog.h"

#include <stdio.h>
#include <string.h>

#include "catalog/files.h"
#include "os/file.h"

static const char *configured = "";

void lake_catalog_configure(const char *catalog)
{
    configured = catalog;
}

enum error_code lake_catalog_path(const struct store *store, char out[OS_PATH_BYTES],
                                  struct error *error)
{
    if (store_is_folder(store))
        return store_path(store, LAKE_CATALOG, out, error);
    if (strncmp(configured, LAKE_CATALOG_SQLITE_PREFIX, strlen(LAKE_CATALOG_SQLITE_PREFIX)) == 0)
        return os_path_join(out, "", configured + strlen(LAKE_CATALOG_SQLITE_PREFIX), error);
    return error_set(error, ERR_INVALID,
                     "the catalog of %s can't lie in the object store: name one with --catalog "
                     "sqlite:PATH, a file on a local disk for one process",
                     store->root);
}

bool lake_catalog_exists(const struct store *store)
{
    char path[OS_PATH_BYTES];
    struct error ignored;
    return lake_catalog_path(store, path, &ignored) == OK && os_path_exists(path);
}

enum error_code lake_catalog_open(struct catalog **out, const struct store *store,
                                  enum catalog_mode mode,
                                  const struct catalog_create_options *create, struct error *error)
{
    char path[OS_PATH_BYTES];
    *out = NULL;
    enum error_code code = lake_catalog_path(store, path, error);
    return code == OK ? catalog_open(out, path, mode, create, error) : code;
}
