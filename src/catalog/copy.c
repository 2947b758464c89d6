// SPDX-License-Identifier: Apache-2.0
#include "catalog/copy.h"

#include "catalog/engines.h"
#include "catalog/files.h"
#include "catalog/query.h"
#include "os/file.h"

static enum error_code copy_into(struct database *to, const struct catalog_location *from,
                                 struct error *error)
{
    struct database source;
    enum error_code code = database_open_at(&source, from, DATABASE_READ, error);
    if (code != OK)
        return code;
    code = database_copy(to, &source, error);
    database_close(&source);
    return code;
}

enum error_code catalog_copy(const char *to, const struct catalog_location *from,
                             struct error *error)
{
    struct database copy;
    enum error_code code = catalog_discard(to, error);
    if (code == OK)
        code = database_open(&copy, to, DATABASE_COPY, error);
    if (code != OK)
        return code;
    code = copy_into(&copy, from, error);
    database_close(&copy);
    return code;
}

/* A file that is new gets a durable name. */
static enum error_code sync_name(const struct catalog_location *where, struct error *error)
{
    char folder[OS_PATH_BYTES];
    if (where->path == NULL)
        return OK;
    enum error_code code = os_parent_path(folder, where->path, error);
    return code == OK ? os_sync_directory(folder, error) : code;
}

/* The log of a file holds all of it twice until it is emptied; readers may keep that from
 * happening. */
static void empty_log(struct database *database, const struct catalog_location *where)
{
    if (where->path != NULL)
        (void)!database_execute(database, "PRAGMA wal_checkpoint(TRUNCATE)", NULL);
}

enum error_code catalog_overwrite(const struct catalog_location *to, const char *from,
                                  struct error *error)
{
    struct database old;
    bool is_new = to->path != NULL && !os_path_exists(to->path);
    enum error_code code = database_open_at(&old, to, DATABASE_CREATE, error);
    if (code != OK)
        return code;
    code = copy_into(&old, &(struct catalog_location){.path = from}, error);
    if (code == OK)
        empty_log(&old, to);
    database_close(&old);
    return code == OK && is_new ? sync_name(to, error) : code;
}

enum error_code catalog_look(const struct catalog_location *where, bool *is_there,
                             struct error *error)
{
    struct database database;
    struct error failure;
    bool is_empty = true;
    *is_there = false;
    enum error_code code = database_open_at(&database, where, DATABASE_READ, &failure);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK) {
        if (error != NULL)
            *error = failure;
        return code;
    }
    code = database_is_empty(&database, &is_empty, error);
    if (code == OK && !is_empty)
        code = database_has_table(&database, "ttp_lake", is_there, error);
    if (code == OK && !is_empty && !*is_there)
        code = error_set(error, ERR_CONFLICT,
                         "%s holds something else than a lake's catalog: name another place",
                         database.path);
    database_close(&database);
    return code;
}
