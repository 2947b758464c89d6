// SPDX-License-Identifier: Apache-2.0
#include "database/database.h"

#include "database/engine.h"
#include "util/memory.h"

void database_close(struct database *database)
{
    if (database->engine != NULL)
        database->engine->close(database);
    mem_free(database->path);
    *database = (struct database){.engine = NULL};
}

enum error_code database_connect(struct database *database, struct error *error)
{
    return database->engine->connect(database, error);
}

enum error_code database_execute(struct database *database, const char *sql, struct error *error)
{
    enum error_code code = database_connect(database, error);
    return code == OK ? database->engine->execute(database, sql, error) : code;
}

static enum error_code begin(struct database *database, bool writes, struct error *error)
{
    enum error_code code = database_connect(database, error);
    return code == OK ? database->engine->begin(database, writes, error) : code;
}

enum error_code database_ask_to_write(struct database *database, struct error *error)
{
    return begin(database, true, error);
}

enum error_code database_hold(struct database *database, struct error *error)
{
    return database->engine->hold(database, error);
}

enum error_code database_begin_write(struct database *database, struct error *error)
{
    enum error_code code = database_ask_to_write(database, error);
    if (code != OK)
        return code;
    code = database_hold(database, error);
    return code == OK ? OK : database_end(database, code, error);
}

enum error_code database_begin_read(struct database *database, struct error *error)
{
    return begin(database, false, error);
}

enum error_code database_end(struct database *database, enum error_code code, struct error *error)
{
    return database->engine->end(database, code, error);
}

enum error_code database_begin_settling(struct database *database, struct error *error)
{
    return database->engine->begin_settling(database, error);
}

enum error_code database_rule_out(struct database *database, struct error *error)
{
    return database->engine->rule_out(database, error);
}
