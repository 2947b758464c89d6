// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_holder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "database/postgres_error.h"
#include "database/postgres_session.h"
#include "os/clock.h"
#include "util/text.h"

/* A process that has died leaves its lock for as long as its server process needs to see that. */
#define LOCK_WAIT_US  (3 * US_PER_SECOND)
#define LOCK_PAUSE_US (US_PER_SECOND / 10)

static enum error_code ask(struct database *database, const char *sql, int count,
                           const char *const *texts, PGresult **result, struct error *error)
{
    const struct postgres_values values = {count, NULL, texts};
    return postgres_ask(database, sql, &values, result, error);
}

/* The key is "ttp", and the schema: one lake each. */
#define LOCK_CLASS "7631984"
#define MAKE_CLASS "7631985" /* held while the catalog is made */
#define LAKE_KEY   "current_schema()::regnamespace::oid::int4"

static enum error_code try_lock(struct database *database, bool *taken, struct error *error)
{
    PGresult *result;
    enum error_code code =
        ask(database,
            postgres_session(database)->is_shared
                ? "SELECT pg_try_advisory_lock_shared(" LOCK_CLASS ", " LAKE_KEY ")"
                : "SELECT pg_try_advisory_lock(" LOCK_CLASS ", " LAKE_KEY ")",
            0, NULL, &result, error);
    *taken = code == OK && PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    return code;
}

static enum error_code has_row(struct database *database, bool *has, struct error *error)
{
    PGresult *result;
    enum error_code code =
        ask(database, "SELECT to_regclass('ttp_writer') IS NOT NULL", 0, NULL, &result, error);
    *has = code == OK && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    return code;
}

/* Who has it, by the rows: the last one to come of those who share it, or the one who has it alone;
 * *sharing is how many share it. */
static enum error_code describe(struct database *database, char *out, size_t out_bytes,
                                unsigned long *sharing, struct error *error)
{
    PGresult *result;
    bool has;
    snprintf(out, out_bytes, "another process");
    *sharing = 0;
    enum error_code code = has_row(database, &has, error);
    if (code != OK || !has)
        return code;
    code = ask(database,
               "SELECT coalesce(host, '?'), coalesce(pid, 0), (SELECT count(*) FROM pg_locks WHERE "
               "locktype = 'advisory' AND classid = " LOCK_CLASS
               " AND objid = current_schema()::regnamespace::oid AND mode = 'ShareLock' AND "
               "granted) FROM ttp_writer WHERE holder IS NOT NULL ORDER BY claimed_at DESC LIMIT 1",
               0, NULL, &result, error);
    if (code == OK && PQntuples(result) == 1) {
        snprintf(out, out_bytes, "the process %s on %.200s", PQgetvalue(result, 0, 1),
                 PQgetvalue(result, 0, 0));
        *sharing = strtoul(PQgetvalue(result, 0, 2), NULL, 10);
    }
    PQclear(result);
    return code;
}

static enum error_code refuse(struct database *database, struct error *error)
{
    char by[256];
    unsigned long sharing;
    enum error_code code = describe(database, by, sizeof by, &sharing, error);
    if (code == OK && postgres_session(database)->is_shared) {
        code = error_set(error, ERR_RETRY,
                         "the catalog %s is held by %s, which changes the lake and wants to be "
                         "alone meanwhile",
                         database->path, by);
        if (error != NULL)
            error->system_errno = EBUSY;
        return code;
    }
    if (code == OK && sharing > 0)
        return error_set(error, ERR_CONFLICT,
                         "the catalog %s is being written to by %lu processes that fill the lake, "
                         "the last to come is %s: this wants to be alone; end them first",
                         database->path, sharing, by);
    return code != OK
               ? code
               : error_set(error, ERR_CONFLICT,
                           "the catalog %s is being written to by %s: a lake has one writer; end "
                           "that process, or give another --catalog-schema for another lake",
                           database->path, by);
}

/* Who had it alone once goes on without the lock: its former connection may have it for as long as
 * the server takes that to be alive, and the row decides. Who shares waits until it may again. */
enum error_code postgres_holder_lock(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    int64_t ends_us = os_monotonic_us() + LOCK_WAIT_US;
    bool taken = session->holds_lock;
    enum error_code code = OK;
    while (code == OK && !taken) {
        code = try_lock(database, &taken, error);
        if (code != OK || taken || (session->was_holder && !session->is_shared))
            break;
        if (os_monotonic_us() >= ends_us)
            return refuse(database, error);
        os_sleep_us(LOCK_PAUSE_US);
    }
    session->holds_lock = taken;
    return code;
}

/* Row 1: a session that was never the holder takes over; one that was must still be it. Rows of
 * others are of processes that have ended, or will come back. */
#define TAKE_OVER                                                                                  \
    "WITH gone AS (DELETE FROM ttp_writer WHERE writer <> 1) UPDATE ttp_writer SET holder = $1, "  \
    "epoch = greatest(epoch, $4::bigint) + 1, host = $2, pid = $3::bigint, claimed_at = "          \
    "clock_timestamp() WHERE writer = 1 RETURNING epoch"
#define STAY                                                                                       \
    "UPDATE ttp_writer SET epoch = greatest(epoch, $4::bigint) + 1, host = $2, pid = $3::bigint, " \
    "claimed_at = clock_timestamp() WHERE writer = 1 AND holder = $1 RETURNING epoch"
/* A row of its own, by the digits of its holder. It waits for what a former connection does, and
 * one that had the catalog alone, and has lost its lock since, has it no more. */
#define SHARE                                                                                      \
    "WITH ended AS (UPDATE ttp_writer SET holder = NULL, epoch = epoch + 1 WHERE writer = 1 AND "  \
    "holder IS NOT NULL), gone AS (DELETE FROM ttp_writer WHERE writer <> 1 AND holder <> $1 AND " \
    "claimed_at < clock_timestamp() - interval '7 days') INSERT INTO ttp_writer AS w VALUES (2 + " \
    "('x' || left(replace($1, '-', ''), 15))::bit(60)::bigint, $1, $4::bigint + 1, $2, "           \
    "$3::bigint, clock_timestamp()) ON CONFLICT (writer) DO UPDATE SET epoch = greatest(w.epoch, " \
    "$4::bigint) + 1, claimed_at = clock_timestamp() RETURNING epoch"

enum error_code postgres_holder_claim(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    char host[OS_HOST_NAME_BYTES], pid[24], last[24];
    bool has;
    os_host_name(host);
    snprintf(pid, sizeof pid, "%" PRId64, os_process_id());
    snprintf(last, sizeof last, "%" PRId64, session->last_epoch);
    PGresult *result;
    enum error_code code = has_row(database, &has, error);
    if (code != OK || !has)
        return code;
    const char *const texts[] = {session->holder, host, pid, last};
    code = ask(database,
               session->is_shared    ? SHARE
               : session->was_holder ? STAY
                                     : TAKE_OVER,
               4, texts, &result, error);
    if (code == OK && PQntuples(result) != 1)
        code = postgres_error_fenced(error, database->path);
    if (code == OK) {
        snprintf(session->epoch, sizeof session->epoch, "%s", PQgetvalue(result, 0, 0));
        session->last_epoch = strtoll(session->epoch, NULL, 10);
        session->was_holder = true;
    }
    PQclear(result);
    return code;
}

/* The row first: who settles waits for it. Who waited for it here gets no row where it has changed
 * meanwhile (READ COMMITTED looks at it again). */
enum error_code postgres_holder_fence(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    const char *const texts[] = {session->holder, session->epoch};
    const Oid types[] = {0, 0};
    const struct postgres_values own = {2, types, texts}, nothing = {0, types, NULL};
    if (session->epoch[0] == '\0') /* the catalog is only being made, by one at a time */
        return postgres_send(database, "SELECT pg_advisory_xact_lock(" MAKE_CLASS ", " LAKE_KEY ")",
                             &nothing, NULL, error);
    enum error_code code = postgres_send(
        database, "SELECT set_config('idle_in_transaction_session_timeout', '10s', true)", &nothing,
        NULL, error);
    if (code == OK)
        code = postgres_send_fence(
            database,
            session->is_shared
                ? "SELECT 1 FROM ttp_writer WHERE holder = $1 AND epoch = $2::bigint FOR UPDATE"
                : "SELECT 1 FROM ttp_writer WHERE writer = 1 AND holder = $1 AND epoch = "
                  "$2::bigint FOR UPDATE",
            &own, error);
    return code != OK
               ? code
               : postgres_send(database, "LOCK TABLE ducklake_snapshot IN SHARE ROW EXCLUSIVE MODE",
                               &nothing, NULL, error);
}

void postgres_holder_leave(struct database *database)
{
    struct postgres_session *session = postgres_session(database);
    const char *const texts[] = {session->holder};
    PGresult *result;
    struct error ignored; /* such rows are harmless, and go in time */
    if (!session->is_shared || session->epoch[0] == '\0' || session->in_transaction ||
        session->connection == NULL || PQstatus(session->connection) != CONNECTION_OK)
        return;
    (void)!ask(database, "DELETE FROM ttp_writer WHERE holder = $1", 1, texts, &result, &ignored);
    PQclear(result);
}
