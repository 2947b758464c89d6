// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/ducklake.h"
#include "database/engines.h"
#include "catalog/handle.h"
#include "catalog/identity.h"
#include "database/query.h"
#include "catalog/tables.h"
#include "catalog/values.h"
#include "catalog/views.h"
#include "os/file.h"
#include "os/identity.h"
#include "util/memory.h"

#define CREATE_TRIES_MAX 3 /* after answers that were lost */

static enum error_code create_all(struct catalog *catalog,
                                  const struct catalog_create_options *options, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < ducklake_table_count; i++)
        code = database_create_table(database, ducklake_tables[i], error);
    for (size_t i = 0; code == OK && i < catalog_table_count; i++)
        code = database_execute(database, catalog_tables[i], error);
    int64_t partition_id = 0;
    if (code == OK)
        code = ducklake_create(database, options, &partition_id, error);
    char layout[24], partition[24], uuid[OS_UUID_BYTES];
    if (code == OK && options->lake_id == NULL)
        code = os_uuid(uuid, error);
    snprintf(layout, sizeof layout, "%d", CATALOG_LAYOUT_FIRST);
    snprintf(partition, sizeof partition, "%lld", (long long)partition_id);
    const char *const values[][2] = {
        {"lake_id", options->lake_id == NULL ? uuid : options->lake_id},
        {"layout_version", layout},
        {"schema_version", options->table->schema_version},
        {"partition_id", partition},
        {"lake_path", options->lake_path}};
    for (size_t i = 0; code == OK && i < sizeof values / sizeof *values; i++)
        if (values[i][1] != NULL)
            code = catalog_set_value(database, values[i][0], values[i][1], error);
    struct catalog_views views;
    if (code == OK)
        code = database_complete_tables(database, error);
    if (code == OK)
        code = identity_keep(database, error);
    return code == OK ? views_make(database, options->table, &views, error) : code;
}

static enum error_code create_once(struct catalog *catalog,
                                   const struct catalog_create_options *options,
                                   struct error *error)
{
    struct database *database = &catalog->database;
    bool empty = false;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_is_empty(database, &empty, error);
    if (code == OK && empty)
        code = create_all(catalog, options, error);
    return database_end(database, code, error);
}

/* Makes the tables in an empty database; one that has them is left alone. Where the answer to
 * COMMIT was lost a new connection looks again: its lock is to be had once the former one has
 * ended, which either made them by then or never does. What keeps it from that is the next start's.
 */
static enum error_code create_if_empty(struct catalog *catalog,
                                       const struct catalog_create_options *options,
                                       struct error *error)
{
    struct error again;
    enum error_code code = create_once(catalog, options, error);
    for (int i = 0; code != OK && catalog->database.lost_commit && i < CREATE_TRIES_MAX; i++) {
        catalog->database.lost_commit = false;
        if (create_once(catalog, options, &again) == OK)
            code = OK;
    }
    return code;
}

/* One of an earlier version gets what catalogs of its engine have by now. */
static enum error_code complete(struct catalog *catalog, struct error *error)
{
    struct database *database = &catalog->database;
    bool is_complete = false;
    enum error_code code = database_is_complete(database, &is_complete, error);
    if (code != OK || is_complete)
        return code;
    code = database_begin_write(database, error);
    if (code != OK)
        return code;
    return database_end(database, database_complete_tables(database, error), error);
}

static enum error_code check_versions(struct catalog *catalog, struct error *error)
{
    struct database *database = &catalog->database;
    bool ours = false;
    char *layout = NULL;
    char *ducklake = NULL;
    enum error_code code = database_has_table(database, "ttp_lake", &ours, error);
    if (code == OK && !ours)
        return error_set(error, ERR_CORRUPT,
                         "%s is not a lake's catalog (it has no table ttp_lake)", database->path);
    if (code == OK)
        code = catalog_get_value(&catalog->database, "layout_version", &layout, error);
    if (code == OK)
        code = database_query_text(
            database, "SELECT \"value\" FROM ducklake_metadata WHERE \"key\" = 'version'",
            NO_VALUES, &ducklake, error);
    if (code == OK && (layout == NULL || ducklake == NULL))
        code = error_set(error, ERR_CORRUPT, "catalog %s does not say its version", database->path);
    else if (code == OK && strtol(layout, NULL, 10) > CATALOG_LAYOUT_NEWEST)
        code = error_set(error, ERR_CONFLICT,
                         "catalog %s has layout %s; this version knows layouts up to %d: use a "
                         "newer parquet-consumer",
                         database->path, layout, CATALOG_LAYOUT_NEWEST);
    else if (code == OK && strcmp(ducklake, "1.0") != 0)
        code = error_set(error, ERR_CONFLICT,
                         "catalog %s was migrated to DuckLake %s; this version writes DuckLake "
                         "1.0: use a newer parquet-consumer",
                         database->path, ducklake);
    mem_free(layout);
    mem_free(ducklake);
    return code;
}

static enum error_code load_values(struct catalog *catalog, struct error *error)
{
    char *partition_id = NULL;
    enum error_code code =
        catalog_get_value(&catalog->database, "lake_id", &catalog->lake_id, error);
    if (code == OK)
        code = catalog_get_value(&catalog->database, "schema_version", &catalog->schema_version,
                                 error);
    if (code == OK)
        code = catalog_get_value(&catalog->database, "partition_id", &partition_id, error);
    if (code == OK &&
        (catalog->lake_id == NULL || catalog->schema_version == NULL || partition_id == NULL))
        code =
            error_set(error, ERR_CORRUPT, "catalog %s does not say which lake and schema it is of",
                      catalog->database.path);
    if (code == OK)
        catalog->partition_id = strtoll(partition_id, NULL, 10);
    mem_free(partition_id);
    return code;
}

/* A catalog of version 0.1.0 learns which table is its own. One that another program writes to
 * meanwhile learns it the next time: what it would learn is what is compared anyway. */
static enum error_code keep_identity(struct catalog *catalog, struct error *error)
{
    struct database *database = &catalog->database;
    bool kept = false;
    enum error_code code = identity_is_kept(database, &kept, error);
    if (code != OK || kept)
        return code;
    struct error busy;
    code = database_begin_write(database, &busy);
    if (code == ERR_RETRY)
        return OK;
    if (code != OK) {
        *error = busy;
        return code;
    }
    return database_end(database, identity_keep(database, error), error);
}

enum error_code catalog_open(struct catalog **out, const char *path, enum catalog_mode mode,
                             const struct catalog_create_options *create, struct error *error)
{
    return catalog_open_at(out, &(struct database_location){.path = path}, mode, create, error);
}

enum error_code catalog_open_at(struct catalog **out, const struct database_location *where,
                                enum catalog_mode mode, const struct catalog_create_options *create,
                                struct error *error)
{
    static const enum database_mode modes[] = {
        [CATALOG_READ] = DATABASE_READ,
        [CATALOG_WRITE] = DATABASE_WRITE,
        [CATALOG_CREATE] = DATABASE_CREATE,
        [CATALOG_BESIDE] = DATABASE_BESIDE,
    };
    bool writes = mode == CATALOG_WRITE || mode == CATALOG_CREATE;
    assert((mode == CATALOG_CREATE) == (create != NULL));
    *out = NULL;
    struct catalog *catalog = mem_alloc_zero(1, sizeof *catalog);
    if (catalog == NULL)
        return error_no_memory(error, "the catalog");
    catalog->is_shared = where->is_shared;
    enum error_code code = database_open_at(&catalog->database, where, modes[mode], error);
    if (code == OK && mode == CATALOG_CREATE)
        code = create_if_empty(catalog, create, error);
    if (code == OK && writes)
        code = complete(catalog, error);
    if (code == OK)
        code = check_versions(catalog, error);
    if (code == OK)
        code = load_values(catalog, error);
    if (code == OK)
        code = identity_check(&catalog->database, &catalog->table_id, error);
    if (code == OK && writes)
        code = keep_identity(catalog, error);
    if (code == OK)
        *out = catalog;
    else
        catalog_close(catalog);
    return code;
}

void catalog_close(struct catalog *catalog)
{
    if (catalog == NULL)
        return;
    database_close(&catalog->database);
    mem_free(catalog->lake_id);
    mem_free(catalog->schema_version);
    mem_free(catalog);
}

bool catalog_is_shared(const struct catalog *catalog)
{
    return catalog->is_shared;
}

const char *catalog_schema_version(struct catalog *catalog)
{
    return catalog->schema_version;
}

const char *catalog_lake_id(struct catalog *catalog)
{
    return catalog->lake_id;
}

enum error_code catalog_layout(struct catalog *catalog, int *layout, struct error *error)
{
    char *text = NULL;
    enum error_code code = catalog_get_value(&catalog->database, "layout_version", &text, error);
    *layout = text == NULL ? CATALOG_LAYOUT_FIRST : (int)strtol(text, NULL, 10);
    mem_free(text);
    return code;
}

enum error_code catalog_evolve(struct catalog *catalog, const struct catalog_table *table,
                               size_t own_count, struct error *error)
{
    struct ducklake_head head = {0};
    struct catalog_views views;
    char *version = mem_copy_text(table->schema_version);
    if (version == NULL)
        return error_no_memory(error, "the schema version");
    enum error_code code = database_begin_write(&catalog->database, error);
    if (code == OK) {
        code = ducklake_read_head(&catalog->database, &head, error);
        if (code == OK)
            code = ducklake_evolve(&catalog->database, &head, table, own_count, error);
        if (code == OK)
            code = catalog_set_value(&catalog->database, "schema_version", version, error);
        if (code == OK)
            code = views_make(&catalog->database, table, &views, error);
        code = database_end(&catalog->database, code, error);
    }
    if (code == OK) {
        mem_free(catalog->schema_version);
        catalog->schema_version = version;
    } else {
        mem_free(version);
    }
    return code;
}

enum error_code catalog_empty_log(struct catalog *catalog, struct error *error)
{
    int64_t busy = 1;
    enum error_code code = database_query_int(&catalog->database, "PRAGMA wal_checkpoint(TRUNCATE)",
                                              NO_VALUES, &busy, error);
    if (code == OK && busy != 0)
        code = error_set(error, ERR_CONFLICT, "the new catalog %s is open in another process",
                         catalog->database.path);
    return code;
}

/* Most starts find nothing to do, and then need not wait for anybody who writes. */
enum error_code catalog_make_views(struct catalog *catalog, const struct catalog_table *table,
                                   struct catalog_views *views, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = views_look(database, catalog->table_id, table, views, error);
    if (code != OK || !views_have_work(views))
        return code;
    code = database_begin_write(database, error);
    if (code != OK)
        return code;
    return database_end(database, views_make(database, table, views, error), error);
}
