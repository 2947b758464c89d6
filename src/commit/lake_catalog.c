// SPDX-License-Identifier: Apache-2.0
#include "commit/lake_catalog.h"

#include <string.h>

#include "catalog/care.h"
#include "catalog/files.h"
#include "os/file.h"

static const char *configured = "", *configured_schema = "";
static struct {
    const char *root; /* NULL: there is none */
    const char *catalog, *schema;
} one_lake;

void lake_catalog_configure(const char *catalog, const char *schema)
{
    configured = catalog;
    configured_schema = schema;
}

void lake_catalog_configure_for(const char *root, const char *catalog, const char *schema)
{
    one_lake.root = root;
    one_lake.catalog = catalog;
    one_lake.schema = schema;
}

bool lake_catalog_is_elsewhere(const struct lake_file *file)
{
    return file->catalog[0] != '\0';
}

/* Where a lake's catalog is. `where` borrows from the other two. */
struct found_catalog {
    struct lake_file file;
    char path[OS_PATH_BYTES];
    struct database_location where;
    bool is_elsewhere;
};

static enum error_code find_elsewhere(struct found_catalog *found, const char *catalog,
                                      const char *schema, const struct store *store,
                                      struct error *error)
{
    const char *fault = database_location_fault(catalog, schema);
    if (fault != NULL)
        return error_set(error, ERR_CORRUPT, "%s/" LAKE_FILE " names no catalog: %s", store->root,
                         fault);
    found->is_elsewhere = true;
    found->where = database_location_parse(catalog, schema);
    return OK;
}

static enum error_code find(struct found_catalog *found, const struct store *store,
                            struct error *error)
{
    struct error ignored; /* a lake.json that can't be read names no other place */
    *found = (struct found_catalog){.where = {.schema = ""}};
    (void)!lake_file_read(&found->file, store, &ignored);
    if (lake_catalog_is_elsewhere(&found->file))
        return find_elsewhere(found, found->file.catalog, found->file.catalog_schema, store, error);
    bool is_known = one_lake.root != NULL && strcmp(one_lake.root, store->root) == 0;
    if (is_known && one_lake.catalog[0] != '\0')
        return find_elsewhere(found, one_lake.catalog, one_lake.schema, store, error);
    if (!is_known && !store_is_folder(store) && configured[0] != '\0')
        return find_elsewhere(found, configured, configured_schema, store, error);
    found->where.path = found->path;
    if (store_is_folder(store))
        return store_path(store, LAKE_CATALOG, found->path, error);
    return error_set(error, ERR_INVALID,
                     "the catalog of %s can't lie in the object store: name one with --catalog, "
                     "postgres:CONNINFO, or sqlite:PATH, a file on a local disk for one process",
                     store->root);
}

static bool may_be_shared(const struct found_catalog *found, const struct store *store)
{
    return found->is_elsewhere && found->where.path == NULL && !store_is_folder(store);
}

bool lake_catalog_may_be_shared(const struct store *store)
{
    struct found_catalog found;
    struct error ignored;
    bool may = find(&found, store, &ignored) == OK && may_be_shared(&found, store);
    lake_file_release(&found.file);
    return may;
}

enum error_code lake_catalog_path(const struct store *store, char out[OS_PATH_BYTES],
                                  struct error *error)
{
    struct found_catalog found;
    enum error_code code = find(&found, store, error);
    if (code == OK)
        code = found.where.path != NULL ? os_path_join(out, "", found.where.path, error)
                                        : error_set(error, ERR_CONFLICT,
                                                    "the catalog of %s is not a file: it is in "
                                                    "PostgreSQL",
                                                    store->root);
    lake_file_release(&found.file);
    return code;
}

bool lake_catalog_exists(const struct store *store)
{
    struct found_catalog found;
    struct error ignored;
    bool exists =
        find(&found, store, &ignored) == OK &&
        (found.where.path != NULL ? os_path_exists(found.where.path)
                                  : found.file.lake_id[0] != '\0' && !found.file.creating);
    lake_file_release(&found.file);
    return exists;
}

static enum error_code open_found(struct catalog **out, const struct store *store, bool is_shared,
                                  enum catalog_mode mode,
                                  const struct catalog_create_options *create, struct error *error)
{
    struct found_catalog found;
    *out = NULL;
    enum error_code code = find(&found, store, error);
    found.where.is_shared = is_shared && code == OK && may_be_shared(&found, store);
    if (code == OK)
        code = catalog_open_at(out, &found.where, mode, create, error);
    if (code == OK && found.is_elsewhere && mode == CATALOG_CREATE)
        code = catalog_care_begin(*out, error);
    if (code != OK) {
        catalog_close(*out);
        *out = NULL;
    }
    lake_file_release(&found.file);
    return code;
}

enum error_code lake_catalog_open(struct catalog **out, const struct store *store,
                                  enum catalog_mode mode,
                                  const struct catalog_create_options *create, struct error *error)
{
    return open_found(out, store, false, mode, create, error);
}

enum error_code lake_catalog_share(struct catalog **out, const struct store *store,
                                   enum catalog_mode mode,
                                   const struct catalog_create_options *create, struct error *error)
{
    return open_found(out, store, true, mode, create, error);
}

enum error_code lake_catalog_copy(const struct store *store, const char *to, struct error *error)
{
    struct found_catalog found;
    enum error_code code = find(&found, store, error);
    if (code == OK)
        code = catalog_copy(to, &found.where, error);
    lake_file_release(&found.file);
    return code;
}

enum error_code lake_catalog_overwrite(const struct store *store, const char *from,
                                       struct error *error)
{
    struct found_catalog found;
    enum error_code code = find(&found, store, error);
    if (code == OK)
        code = catalog_overwrite(&found.where, from, error);
    lake_file_release(&found.file);
    return code;
}

enum error_code lake_catalog_replace(const struct store *store, const char *from,
                                     char kept[CATALOG_KEPT_BYTES], struct error *error)
{
    struct found_catalog found;
    enum error_code code = find(&found, store, error);
    if (code == OK)
        code = catalog_replace(&found.where, from, kept, error);
    lake_file_release(&found.file);
    return code;
}

enum error_code lake_catalog_look(const struct store *store, bool *is_there, struct error *error)
{
    struct found_catalog found;
    *is_there = false;
    enum error_code code = find(&found, store, error);
    if (code == OK)
        code = catalog_look(&found.where, is_there, error);
    lake_file_release(&found.file);
    return code;
}

enum error_code lake_catalog_keep(struct catalog_keeping **out, const struct store *store,
                                  bool shared, char holder[KEEPING_HOLDER_BYTES],
                                  struct error *error)
{
    struct found_catalog found;
    *out = NULL;
    enum error_code code = find(&found, store, error);
    if (code == OK)
        code = catalog_keeping_take(out, &found.where, shared, holder, error);
    lake_file_release(&found.file);
    return code;
}

enum error_code lake_catalog_is_in_folder(const struct store *store, bool *is_in_folder,
                                          struct error *error)
{
    struct found_catalog found;
    enum error_code code = find(&found, store, error);
    *is_in_folder = code == OK && !found.is_elsewhere;
    lake_file_release(&found.file);
    return code;
}
