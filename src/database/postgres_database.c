// SPDX-License-Identifier: Apache-2.0
/*
 * PostgreSQL's sessions and transactions, for database/engine.h. A write transaction is READ
 * COMMITTED, since each statement must see what was committed before its lock came, and holds,
 * in this order, the row that fences it and the lock on ducklake_snapshot: then no other writer,
 * DuckDB included, adds a snapshot until it ends (docs/commit-protocol.md).
 */
#include "database/postgres_database.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "database/engine.h"
#include "database/postgres_holder.h"
#include "database/postgres_query.h"
#include "database/postgres_session.h"
#include "database/postgres_tables.h"
#include "database/query.h"
#include "util/memory.h"

static const struct postgres_values nothing = {0, NULL, NULL};

static enum error_code connect(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    enum error_code code = postgres_connect(database, error);
    bool writes = database->mode != DATABASE_READ && database->mode != DATABASE_BESIDE;
    if (code == OK && writes && !session->in_transaction && !session->holds_lock)
        code = postgres_holder_lock(database, error);
    return code;
}

static void close_database(struct database *database)
{
    struct postgres_session *session = postgres_session(database);
    if (session == NULL)
        return;
    postgres_holder_leave(database);
    postgres_hang_up(session);
    mem_free(session->conninfo);
    mem_free(session->schema);
    mem_free(session);
    database->session = NULL;
}

/* ---- transactions ---- */

/* Takes the connection out of its transaction, whatever state that is in. */
static void leave(struct database *database)
{
    struct postgres_session *session = postgres_session(database);
    session->in_transaction = session->is_demanding = false;
    session->code = OK;
    if (session->connection == NULL)
        return;
    if (PQstatus(session->connection) != CONNECTION_OK ||
        PQexitPipelineMode(session->connection) == 0 ||
        PQtransactionStatus(session->connection) != PQTRANS_IDLE)
        postgres_hang_up(session); /* the server rolls back */
}

static void roll_back(struct database *database)
{
    struct postgres_session *session = postgres_session(database);
    PGresult *result = NULL;
    session->code = OK;
    if (PQstatus(session->connection) == CONNECTION_OK &&
        postgres_ask(database, "ROLLBACK", &nothing, &result, NULL) == OK)
        PQclear(result);
    leave(database);
}

static enum error_code enter(struct database *database, const char *begin, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    assert(!session->in_transaction);
    if (PQenterPipelineMode(session->connection) == 0)
        return error_set(error, ERR_IO, "catalog %s: %s", database->path,
                         PQerrorMessage(session->connection));
    session->in_transaction = true;
    session->code = OK;
    return postgres_send(database, begin, &nothing, NULL, error);
}

static enum error_code begin(struct database *database, bool writes, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    enum error_code code = OK;
    /* A catalog that is put in the place of another has a row of its own. */
    if (writes && session->epoch[0] == '\0' && database->mode != DATABASE_COPY)
        code = postgres_holder_claim(database, error);
    if (code != OK)
        return code;
    code = enter(database,
                 writes ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                        : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                 error);
    if (code == OK && writes)
        code = postgres_holder_fence(database, error);
    if (code != OK && session->in_transaction)
        roll_back(database);
    return code;
}

static enum error_code hold(struct database *database, struct error *error)
{
    return postgres_drain(database, error);
}

/* A COMMIT that was sent and not answered may have come about, or may yet. */
static enum error_code tell_unknown(struct database *database, struct error *error)
{
    error_set(error, ERR_IO,
              "the connection to the catalog %s was lost while it committed: whether it did is "
              "asked first",
              database->path);
    if (error != NULL)
        error->system_errno = ECONNABORTED;
    return ERR_IO;
}

static enum error_code commit(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    PGresult *result = NULL;
    bool was_open = PQstatus(session->connection) == CONNECTION_OK && session->code == OK;
    enum error_code code = postgres_ask(database, "COMMIT", &nothing, &result, error);
    bool is_open = PQstatus(session->connection) == CONNECTION_OK;
    database->lost_commit = code != OK && was_open && !is_open;
    if (database->lost_commit)
        code = tell_unknown(database, error);
    else if (code == OK && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        code = error_set(error, ERR_IO, "catalog %s: the server answered COMMIT with %s",
                         database->path, PQcmdStatus(result));
    PQclear(result);
    leave(database);
    return code;
}

static enum error_code end(struct database *database, enum error_code code, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    assert(session->in_transaction);
    if (code == OK && session->is_demanding)
        code = hold(database, error); /* what was not found must not be asked to COMMIT */
    if (code == OK)
        code = session->code; /* of what was sent and nobody has looked at */
    if (code == OK)
        return commit(database, error);
    if (session->code != OK && error != NULL && error->code != code)
        *error = session->failure;
    roll_back(database);
    return code;
}

static enum error_code execute(struct database *database, const char *sql, struct error *error)
{
    return database_run(database, sql, NO_VALUES, error);
}

/* The claim of the new connection waits for the dead one's transaction, and bars it. */
static enum error_code begin_settling(struct database *database, struct error *error)
{
    postgres_hang_up(postgres_session(database));
    return database_begin_write(database, error);
}

static enum error_code rule_out(struct database *database, struct error *error)
{
    (void)database;
    (void)error;
    return OK;
}

static const struct engine postgres_engine = {
    .connect = connect,
    .close = close_database,
    .execute = execute,
    .begin = begin,
    .hold = hold,
    .end = end,
    .prepare = postgres_prepare,
    .value_count = postgres_value_count,
    .bind = postgres_bind,
    .set_list = postgres_set_list,
    .send = postgres_send_question,
    .step = postgres_step,
    .change = postgres_change,
    .demand = postgres_demand,
    .release = postgres_release,
    .column_count = postgres_column_count,
    .column_name = postgres_column_name,
    .is_null = postgres_is_null,
    .integer = postgres_integer,
    .text = postgres_text,
    .create_table = execute,
    .complete_tables = postgres_complete_tables,
    .is_complete = postgres_is_complete,
    .is_empty = postgres_is_empty,
    .has_table = postgres_has_table,
    .has_column = postgres_has_column,
    .begin_settling = begin_settling,
    .rule_out = rule_out,
};

/* ---- opening ---- */

static enum error_code make_schema(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    const char *const texts[] = {session->schema};
    const struct postgres_values values = {1, NULL, texts};
    PGresult *result;
    enum error_code code =
        postgres_ask(database, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", &values,
                     &result, error);
    bool is_there = code == OK && PQntuples(result) == 1;
    PQclear(result);
    if (code != OK || is_there)
        return code;
    char *name = PQescapeIdentifier(session->connection, session->schema, strlen(session->schema));
    char sql[256];
    if (name == NULL)
        return error_no_memory(error, "the schema's name");
    snprintf(sql, sizeof sql, "CREATE SCHEMA IF NOT EXISTS %.200s", name);
    PQfreemem(name);
    code = postgres_ask(database, sql, &nothing, &result, error);
    PQclear(result);
    return code;
}

enum error_code postgres_open(struct database *database, const struct database_location *where,
                              struct error *error)
{
    struct postgres_session *session = mem_alloc_zero(1, sizeof *session);
    database->engine = &postgres_engine;
    database->session = session;
    if (session == NULL)
        return error_no_memory(error, "the catalog");
    session->conninfo = mem_copy_text(where->conninfo);
    session->schema = mem_copy_text(where->schema[0] == '\0' ? "public" : where->schema);
    session->is_shared = where->is_shared;
    if (session->conninfo == NULL || session->schema == NULL)
        return error_no_memory(error, "the catalog");
    enum error_code code = os_uuid(session->holder, error);
    if (code == OK)
        code = postgres_connect(database, error);
    if (code == OK && (database->mode == DATABASE_CREATE || database->mode == DATABASE_COPY))
        code = make_schema(database, error);
    return code == OK ? connect(database, error) : code;
}
