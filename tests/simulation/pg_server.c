// SPDX-License-Identifier: Apache-2.0
/*
 * The server's side of the simulated PostgreSQL's sessions: transactions, locks, cursors, and what
 * it answers to a statement.
 */
#include "pg.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/identity.h"
#include "lease/lease.h"
#include "tasks.h"
#include "util/text.h"
#include "world.h"

#define SESSIONS_MAX    64
#define LOCK_TIMEOUT_US (60 * US_PER_SECOND)
#define IDLE_LIMIT_US   (10 * US_PER_SECOND)
#define OID_BOOL        ((Oid)16)
#define OID_INT8        ((Oid)20)

static struct pg_session *sessions[SESSIONS_MAX]; /* of this process */

static bool starts_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* ---- answers ---- */

struct pg_answer *pg_answer_new(ExecStatusType status, const char *tag)
{
    struct pg_answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL)
        abort();
    answer->status = status;
    snprintf(answer->tag, sizeof answer->tag, "%s", tag);
    return answer;
}

struct pg_answer *pg_answer_failed(const char *state, const char *message)
{
    struct pg_answer *answer = pg_answer_new(PGRES_FATAL_ERROR, "");
    snprintf(answer->state, sizeof answer->state, "%.5s", state);
    snprintf(answer->message, sizeof answer->message, "simulated: %s", message);
    return answer;
}

static struct pg_answer *answer_one(const char *value, bool is_boolean)
{
    struct pg_answer *answer = pg_answer_new(PGRES_TUPLES_OK, "SELECT 1");
    answer->columns = answer->rows = answer->capacity = 1;
    answer->is_boolean = is_boolean;
    answer->names = calloc(1, sizeof *answer->names);
    answer->cells = calloc(1, sizeof *answer->cells);
    answer->names[0] = strdup("value");
    answer->cells[0] = strdup(value);
    return answer;
}

void pg_answer_free(struct pg_answer *answer)
{
    if (answer == NULL)
        return;
    for (int i = 0; i < answer->columns; i++)
        free(answer->names[i]);
    for (int i = 0; i < answer->columns * answer->rows; i++)
        free(answer->cells[i]);
    free(answer->names);
    free(answer->cells);
    free(answer);
}

void pg_command_release(struct pg_command *command)
{
    free(command->sql);
    for (int i = 0; i < command->count; i++)
        free(command->texts[i]);
    free(command->types);
    free(command->texts);
}

/* ---- advisory locks ---- */

/* Class and mode; the lake is the only one. */
static bool try_lock(const struct pg_session *session, const char *sql, bool shared)
{
    int class = atoi(strchr(sql, '(') + 1);
    struct world_lock *free_one = NULL;
    for (size_t i = 0; i < WORLD_LOCKS_MAX; i++) {
        struct world_lock *lock = &world->locks[i];
        if (lock->class == 0)
            free_one = lock;
        else if (lock->class == class && (!shared || !lock->is_shared) &&
                 (lock->process != world->process || lock->session != session->id))
            return false;
    }
    assert(free_one != NULL);
    *free_one = (struct world_lock){class, shared, world->process, session->id};
    return true;
}

static void drop_locks(const struct pg_session *session)
{
    for (size_t i = 0; i < WORLD_LOCKS_MAX; i++)
        if (world->locks[i].process == world->process && world->locks[i].session == session->id)
            world->locks[i].class = 0;
}

/* ---- sessions ---- */

struct pg_session *pg_session_new(void)
{
    static unsigned newest;
    size_t at = 0;
    struct pg_session *session = calloc(1, sizeof *session);
    while (at < SESSIONS_MAX && sessions[at] != NULL)
        at++;
    if (session == NULL || at == SESSIONS_MAX ||
        sqlite3_open_v2(world->database_path, &session->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix") != SQLITE_OK)
        abort();
    pg_add_functions(session->handle);
    sqlite3_exec(session->handle, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF", NULL, NULL,
                 NULL);
    session->id = ++newest;
    sessions[at] = session;
    return session;
}

static void roll_back(struct pg_session *session)
{
    if (!sqlite3_get_autocommit(session->handle))
        sqlite3_exec(session->handle, "ROLLBACK", NULL, NULL, NULL);
    session->state = PG_IDLE;
}

static void close_cursor(struct pg_session *session, int number)
{
    pg_answer_free(session->cursors[number]);
    session->cursors[number] = NULL;
}

void pg_session_free(struct pg_session *session)
{
    if (session == NULL)
        return;
    roll_back(session);
    drop_locks(session);
    for (int i = 0; i < PG_CURSORS_MAX; i++)
        close_cursor(session, i);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (sessions[i] == session)
            sessions[i] = NULL;
    int result = sqlite3_close(session->handle);
    assert(result == SQLITE_OK);
    (void)result;
    free(session);
}

int64_t pg_idle_end_us(void)
{
    int64_t end_us = INT64_MAX;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (sessions[i] != NULL && sessions[i]->state == PG_WRITES &&
            sessions[i]->idle_since_us + IDLE_LIMIT_US < end_us)
            end_us = sessions[i]->idle_since_us + IDLE_LIMIT_US;
    return end_us;
}

void pg_end_idle(void)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (sessions[i] != NULL && sessions[i]->state == PG_WRITES &&
            sessions[i]->idle_since_us + IDLE_LIMIT_US <= world->now_us) {
            roll_back(sessions[i]);
            sessions[i]->state = PG_FAILED;
        }
}

/* ---- statements ---- */

static struct pg_answer *fail(struct pg_session *session, const char *state, const char *message)
{
    bool was_open = session->state != PG_IDLE;
    roll_back(session);
    session->state = was_open ? PG_FAILED : PG_IDLE;
    return pg_answer_failed(state, message);
}

static struct pg_answer *fail_by(struct pg_session *session, const char *sql)
{
    char message[200];
    int code = sqlite3_extended_errcode(session->handle);
    snprintf(message, sizeof message, "%s", sqlite3_errmsg(session->handle));
    if (starts_with(message, "23P01"))
        return fail(session, "23P01", message + 6);
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
        return fail(session, "23505", message);
    printf("  found: the simulated database can't: %s: %s\n", message, sql);
    fflush(stdout);
    world->findings++;
    world_end_process(WORLD_EXIT_STUCK);
}

/* What PostgreSQL waits for at its row or its table, here for the file. */
static bool take_file(struct pg_session *session)
{
    int64_t until_us = world->now_us + LOCK_TIMEOUT_US;
    uint32_t pause_us = 100;
    for (;;) {
        int code = sqlite3_exec(session->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (code == SQLITE_OK)
            return true;
        if ((code & 0xff) != SQLITE_BUSY)
            abort();
        if (world->now_us >= until_us)
            return false;
        os_sleep_us(1 + world_below(pause_us));
        pause_us = pause_us < 100000 ? pause_us * 2 : pause_us;
    }
}

static void bind(sqlite3_stmt *statement, const struct pg_command *command)
{
    int count = sqlite3_bind_parameter_count(statement);
    assert(count <= command->count);
    for (int i = 0; i < count; i++) {
        const char *text = command->texts[i];
        if (text == NULL)
            sqlite3_bind_null(statement, i + 1);
        else if (command->types[i] == OID_INT8 || command->types[i] == OID_BOOL)
            sqlite3_bind_int64(statement, i + 1, strtoll(text, NULL, 10));
        else
            sqlite3_bind_text(statement, i + 1, text, -1, SQLITE_TRANSIENT);
    }
}

static void take_row(struct pg_answer *answer, sqlite3_stmt *statement)
{
    if (answer->rows == answer->capacity) {
        answer->capacity = answer->capacity * 2 + 8;
        answer->cells = realloc(answer->cells, (size_t)answer->capacity * (size_t)answer->columns *
                                                   sizeof *answer->cells);
    }
    for (int i = 0; i < answer->columns; i++) {
        const unsigned char *text = sqlite3_column_text(statement, i);
        answer->cells[answer->rows * answer->columns + i] =
            text == NULL ? NULL : strdup((const char *)text);
    }
    answer->rows++;
}

static void take_names(struct pg_answer *answer, sqlite3_stmt *statement)
{
    answer->columns = sqlite3_column_count(statement);
    answer->names = calloc((size_t)answer->columns + 1, sizeof *answer->names);
    for (int i = 0; i < answer->columns; i++)
        answer->names[i] = strdup(sqlite3_column_name(statement, i));
    if (answer->columns > 0)
        answer->status = PGRES_TUPLES_OK;
}

/* All statements of a text; NULL: one failed, as the handle says. The answer is the last one's. */
static struct pg_answer *run_text(struct pg_session *session, const char *text,
                                  const struct pg_command *command)
{
    struct pg_answer *answer = NULL;
    while (*text != '\0') {
        sqlite3_stmt *statement;
        pg_answer_free(answer);
        answer = NULL;
        if (sqlite3_prepare_v2(session->handle, text, -1, &statement, &text) != SQLITE_OK)
            return NULL;
        answer = pg_answer_new(PGRES_COMMAND_OK, "");
        take_names(answer, statement);
        bind(statement, command);
        while (sqlite3_step(statement) == SQLITE_ROW)
            take_row(answer, statement);
        if (sqlite3_finalize(statement) != SQLITE_OK) {
            pg_answer_free(answer);
            return NULL;
        }
        text += strspn(text, "; \n");
    }
    return answer;
}

/* The changes in front of a statement, `WITH a AS (UPDATE …), b AS (DELETE …)`, are statements of
 * their own here. */
static char *split_changes(char *text)
{
    char *at = text, *out = sqlite3_mprintf("");
    if (!starts_with(text, "WITH ") || (strstr(text, " AS (UPDATE") != strchr(text, '(') - 4 &&
                                        strstr(text, " AS (DELETE") != strchr(text, '(') - 4)) {
        sqlite3_free(out);
        return text;
    }
    for (bool is_last = false; !is_last;) {
        char *body = strchr(at, '(') + 1, *end = body;
        for (int depth = 1; depth > 0; end++)
            depth += *end == '(' ? 1 : *end == ')' ? -1 : 0;
        char *next = sqlite3_mprintf("%s%.*s; ", out, (int)(end - 1 - body), body);
        sqlite3_free(out);
        out = next;
        is_last = *end != ',';
        at = end + 1;
    }
    char *whole = sqlite3_mprintf("%s%s", out, at);
    sqlite3_free(out);
    sqlite3_free(text);
    return whole;
}

static bool only_reads(struct pg_session *session, const char *text)
{
    sqlite3_stmt *statement;
    const char *rest;
    if (sqlite3_prepare_v2(session->handle, text, -1, &statement, &rest) != SQLITE_OK)
        return true;
    bool reads = sqlite3_stmt_readonly(statement) != 0 && *rest == '\0';
    sqlite3_finalize(statement);
    return reads;
}

/* `INSERT INTO t(…) SELECT … ON CONFLICT DO NOTHING` sees what was there when it began, and meets
 * what is there when it inserts. */
static char *read_first(struct pg_session *session, char *text, const struct pg_command *command)
{
    char *select = strstr(text, " SELECT "), *end = strstr(text, " ON CONFLICT DO NOTHING");
    if (!starts_with(text, "INSERT INTO ") || select == NULL || end == NULL)
        return text;
    char *read =
        sqlite3_mprintf("DROP TABLE IF EXISTS temp.chosen; CREATE TEMP TABLE chosen AS%.*s",
                        (int)(end - select), select);
    struct pg_answer *answer = run_text(session, read, command);
    sqlite3_free(read);
    if (answer == NULL)
        return text; /* it fails again */
    pg_answer_free(answer);
    char *insert = sqlite3_mprintf("%.*s SELECT * FROM temp.chosen WHERE TRUE%s",
                                   (int)(select - text), text, end);
    sqlite3_free(text);
    if (world_chance(3))
        os_sleep_us(world_below(2 * US_PER_SECOND));
    tasks_yield();
    return insert;
}

static struct pg_answer *run_alone(struct pg_session *session, char **text,
                                   const struct pg_command *command)
{
    if (only_reads(session, *text))
        return run_text(session, *text, command);
    *text = read_first(session, *text, command);
    if (!take_file(session))
        return pg_answer_failed("55P03", "canceling statement due to lock timeout");
    struct pg_answer *answer = run_text(session, *text, command);
    if (answer != NULL)
        sqlite3_exec(session->handle, "COMMIT", NULL, NULL, NULL);
    if (answer != NULL && starts_with(*text, "INSERT INTO ttp_lease") && !pg_is_sound())
        world->findings++;
    return answer;
}

static struct pg_answer *run_statement(struct pg_session *session, const struct pg_command *command)
{
    char *text = split_changes(pg_translate(command->sql));
    struct pg_answer *answer = session->state == PG_IDLE ? run_alone(session, &text, command)
                                                         : run_text(session, text, command);
    if (answer == NULL)
        answer = fail_by(session, text);
    sqlite3_free(text);
    return answer;
}

/* ---- transactions ---- */

static struct pg_answer *begin(struct pg_session *session, bool writes)
{
    if (writes && !take_file(session))
        return pg_answer_failed("55P03", "canceling statement due to lock timeout");
    if (!writes)
        sqlite3_exec(session->handle, "BEGIN", NULL, NULL, NULL);
    session->state = writes ? PG_WRITES : PG_READS;
    return pg_answer_new(PGRES_COMMAND_OK, "BEGIN");
}

/* Whether a constraint that is looked at by the COMMIT is broken. */
static bool overlaps(struct pg_session *session)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(session->handle,
                           "SELECT 1 FROM exclusion, ttp_coverage a JOIN ttp_coverage b ON "
                           "b.first_ledger > a.first_ledger AND b.first_ledger <= a.last_ledger",
                           -1, &statement, NULL) != SQLITE_OK)
        return false; /* there is none */
    bool overlaps = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    return overlaps;
}

static struct pg_answer *commit(struct pg_session *session)
{
    bool is_good = session->state != PG_FAILED;
    if (session->state == PG_WRITES && overlaps(session))
        return fail(session, "23P01", "conflicting key value violates ttp_coverage_disjoint");
    if (is_good && sqlite3_exec(session->handle, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        return fail_by(session, "COMMIT");
    roll_back(session);
    return pg_answer_new(PGRES_COMMAND_OK, is_good ? "COMMIT" : "ROLLBACK");
}

/* ---- cursors ---- */

static int cursor_of(const char *sql)
{
    return atoi(strstr(sql, "ttp_list") + strlen("ttp_list"));
}

static struct pg_answer *declare(struct pg_session *session, const struct pg_command *command)
{
    int number = cursor_of(command->sql);
    struct pg_command list = *command;
    list.sql = strstr(command->sql, "FOR ") + 4;
    struct pg_answer *answer = run_statement(session, &list);
    if (answer->status != PGRES_TUPLES_OK)
        return answer;
    close_cursor(session, number);
    session->cursors[number] = answer;
    session->cursor_rows[number] = 0;
    return pg_answer_new(PGRES_COMMAND_OK, "DECLARE CURSOR");
}

static struct pg_answer *fetch(struct pg_session *session, const char *sql)
{
    int number = cursor_of(sql), wanted = atoi(sql + strlen("FETCH "));
    const struct pg_answer *list = session->cursors[number];
    int from = session->cursor_rows[number];
    if (list == NULL)
        return fail(session, "34000", "there is no such cursor");
    struct pg_answer *answer = pg_answer_new(PGRES_TUPLES_OK, "FETCH");
    answer->columns = list->columns;
    answer->rows = list->rows - from < wanted ? list->rows - from : wanted;
    answer->names = calloc((size_t)answer->columns + 1, sizeof *answer->names);
    for (int i = 0; i < answer->columns; i++)
        answer->names[i] = strdup(list->names[i]);
    size_t cells = (size_t)answer->columns * (size_t)answer->rows;
    answer->cells = calloc(cells + 1, sizeof *answer->cells);
    for (size_t i = 0; i < cells; i++) {
        const char *cell = list->cells[(size_t)from * (size_t)answer->columns + i];
        answer->cells[i] = cell == NULL ? NULL : strdup(cell);
    }
    session->cursor_rows[number] += answer->rows;
    return answer;
}

/* ---- what it is asked ---- */

static bool has_writer_table(struct pg_session *session)
{
    return sqlite3_table_column_metadata(session->handle, NULL, "ttp_writer", NULL, NULL, NULL,
                                         NULL, NULL, NULL) == SQLITE_OK;
}

static struct pg_answer *run_known(struct pg_session *session, const struct pg_command *command)
{
    const char *sql = command->sql;
    if (starts_with(sql, "BEGIN"))
        return begin(session, strstr(sql, "READ ONLY") == NULL);
    if (starts_with(sql, "DECLARE "))
        return declare(session, command);
    if (starts_with(sql, "FETCH "))
        return fetch(session, sql);
    if (starts_with(sql, "CLOSE ")) {
        close_cursor(session, cursor_of(sql));
        return pg_answer_new(PGRES_COMMAND_OK, "CLOSE CURSOR");
    }
    if (starts_with(sql, "LOCK TABLE"))
        return pg_answer_new(PGRES_COMMAND_OK, "LOCK TABLE");
    if (starts_with(sql, "SELECT set_config(") || starts_with(sql, "SELECT pg_advisory_xact_lock("))
        return answer_one("", false);
    if (starts_with(sql, "SELECT pg_try_advisory_lock"))
        return answer_one(try_lock(session, sql, strstr(sql, "lock_shared(") != NULL) ? "t" : "f",
                          true);
    if (starts_with(sql, "SELECT to_regclass('ttp_writer')"))
        return answer_one(has_writer_table(session) ? "t" : "f", true);
    if (strstr(sql, "pg_locks") != NULL) /* who has it */
        return pg_answer_new(PGRES_TUPLES_OK, "SELECT 0");
    return run_statement(session, command);
}

struct pg_answer *pg_run_command(struct pg_session *session, const struct pg_command *command)
{
    struct pg_answer *answer;
    if (command->is_nothing)
        return pg_answer_new(PGRES_COMMAND_OK, "");
    if (strcmp(command->sql, "COMMIT") == 0) {
        answer = commit(session);
    } else if (strcmp(command->sql, "ROLLBACK") == 0) {
        roll_back(session);
        answer = pg_answer_new(PGRES_COMMAND_OK, "ROLLBACK");
    } else if (session->state == PG_FAILED) {
        answer = pg_answer_failed("25P02", "current transaction is aborted");
    } else {
        answer = run_known(session, command);
    }
    session->idle_since_us = world->now_us;
    return answer;
}

/* ---- looking at it ---- */

/* A connection of the judge's: it sees what was committed. */
static sqlite3 *look(void)
{
    sqlite3 *handle;
    if (sqlite3_open_v2(world->database_path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        "unix") != SQLITE_OK)
        abort();
    pg_add_functions(handle);
    return handle;
}

/* Whether a piece is what somebody takes it for. */
static bool is_held(const struct lease *lease, const char *holder)
{
    sqlite3 *handle = look();
    sqlite3_stmt *statement;
    bool is_held = false;
    if (sqlite3_prepare_v2(handle,
                           "SELECT 1 FROM ttp_lease WHERE lease_id = ?1 AND epoch = ?2 AND holder "
                           "= ?3",
                           -1, &statement, NULL) != SQLITE_OK)
        abort();
    sqlite3_bind_int64(statement, 1, (int64_t)lease->lease_id);
    sqlite3_bind_int64(statement, 2, (int64_t)lease->epoch);
    sqlite3_bind_text(statement, 3, holder, -1, SQLITE_TRANSIENT);
    is_held = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return is_held;
}

extern __typeof__(lease_advance) __real_lease_advance, __wrap_lease_advance;

/* In the commit's transaction, which has the row: nobody else's commit comes in between. */
enum error_code __wrap_lease_advance(struct leases *leases, struct lease *lease, const char *holder,
                                     struct ledger_range committed, struct error *error)
{
    enum error_code code = __real_lease_advance(leases, lease, holder, committed, error);
    if (code == OK && world->is_shared && leases->backend->advances_in_commit &&
        !is_held(lease, holder)) {
        printf("  found: %s commits %u to %u of a piece that it does not hold\n", holder,
               (unsigned)committed.first, (unsigned)committed.last);
        fflush(stdout);
        world->findings++;
    }
    return code;
}

bool pg_has_lake(void)
{
    sqlite3 *handle;
    bool has = sqlite3_open_v2(world->database_path, &handle, SQLITE_OPEN_READWRITE, "unix") ==
                   SQLITE_OK &&
               sqlite3_table_column_metadata(handle, NULL, "ttp_lake", NULL, NULL, NULL, NULL, NULL,
                                             NULL) == SQLITE_OK;
    sqlite3_close(handle);
    return has;
}

bool pg_is_sound(void)
{
    static const struct {
        const char *sql, *what;
    } rules[] = {
        {"SELECT a.first_ledger FROM ttp_coverage a JOIN ttp_coverage b ON b.first_ledger > "
         "a.first_ledger AND b.first_ledger <= a.last_ledger",
         "the coverage overlaps"},
        {"SELECT lower(a.ledgers) FROM ttp_lease a JOIN ttp_lease b ON a.lease_id < b.lease_id "
         "WHERE NOT a.done AND NOT b.done AND NOT upper_inf(a.ledgers) AND NOT "
         "upper_inf(b.ledgers) AND a.ledgers GLOB b.ledgers",
         "two pieces hold the same ledgers"},
        {"SELECT min(lease_id) FROM ttp_lease WHERE NOT done AND upper_inf(ledgers) GROUP BY "
         "upper_inf(ledgers) HAVING count(*) > 1",
         "two pieces follow the chain"}};
    sqlite3 *handle = look();
    bool is_sound = true;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        sqlite3_stmt *statement;
        if (sqlite3_prepare_v2(handle, rules[i].sql, -1, &statement, NULL) != SQLITE_OK)
            continue; /* no lake yet */
        if (sqlite3_step(statement) == SQLITE_ROW) {
            printf("  found: %s (%lld)\n", rules[i].what,
                   (long long)sqlite3_column_int64(statement, 0));
            fflush(stdout);
            is_sound = false;
        }
        sqlite3_finalize(statement);
    }
    sqlite3_close(handle);
    return is_sound;
}
