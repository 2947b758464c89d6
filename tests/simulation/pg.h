// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_PG_H
#define TTP_SIMULATION_PG_H

/*
 * A PostgreSQL that several processes of the program share, played by a SQLite file. The program
 * talks to it by libpq, whose functions are replaced (pg_client.c); all above that is the
 * program's: its sessions, pipelines, fences, what it does about lost answers, and its own SQL,
 * which is taken as it is written and translated (pg_sql.c), so that a change of a statement is a
 * change of what happens here.
 *
 * A session's transaction that writes has the whole file from its BEGIN on, where PostgreSQL locks
 * rows and one table: statements of others wait for its end instead of going in between. What one
 * statement of a transaction of its own reads, and then inserts where there is no conflict, is done
 * in two steps, as there.
 */

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define PG_CURSORS_MAX 16

/* A statement with its values, owned. */
struct pg_command {
    char *sql;
    int count;
    Oid *types;
    char **texts;
    bool is_nothing; /* it prepares a statement */
};

struct pg_answer {
    ExecStatusType status;
    int columns, rows, capacity;
    char **names, **cells; /* a cell that is NULL is NULL */
    bool is_boolean;       /* 't' or 'f' */
    char tag[24], state[6], message[256];
};

enum pg_state { PG_IDLE, PG_READS, PG_WRITES, PG_FAILED };

/* The server's side of a session. */
struct pg_session {
    sqlite3 *handle;
    unsigned id;
    enum pg_state state;
    int64_t idle_since_us;
    struct pg_answer *cursors[PG_CURSORS_MAX];
    int cursor_rows[PG_CURSORS_MAX];
};

struct pg_session *pg_session_new(void);
/* Rolls back what is open. */
void pg_session_free(struct pg_session *session);
struct pg_answer *pg_run_command(struct pg_session *session, const struct pg_command *command);
void pg_command_release(struct pg_command *command);

struct pg_answer *pg_answer_new(ExecStatusType status, const char *tag);
struct pg_answer *pg_answer_failed(const char *state, const char *message);
void pg_answer_free(struct pg_answer *answer);

/* When the server ends what this process's sessions have open, if they say nothing more: the
 * earliest; INT64_MAX: there is nothing. */
int64_t pg_idle_end_us(void);
void pg_end_idle(void);

/* The statement in SQLite's words: for sqlite3_free. */
char *pg_translate(const char *sql);
void pg_add_ranges(sqlite3 *handle);
void pg_add_functions(sqlite3 *handle);

/* Whether a lake was made in it. */
bool pg_has_lake(void);
/* What no statement of the program may have done; printed. Of the catalog as it is. */
bool pg_is_sound(void);

#endif
