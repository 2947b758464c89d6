// SPDX-License-Identifier: Apache-2.0
/*
 * In place of libpq (ld --wrap): the client's side of the simulated PostgreSQL (pg.h). What
 * is asked travels in trips: all that was sent up to a look at the answers. A trip may be lost
 * before it reaches the server, its answers may be lost, or it may reach the server only when its
 * client has given it up, or has died; and at times there is no server.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg.h"
#include "os/clock.h"
#include "os/identity.h"
#include "os/thread.h"
#include "tasks.h"
#include "util/text.h"
#include "world.h"

#define COMMANDS_MAX 512
#define PREPARED_MAX 256
#define LATE_MAX_US  (30 * US_PER_SECOND)

struct trip {
    struct pg_session *session;
    size_t count;
    struct pg_command commands[COMMANDS_MAX];
};

/* An answer, the end of one (NULL), or PGRES_PIPELINE_SYNC. */
struct connection {
    ConnStatusType status;
    bool in_pipeline;
    char message[128];
    struct trip trip; /* what was sent and has not left */
    struct pg_answer *answers[2 * COMMANDS_MAX];
    size_t answer_first, answer_count;
    struct pg_command prepared[PREPARED_MAX];
    char names[PREPARED_MAX][16];
    size_t prepared_count;
};

#define WRAPPED(result, name, parameters)                                                          \
    extern __typeof__(name) __wrap_##name;                                                         \
    result __wrap_##name parameters

static struct connection *of(const PGconn *connection)
{
    return (struct connection *)(uintptr_t)connection;
}

static struct pg_answer *answer_of(const PGresult *result)
{
    return (struct pg_answer *)(uintptr_t)result;
}

static void lose(struct connection *connection, const char *why)
{
    connection->status = CONNECTION_BAD;
    snprintf(connection->message, sizeof connection->message, "simulated: %s", why);
}

static void release_commands(struct trip *trip)
{
    for (size_t i = 0; i < trip->count; i++)
        pg_command_release(&trip->commands[i]);
    trip->count = 0;
}

static void take_answer(struct connection *connection, struct pg_answer *answer)
{
    if (connection->answer_count == 2 * COMMANDS_MAX)
        abort();
    connection->answers[connection->answer_count++] = answer;
}

/* ---- trips ---- */

/* `connection` NULL: nobody waits for the answers. What comes behind a failure is not done. */
static void carry_out(struct trip *trip, struct connection *connection)
{
    bool has_failed = false;
    for (size_t i = 0; i < trip->count; i++) {
        struct pg_answer *answer = has_failed ? pg_answer_new(PGRES_PIPELINE_ABORTED, "")
                                              : pg_run_command(trip->session, &trip->commands[i]);
        has_failed = has_failed || answer->status == PGRES_FATAL_ERROR;
        if (connection == NULL) {
            pg_answer_free(answer);
            continue;
        }
        take_answer(connection, answer);
        if (connection->in_pipeline)
            take_answer(connection, NULL);
    }
    release_commands(trip);
}

static void carry_out_late(struct trip *trip)
{
    os_sleep_us((int64_t)(world_below((uint32_t)LATE_MAX_US) >> world_below(20)));
    carry_out(trip, NULL);
    pg_session_free(trip->session);
    trip->session = NULL;
    world->late_trips++;
}

static void *server_body(void *context)
{
    carry_out_late(context);
    free(context);
    return NULL;
}

/* The server goes on with it by itself. */
static void let_go(struct trip *trip)
{
    struct os_thread thread;
    struct error error;
    struct trip *late = calloc(1, sizeof *late);
    if (late == NULL)
        abort();
    *late = *trip;
    trip->count = 0;
    trip->session = NULL;
    if (os_thread_start(&thread, "server", server_body, late, &error) != OK)
        abort();
}

static bool is_away(void)
{
    return disk_is_faulty() && world->database_away_until_us > world->now_us;
}

enum fate { FATE_GOOD, FATE_NOT_SENT, FATE_LOST_ANSWER, FATE_LATE };

static enum fate draw_fate(void)
{
    const struct world_life *life = &world->life;
    if (is_away()) {
        world->disk_faults++;
        return FATE_NOT_SENT;
    }
    if (!disk_is_faulty() || life->database_odds == 0 || world->database_faults_left == 0 ||
        !world_chance(life->database_odds))
        return FATE_GOOD;
    world->database_faults_left--;
    world->database_faults++;
    world->disk_faults++; /* for who asks whether there was trouble */
    if (world_chance(12))
        world->database_away_until_us = world->now_us + (INT64_C(1) << world_below(27));
    return (enum fate)(1 + world_below(FATE_LATE));
}

/* The client dies; what it had sent is the server's. */
static void die_under_way(struct trip *trip)
{
    tasks_be_alone();
    carry_out_late(trip);
    world_end_process(WORLD_EXIT_DIED);
}

/* The trip leaves. False: the connection is lost. */
static bool travel(struct connection *connection)
{
    struct trip *trip = &connection->trip;
    if (disk_is_faulty() && world->life.store_latency_us != 0)
        os_sleep_us(1 + world_below((uint32_t)world->life.store_latency_us));
    tasks_yield();
    enum fate fate = draw_fate();
    enum disk_death death = disk_count_request();
    if (death == DEATH_BEFORE)
        world_end_process(WORLD_EXIT_DIED);
    if (death == DEATH_UNDER_WAY)
        die_under_way(trip);
    if (connection->status != CONNECTION_OK)
        return false;
    if (fate == FATE_NOT_SENT)
        lose(connection, "the server closed the connection unexpectedly");
    else if (fate == FATE_LATE)
        let_go(trip);
    else
        carry_out(trip, fate == FATE_LOST_ANSWER ? NULL : connection);
    if (death == DEATH_AFTER)
        world_end_process(WORLD_EXIT_DIED);
    if (fate == FATE_LOST_ANSWER || fate == FATE_LATE)
        lose(connection, "could not receive data from server");
    if (connection->status == CONNECTION_OK)
        return true;
    pg_session_free(trip->session);
    trip->session = NULL;
    release_commands(trip);
    return false;
}

static bool send(struct connection *connection, struct pg_command command)
{
    struct trip *trip = &connection->trip;
    if (connection->status != CONNECTION_OK) {
        pg_command_release(&command);
        return false;
    }
    if (trip->count == COMMANDS_MAX)
        abort();
    trip->commands[trip->count++] = command;
    return true;
}

static struct pg_command make_command(const char *sql, int count, const Oid *types,
                                      const char *const *texts)
{
    struct pg_command command = {.sql = strdup(sql), .count = count};
    command.types = calloc((size_t)count + 1, sizeof *command.types);
    command.texts = calloc((size_t)count + 1, sizeof *command.texts);
    for (int i = 0; i < count; i++) {
        command.types[i] = types == NULL ? 0 : types[i];
        command.texts[i] = texts == NULL || texts[i] == NULL ? NULL : strdup(texts[i]);
    }
    return command;
}

/* ---- connections ---- */

WRAPPED(PGconn *, PQconnectStartParams,
        (const char *const *keys, const char *const *values, int expand))
{
    (void)keys;
    (void)values;
    (void)expand;
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection != NULL)
        connection->status = CONNECTION_STARTED;
    return (PGconn *)connection;
}

WRAPPED(PostgresPollingStatusType, PQconnectPoll, (PGconn * connection))
{
    if (is_away()) {
        world->disk_faults++;
        lose(of(connection), "connection refused");
        return PGRES_POLLING_FAILED;
    }
    of(connection)->status = CONNECTION_OK;
    of(connection)->trip.session = pg_session_new();
    return PGRES_POLLING_OK;
}

WRAPPED(int, PQsocket, (const PGconn *connection))
{
    (void)connection;
    return WIRE_READY_FD;
}

WRAPPED(ConnStatusType, PQstatus, (const PGconn *connection))
{
    return connection == NULL ? CONNECTION_BAD : of(connection)->status;
}

WRAPPED(char *, PQerrorMessage, (const PGconn *connection))
{
    return of(connection)->message;
}

WRAPPED(int, PQconnectionNeedsPassword, (const PGconn *connection))
{
    (void)connection;
    return 0;
}

WRAPPED(PQconninfoOption *, PQconninfo, (PGconn * connection))
{
    (void)connection;
    return NULL;
}

WRAPPED(PGVerbosity, PQsetErrorVerbosity, (PGconn * connection, PGVerbosity verbosity))
{
    (void)connection;
    return verbosity;
}

WRAPPED(PQnoticeReceiver, PQsetNoticeReceiver,
        (PGconn * connection, PQnoticeReceiver receiver, void *context))
{
    (void)connection;
    (void)context;
    return receiver;
}

WRAPPED(PGTransactionStatusType, PQtransactionStatus, (const PGconn *connection))
{
    const struct pg_session *session = of(connection)->trip.session;
    if (session == NULL)
        return PQTRANS_UNKNOWN;
    return session->state == PG_IDLE     ? PQTRANS_IDLE
           : session->state == PG_FAILED ? PQTRANS_INERROR
                                         : PQTRANS_INTRANS;
}

static void drop_answers(struct connection *connection)
{
    for (; connection->answer_first < connection->answer_count; connection->answer_first++)
        pg_answer_free(connection->answers[connection->answer_first]);
    connection->answer_first = connection->answer_count = 0;
}

WRAPPED(void, PQfinish, (PGconn * closed))
{
    struct connection *connection = of(closed);
    if (connection == NULL)
        return;
    drop_answers(connection);
    release_commands(&connection->trip);
    for (size_t i = 0; i < connection->prepared_count; i++)
        pg_command_release(&connection->prepared[i]);
    pg_session_free(connection->trip.session);
    free(connection);
}

/* ---- asking ---- */

WRAPPED(int, PQenterPipelineMode, (PGconn * connection))
{
    of(connection)->in_pipeline = true;
    return 1;
}

WRAPPED(int, PQexitPipelineMode, (PGconn * connection))
{
    if (of(connection)->answer_first < of(connection)->answer_count ||
        of(connection)->trip.count > 0)
        return 0;
    of(connection)->in_pipeline = false;
    return 1;
}

WRAPPED(int, PQsendQueryParams,
        (PGconn * connection, const char *sql, int count, const Oid *types,
         const char *const *texts, const int *lengths, const int *formats, int format))
{
    (void)lengths;
    (void)formats;
    (void)format;
    return send(of(connection), make_command(sql, count, types, texts));
}

WRAPPED(int, PQsendPrepare,
        (PGconn * prepares, const char *name, const char *sql, int count, const Oid *types))
{
    struct connection *connection = of(prepares);
    size_t at = connection->prepared_count;
    struct pg_command nothing = make_command(sql, 0, NULL, NULL);
    nothing.is_nothing = true;
    if (!send(connection, nothing))
        return 0;
    if (at == PREPARED_MAX)
        abort();
    connection->prepared[at] = make_command(sql, count, types, NULL);
    snprintf(connection->names[at], sizeof connection->names[at], "%s", name);
    connection->prepared_count++;
    return 1;
}

WRAPPED(int, PQsendQueryPrepared,
        (PGconn * asks, const char *name, int count, const char *const *texts, const int *lengths,
         const int *formats, int format))
{
    struct connection *connection = of(asks);
    (void)lengths;
    (void)formats;
    (void)format;
    for (size_t i = 0; i < connection->prepared_count; i++)
        if (strcmp(connection->names[i], name) == 0)
            return send(connection, make_command(connection->prepared[i].sql, count,
                                                 connection->prepared[i].types, texts));
    abort();
}

WRAPPED(int, PQpipelineSync, (PGconn * syncs))
{
    struct connection *connection = of(syncs);
    if (connection->status != CONNECTION_OK)
        return 0;
    drop_answers(connection);
    if (travel(connection))
        take_answer(connection, pg_answer_new(PGRES_PIPELINE_SYNC, ""));
    return 1;
}

WRAPPED(PGresult *, PQgetResult, (PGconn * asks))
{
    struct connection *connection = of(asks);
    if (connection->answer_first == connection->answer_count)
        return NULL;
    return (PGresult *)connection->answers[connection->answer_first++];
}

WRAPPED(PGresult *, PQexecParams,
        (PGconn * asks, const char *sql, int count, const Oid *types, const char *const *texts,
         const int *lengths, const int *formats, int format))
{
    struct connection *connection = of(asks);
    (void)lengths;
    (void)formats;
    (void)format;
    drop_answers(connection);
    if (!send(connection, make_command(sql, count, types, texts)) || !travel(connection))
        return NULL;
    return (PGresult *)connection->answers[connection->answer_first++];
}

/* ---- answers ---- */

WRAPPED(ExecStatusType, PQresultStatus, (const PGresult *result))
{
    return result == NULL ? PGRES_FATAL_ERROR : answer_of(result)->status;
}

WRAPPED(void, PQclear, (PGresult * result))
{
    pg_answer_free(answer_of(result));
}

WRAPPED(char *, PQcmdStatus, (PGresult * result))
{
    return answer_of(result)->tag;
}

WRAPPED(char *, PQresultErrorMessage, (const PGresult *result))
{
    static char none[1];
    return result == NULL ? none : answer_of(result)->message;
}

WRAPPED(char *, PQresultErrorField, (const PGresult *result, int field))
{
    if (result == NULL)
        return NULL;
    return field == PG_DIAG_SQLSTATE ? answer_of(result)->state : answer_of(result)->message;
}

WRAPPED(int, PQntuples, (const PGresult *result))
{
    return answer_of(result)->rows;
}

WRAPPED(int, PQnfields, (const PGresult *result))
{
    return answer_of(result)->columns;
}

WRAPPED(char *, PQfname, (const PGresult *result, int column))
{
    return answer_of(result)->names[column];
}

WRAPPED(Oid, PQftype, (const PGresult *result, int column))
{
    (void)column;
    return answer_of(result)->is_boolean ? 16 : 0;
}

static char *cell(const PGresult *result, int row, int column)
{
    const struct pg_answer *answer = answer_of(result);
    return answer->cells[row * answer->columns + column];
}

WRAPPED(int, PQgetisnull, (const PGresult *result, int row, int column))
{
    return cell(result, row, column) == NULL;
}

WRAPPED(char *, PQgetvalue, (const PGresult *result, int row, int column))
{
    static char none[1];
    char *text = cell(result, row, column);
    return text == NULL ? none : text;
}
