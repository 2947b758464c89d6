// SPDX-License-Identifier: Apache-2.0
#include "catalog/engines.h"

#include <assert.h>

#include "catalog/postgres_database.h"
#include "catalog/sqlite_database.h"
#include "catalog/transfer.h"
#include "util/buffer.h"
#include "util/memory.h"

/* What messages call it. A CONNINFO has no password in it (catalog/location.h). */
static char *make_name(const struct catalog_location *where)
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

enum error_code database_open_at(struct database *database, const struct catalog_location *where,
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
    return database_open_at(database, &(struct catalog_location){.path = path}, mode, error);
}

static enum error_code transfer(struct database *to, struct database *from, struct error *error)
{
    enum error_code code = database_begin_read(from, error);
    if (code != OK)
        return code;
    code = database_begin_write(to, error);
    if (code == OK)
        code = database_end(to, transfer_rows(to, from, error), error);
    /* Nothing was written there: how that ends changes nothing. */
    (void)!database_end(from, ERR_AGAIN, NULL);
    return code;
}

enum error_code database_copy(struct database *to, struct database *from, struct error *error)
{
    return sqlite_is_engine_of(to) && sqlite_is_engine_of(from) ? sqlite_copy(to, from, error)
                                                                : transfer(to, from, error);
}
