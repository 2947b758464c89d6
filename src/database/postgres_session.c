// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "database/postgres_error.h"
#include "os/clock.h"
#include "os/poll.h"
#include "util/memory.h"
#include "util/text.h"

/* Where CONNINFO does not say: how long a connection may take, and how long sent bytes may stay
 * unanswered by the other machine. */
#define CONNECT_TIMEOUT_US  (10 * US_PER_SECOND)
#define TCP_USER_TIMEOUT_MS "30000"
struct postgres_session *postgres_session(const struct database *database)
{
    return database->session;
}

void postgres_hang_up(struct postgres_session *session)
{
    PQfinish(session->connection);
    session->connection = NULL;
    session->holds_lock = false;
    session->epoch[0] = '\0';
    session->pending_count = 0;
    postgres_prepared_release(&session->prepared);
}

/* ---- failures ---- */

/* The first one stays. */
static void keep_failure(struct database *database, const char *sqlstate, const char *words)
{
    struct postgres_session *session = postgres_session(database);
    if (session->code == OK)
        session->code = postgres_error_set(&session->failure, database->path, sqlstate, words);
}

static enum error_code told(struct postgres_session *session, struct error *error)
{
    enum error_code code = session->code;
    if (code != OK && error != NULL)
        *error = session->failure;
    if (!session->in_transaction)
        session->code = OK;
    return code;
}

static void keep_result_failure(struct database *database, const PGresult *result)
{
    const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    keep_failure(database, PQresultErrorField(result, PG_DIAG_SQLSTATE),
                 words != NULL ? words : PQresultErrorMessage(result));
}

/* Whatever the server said before it: a lost connection has lost its transaction. */
static void keep_loss(struct database *database)
{
    struct postgres_session *session = postgres_session(database);
    char words[256];
    snprintf(words, sizeof words, "the connection was lost: %.200s",
             PQerrorMessage(session->connection));
    if (session->code != OK && session->code != ERR_RETRY)
        return;
    session->code = OK;
    keep_failure(database, NULL, words);
}

/* ---- asking ---- */

static void expect(struct postgres_session *session, struct postgres_pending pending)
{
    assert(session->pending_count < POSTGRES_PENDING_MAX);
    session->pending[session->pending_count++] = pending;
}

/* Whether it was sent. The second time that a statement comes, the server is made to keep it. */
static bool send(struct postgres_session *session, const char *sql,
                 const struct postgres_values *values)
{
    char name[POSTGRES_STATEMENT_NAME_BYTES];
    PGconn *connection = session->connection;
    struct postgres_statement *statement =
        postgres_prepared_see(&session->prepared, sql, values->count, values->types);
    if (statement == NULL)
        return PQsendQueryParams(connection, sql, values->count, values->types, values->texts, NULL,
                                 NULL, 0) != 0;
    if (statement->number == 0) {
        postgres_prepared_number(&session->prepared, statement);
        postgres_statement_name(statement, name);
        if (PQsendPrepare(connection, name, sql, values->count, values->types) == 0)
            return false;
        expect(session, (struct postgres_pending){.prepares = statement});
    }
    postgres_statement_name(statement, name);
    return PQsendQueryPrepared(connection, name, values->count, values->texts, NULL, NULL, 0) != 0;
}

static enum error_code send_expecting(struct database *database, const char *sql,
                                      const struct postgres_values *values,
                                      struct postgres_pending pending, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    assert(session->in_transaction);
    if (session->code == OK && session->pending_count + 2 > POSTGRES_PENDING_MAX)
        (void)!postgres_drain(database, NULL); /* a failure stays */
    if (session->code != OK)
        return told(session, error);
    if (send(session, sql, values))
        expect(session, pending);
    else
        keep_loss(database);
    return told(session, error);
}

enum error_code postgres_send(struct database *database, const char *sql,
                              const struct postgres_values *values, PGresult **answer,
                              struct error *error)
{
    return send_expecting(database, sql, values, (struct postgres_pending){.answer = answer},
                          error);
}

enum error_code postgres_send_fence(struct database *database, const char *sql,
                                    const struct postgres_values *values, struct error *error)
{
    postgres_session(database)->is_demanding = true;
    return send_expecting(database, sql, values, (struct postgres_pending){.is_fence = true},
                          error);
}

enum error_code postgres_send_demand(struct database *database, const char *sql,
                                     const struct postgres_values *values,
                                     const struct query_demand *unless, struct error *error)
{
    postgres_session(database)->is_demanding = true;
    return send_expecting(database, sql, values,
                          (struct postgres_pending){.is_demand = true, .unless = *unless}, error);
}

void postgres_forget_answer(struct database *database, PGresult **answer)
{
    struct postgres_session *session = postgres_session(database);
    for (size_t i = 0; i < session->pending_count; i++)
        if (session->pending[i].answer == answer)
            session->pending[i].answer = NULL;
}

/* The answer of one statement; NULL where the connection was lost. */
static PGresult *read_answer(struct database *database)
{
    PGconn *connection = postgres_session(database)->connection;
    PGresult *answer = PQgetResult(connection);
    if (answer == NULL)
        return NULL;
    if (PQresultStatus(answer) == PGRES_FATAL_ERROR)
        keep_result_failure(database, answer);
    if (PQresultStatus(answer) != PGRES_PIPELINE_SYNC) {
        PGresult *end = PQgetResult(connection); /* NULL: each answer ends with one */
        PQclear(end);
    }
    return answer;
}

static bool is_good(const PGresult *answer)
{
    ExecStatusType status = PQresultStatus(answer);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The row of who shares is gone where somebody else had the catalog alone meanwhile: nothing of
 * ours is under way then, and it begins anew with another row. */
static void keep_fenced(struct database *database)
{
    struct postgres_session *session = postgres_session(database);
    session->code = postgres_error_fenced(&session->failure, database->path);
    if (!session->is_shared)
        return;
    session->epoch[0] = '\0';
    session->code = session->failure.code = ERR_RETRY;
    session->failure.system_errno = EBUSY;
}

static void take_answer(struct database *database, const struct postgres_pending *pending,
                        PGresult *answer)
{
    struct postgres_session *session = postgres_session(database);
    bool good = is_good(answer);
    if (pending->prepares != NULL && !good)
        pending->prepares->number = 0;
    bool is_missing = good && session->code == OK && PQntuples(answer) == 0;
    if (is_missing && pending->is_fence)
        keep_fenced(database);
    if (is_missing && pending->is_demand)
        session->code =
            error_set(&session->failure, pending->unless.code, "%s", pending->unless.words);
    if (pending->answer != NULL && good)
        *pending->answer = answer;
    else
        PQclear(answer);
}

enum error_code postgres_drain(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    size_t taken = 0;
    bool synced = false;
    if (session->code != OK && session->pending_count == 0)
        return told(session, error);
    if (session->connection == NULL || PQpipelineSync(session->connection) == 0) {
        keep_loss(database);
        return told(session, error);
    }
    session->trips++;
    while (!synced && PQstatus(session->connection) == CONNECTION_OK) {
        PGresult *answer = read_answer(database);
        synced = answer != NULL && PQresultStatus(answer) == PGRES_PIPELINE_SYNC;
        if (!synced && taken < session->pending_count)
            take_answer(database, &session->pending[taken++], answer);
        else
            PQclear(answer);
    }
    session->pending_count = 0;
    session->is_demanding = false;
    if (!synced)
        keep_loss(database);
    return told(session, error);
}

static enum error_code ask_in_transaction(struct database *database, const char *sql,
                                          const struct postgres_values *values, PGresult **result,
                                          struct error *error)
{
    enum error_code code = postgres_send(database, sql, values, result, error);
    if (code == OK)
        code = postgres_drain(database, error);
    if (code != OK) {
        postgres_forget_answer(database, result);
        PQclear(*result);
        *result = NULL;
    }
    return code;
}

enum error_code postgres_ask(struct database *database, const char *sql,
                             const struct postgres_values *values, PGresult **result,
                             struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    *result = NULL;
    if (session->in_transaction)
        return ask_in_transaction(database, sql, values, result, error);
    PGresult *answer = PQexecParams(session->connection, sql, values->count, values->types,
                                    values->texts, NULL, NULL, 0);
    session->trips++;
    if (PQstatus(session->connection) != CONNECTION_OK) {
        keep_loss(database);
    } else if (!is_good(answer)) {
        keep_result_failure(database, answer);
    } else {
        *result = answer;
        return OK;
    }
    PQclear(answer);
    return told(session, error);
}

/* ---- connecting ---- */

static void say_nothing(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

static PGconn *start(const struct database *database)
{
    const struct postgres_session *session = postgres_session(database);
    /* What stands before dbname is what CONNINFO may say otherwise. */
    const char *const keys[] = {
        "tcp_user_timeout", "keepalives_idle",      "keepalives_interval",
        "keepalives_count", "target_session_attrs", "fallback_application_name",
        "dbname",           "client_encoding",      NULL};
    const char *const values[] = {TCP_USER_TIMEOUT_MS,
                                  "30",
                                  "10",
                                  "3",
                                  database->mode == DATABASE_READ ? "any" : "read-write",
                                  "parquet-consumer",
                                  session->conninfo,
                                  "UTF8",
                                  NULL};
    return PQconnectStartParams(keys, values, 1);
}

static int64_t timeout_of(PGconn *connection)
{
    int64_t timeout_us = CONNECT_TIMEOUT_US;
    PQconninfoOption *options = PQconninfo(connection);
    for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
        if (strcmp(option->keyword, "connect_timeout") == 0 && option->val != NULL &&
            strtol(option->val, NULL, 10) > 0)
            timeout_us = strtol(option->val, NULL, 10) * US_PER_SECOND;
    PQconninfoFree(options);
    return timeout_us;
}

/* Begun and polled here, not by PQconnectdb: so it has a time limit that counts the server's
 * answer, too, and its errors have their SQLSTATE. */
static bool make_connection(PGconn *connection)
{
    int64_t ends_us = os_monotonic_us() + timeout_of(connection);
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
    while (PQstatus(connection) != CONNECTION_BAD && wants != PGRES_POLLING_OK &&
           wants != PGRES_POLLING_FAILED) {
        int64_t left_us = ends_us - os_monotonic_us();
        if (left_us <= 0)
            return false;
        struct os_poll_item item = {.fd = PQsocket(connection),
                                    .want_read = wants == PGRES_POLLING_READING,
                                    .want_write = wants == PGRES_POLLING_WRITING};
        if (os_poll(&item, 1, left_us) > 0)
            wants = PQconnectPoll(connection);
    }
    return wants == PGRES_POLLING_OK && PQstatus(connection) == CONNECTION_OK;
}

static enum error_code tell_not_connected(const struct database *database, PGconn *connection,
                                          struct error *error)
{
    char state[6];
    const char *words = PQerrorMessage(connection);
    postgres_find_state(words, state);
    if (state[0] == '\0' && PQconnectionNeedsPassword(connection))
        memcpy(state, "28P01", sizeof state);
    if (words[0] == '\0')
        words = "the server does not answer";
    return postgres_error_set(error, database->path, state, words);
}

/* What each session wants the server to be like. Statements that it keeps are planned anew each
 * time, since tables grow from nothing to millions of rows meanwhile; lists are read to their end;
 * to compile a question takes longer than any of ours does. A commit that
 * synchronous_commit = off tells of may be lost by a crash of the server. */
static enum error_code configure(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    static const char *const settings =
        "SELECT set_config('search_path', quote_ident($1), false), "
        "set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false), "
        "set_config('standard_conforming_strings', 'on', false), "
        "set_config('lock_timeout', '60s', false), "
        "set_config('default_transaction_isolation', 'read committed', false), "
        "set_config('plan_cache_mode', 'force_custom_plan', false), "
        "set_config('cursor_tuple_fraction', '1', false), set_config('jit', 'off', false), "
        "CASE current_setting('synchronous_commit') WHEN 'off' THEN "
        "set_config('synchronous_commit', 'on', false) END";
    const char *const texts[] = {session->schema};
    const struct postgres_values values = {1, NULL, texts};
    PGresult *result;
    enum error_code code = postgres_ask(database, settings, &values, &result, error);
    PQclear(result);
    return code;
}

static enum error_code connect_anew(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    PGconn *connection = start(database);
    if (connection == NULL)
        return error_no_memory(error, "a connection to the catalog");
    PQsetNoticeReceiver(connection, say_nothing, NULL);
    if (!make_connection(connection)) {
        enum error_code code = tell_not_connected(database, connection, error);
        PQfinish(connection);
        return code;
    }
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
    session->connection = connection;
    enum error_code code = configure(database, error);
    if (code != OK)
        postgres_hang_up(session);
    return code;
}

enum error_code postgres_connect(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    if (session->in_transaction)
        return OK; /* what failed in it is told by its failure */
    if (session->connection != NULL && PQstatus(session->connection) == CONNECTION_OK)
        return OK;
    postgres_hang_up(session);
    return connect_anew(database, error);
}
