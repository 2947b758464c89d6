// SPDX-License-Identifier: Apache-2.0
#include "catalog/postgres_holder.h"

#include <inttypes.h>
#include <stdio.h>

#include "catalog/postgres_error.h"
#include "catalog/postgres_session.h"
#include "os/clock.h"
#include "util/text.h"

/* A process that has died leaves its lock for as long as its server process needs to see that. */
#define LOCK_WAIT_US  (3 * US_PER_SECOND)
#define LOCK_PAUSE_US (US_PER_SECOND / 10)

const char *const postgres_holder_table =
    "CREATE TABLE ttp_writer(writer BIGINT PRIMARY KEY, holder VARCHAR, epoch BIGINT NOT NULL, "
    "host VARCHAR, pid BIGINT, claimed_at TIMESTAMPTZ)";
const char *const postgres_holder_row =
    "INSERT INTO ttp_writer VALUES (1, NULL, 0, NULL, NULL, NULL)";

#define HAS_ROW "to_regclass('ttp_writer') IS NOT NULL"

static enum error_code ask(struct database *database, const char *sql, int count,
                           const char *const *texts, PGresult **result, struct error *error)
{
    const struct postgres_values values = {count, NULL, texts};
    return postgres_ask(database, sql, &values, result, error);
}

static enum error_code try_lock(struct database *database, bool *taken, struct error *error)
{
    /* The key is "ttp", and the schema: one lake each. */
    static const char *const sql =
        "SELECT pg_try_advisory_lock(7631984, current_schema()::regnamespace::oid::int4)";
    PGresult *result;
    enum error_code code = ask(database, sql, 0, NULL, &result, error);
    *taken = code == OK && PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    return code;
}

/* Who has it, by the row. */
static enum error_code describe(struct database *database, char *out, size_t out_bytes,
                                struct error *error)
{
    PGresult *result;
    snprintf(out, out_bytes, "another process");
    enum error_code code = ask(database, "SELECT " HAS_ROW, 0, NULL, &result, error);
    bool has_row = code == OK && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    if (code != OK || !has_row)
        return code;
    code = ask(database,
               "SELECT coalesce(host, '?'), coalesce(pid, 0) FROM ttp_writer WHERE writer = 1", 0,
               NULL, &result, error);
    if (code == OK && PQntuples(result) == 1)
        snprintf(out, out_bytes, "the process %s on %.200s", PQgetvalue(result, 0, 1),
                 PQgetvalue(result, 0, 0));
    PQclear(result);
    return code;
}

static enum error_code refuse(struct database *database, struct error *error)
{
    char by[256];
    enum error_code code = describe(database, by, sizeof by, error);
    return code != OK
               ? code
               : error_set(error, ERR_CONFLICT,
                           "the catalog %s is being written to by %s: a lake has one writer; end "
                           "that process, or give another --catalog-schema for another lake",
                           database->path, by);
}

/* One that was the holder once goes on without it: its former connection may have it for as long as
 * the server takes that to be alive, and the row decides. */
enum error_code postgres_holder_lock(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    int64_t ends_us = os_monotonic_us() + LOCK_WAIT_US;
    bool taken = session->holds_lock;
    enum error_code code = OK;
    while (code == OK && !taken) {
        code = try_lock(database, &taken, error);
        if (code != OK || taken || session->was_holder)
            break;
        if (os_monotonic_us() >= ends_us)
            return refuse(database, error);
        os_sleep_us(LOCK_PAUSE_US);
    }
    session->holds_lock = taken;
    return code;
}

/* A session that was never the holder takes over; one that was must still be it. */
enum error_code postgres_holder_claim(struct database *database, struct error *error)
{
    struct postgres_session *session = postgres_session(database);
    char host[OS_HOST_NAME_BYTES], pid[24];
    os_host_name(host);
    snprintf(pid, sizeof pid, "%" PRId64, os_process_id());
    PGresult *result;
    enum error_code code = ask(database, "SELECT " HAS_ROW, 0, NULL, &result, error);
    bool has_row = code == OK && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    if (code != OK || !has_row)
        return code;
    const char *const texts[] = {session->holder, host, pid};
    code = ask(database,
               session->was_holder
                   ? "UPDATE ttp_writer SET epoch = epoch + 1, host = $2, pid = $3::bigint, "
                     "claimed_at = clock_timestamp() WHERE writer = 1 AND holder = $1 RETURNING "
                     "epoch"
                   : "UPDATE ttp_writer SET holder = $1, epoch = epoch + 1, host = $2, pid = "
                     "$3::bigint, claimed_at = clock_timestamp() WHERE writer = 1 RETURNING epoch",
               3, texts, &result, error);
    if (code == OK && PQntuples(result) != 1)
        code = postgres_error_fenced(error, database->path);
    if (code == OK) {
        snprintf(session->epoch, sizeof session->epoch, "%s", PQgetvalue(result, 0, 0));
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
    if (session->epoch[0] == '\0')
        return OK; /* the catalog is only being made */
    const char *const texts[] = {session->holder, session->epoch};
    const Oid types[] = {0, 0};
    const struct postgres_values own = {2, types, texts}, nothing = {0, types, NULL};
    enum error_code code = postgres_send(
        database, "SELECT set_config('idle_in_transaction_session_timeout', '10s', true)", &nothing,
        NULL, error);
    if (code == OK)
        code = postgres_send_fence(database,
                                   "SELECT 1 FROM ttp_writer WHERE writer = 1 AND holder = $1 AND "
                                   "epoch = $2::bigint FOR UPDATE",
                                   &own, error);
    return code != OK
               ? code
               : postgres_send(database, "LOCK TABLE ducklake_snapshot IN SHARE ROW EXCLUSIVE MODE",
                               &nothing, NULL, error);
}
