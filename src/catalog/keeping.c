// SPDX-License-Identifier: Apache-2.0
#include "catalog/keeping.h"

#include <inttypes.h>
#include <stdio.h>

#include "database/engines.h"
#include "database/query.h"
#include "util/memory.h"

struct catalog_keeping {
    struct database database;
};

/* "ttp" and one more than the writer's, and the schema: one lake each (database/postgres_holder.c).
 */
#define KEY  "7631985, current_schema()::regnamespace::oid::int4"
#define LOCK "locktype = 'advisory' AND classid = 7631985 AND objid = " SCHEMA
/* A lock's half of the key is there as an oid. */
#define SCHEMA "current_schema()::regnamespace::oid AND objsubid = 2 AND granted"

static enum error_code describe(struct database *database, char holder[KEEPING_HOLDER_BYTES],
                                struct error *error)
{
    struct query query;
    snprintf(holder, KEEPING_HOLDER_BYTES, "another process");
    query_begin(&query, database,
                "SELECT a.pid, coalesce(host(a.client_addr), 'its own machine') FROM "
                "pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE "
                "l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = "
                "current_database()) AND " LOCK " ORDER BY a.backend_start LIMIT 1",
                NO_VALUES, error);
    if (query_next(&query))
        snprintf(holder, KEEPING_HOLDER_BYTES, "the catalog's session %" PRId64 ", from %.60s",
                 query_int(&query, 0), query_text(&query, 1));
    return query_end(&query);
}

static enum error_code take(struct database *database, bool shared,
                            char holder[KEEPING_HOLDER_BYTES], struct error *error)
{
    int64_t taken = 0;
    enum error_code code = database_query_int(database,
                                              shared ? "SELECT pg_try_advisory_lock_shared(" KEY ")"
                                                     : "SELECT pg_try_advisory_lock(" KEY ")",
                                              NO_VALUES, &taken, error);
    if (code != OK || taken != 0)
        return code;
    code = describe(database, holder, error);
    return code == OK
               ? error_set(error, ERR_CONFLICT, "%s has the lock of %s", holder, database->path)
               : code;
}

enum error_code catalog_keeping_take(struct catalog_keeping **out,
                                     const struct database_location *where, bool shared,
                                     char holder[KEEPING_HOLDER_BYTES], struct error *error)
{
    *out = NULL;
    if (where->path != NULL)
        return OK;
    struct catalog_keeping *keeping = mem_alloc_zero(1, sizeof *keeping);
    if (keeping == NULL)
        return error_no_memory(error, "a lock of the catalog");
    enum error_code code = database_open_at(&keeping->database, where, DATABASE_READ, error);
    if (code == OK)
        code = take(&keeping->database, shared, holder, error);
    if (code == OK)
        *out = keeping;
    else
        catalog_keeping_free(keeping);
    return code;
}

/* A connection that was lost is opened anew by the question, and has no lock then. */
enum error_code catalog_keeping_check(struct catalog_keeping *keeping, struct error *error)
{
    bool has = false;
    if (keeping == NULL)
        return OK;
    enum error_code code =
        database_has(&keeping->database,
                     "SELECT 1 FROM pg_catalog.pg_locks WHERE pid = pg_backend_pid() AND " LOCK,
                     NO_VALUES, &has, error);
    if (code == OK && !has)
        code =
            error_set(error, ERR_RETRY,
                      "the connection to the catalog %s was lost meanwhile, and with it the lock "
                      "that keeps files from being deleted: start this again, it goes on",
                      keeping->database.path);
    return code;
}

void catalog_keeping_free(struct catalog_keeping *keeping)
{
    if (keeping == NULL)
        return;
    database_close(&keeping->database);
    mem_free(keeping);
}
