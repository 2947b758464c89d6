// SPDX-License-Identifier: Apache-2.0
#include "database/engines.h"

#include <assert.h>

#include "database/postgres_database.h"
#include "database/sqlite_database.h"
#include "util/buffer.h"
#include "util/memory.h"

/* What messages call it. A CONNINFO has no password in it (database/location.h). */
static char *make_name(const struct database_location *where)
{
    struct buffer name;
    char *copy = NULL;
    if (where->path != NULL)
        return mem_copy_text(where->path);
    buffer_init(&name);
    if (buffer_append_format(&name, "postgres:%s%s%s", where->conninfo,
                             where->schema[0] == '\0' ? "" : " schema ", where->schema) == OK &&
        buffer_append_byte(&name, '\0') == OK)
        copy = mem_copy_text((const char *)name.data);
    buffer_release(&name);
    return copy;
}

enum error_code database_open_at(struct database *database, const struct database_location *where,
                                 enum database_mode mode, struct error *error)
{
    *database = (struct database){.mode = mode, .path = make_name(where)};
    if (database->path == NULL)
        return error_no_memory(error, "the catalog's path");
    assert(where->path == NULL || mode != DATABASE_BESIDE);
    enum error_code code = where->path != NULL ? sqlite_open(database, where->path, error)
                                               : postgres_open(database, where, error);
    if (code != OK)
        database_close(database);
    else if (mode == DATABASE_CREATE)
        database->mode = DATABASE_WRITE; /* it is there now */
    return code;
}

enum error_code database_open(struct database *database, const char *path, enum database_mode mode,
                              struct error *error)
{
    return database_open_at(database, &(struct database_location){.path = path}, mode, error);
}

bool database_is_file(const struct database *database)
{
    return sqlite_is_engine_of(database);
}

enum error_code database_copy_file(struct database *to, struct database *from, struct error *error)
{
    assert(database_is_file(to) && database_is_file(from));
    return sqlite_copy(to, from, error);
}
