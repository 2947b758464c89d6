// SPDX-License-Identifier: Apache-2.0
#include "catalog/engines.h"

#include "catalog/sqlite_database.h"
#include "util/memory.h"

enum error_code database_open_at(struct database *database, const struct catalog_location *where,
                                 enum database_mode mode, struct error *error)
{
    *database = (struct database){.mode = mode, .path = mem_copy_text(where->path)};
    if (database->path == NULL)
        return error_no_memory(error, "the catalog's path");
    enum error_code code = sqlite_open(database, where->path, error);
    if (code != OK)
        database_close(database);
    else if (mode == DATABASE_CREATE)
        database->mode = DATABASE_WRITE; /* it is there now */
    return code;
}

enum error_code database_open(struct database *database, const char *path, enum database_mode mode,
                              struct error *error)
{
    return database_open_at(database, &(struct catalog_location){.path = path}, mode, error);
}

enum error_code database_copy(struct database *to, struct database *from, struct error *error)
{
    return sqlite_copy(to, from, error);
}
