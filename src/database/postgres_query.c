// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL's statements and tables, for database/engine.h. */
#include "database/postgres_query.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "database/postgres_list.h"
#include "database/postgres_session.h"
#include "database/postgres_sql.h"
#include "os/clock.h"
#include "util/memory.h"
#include "util/text.h"

/* pg_type.dat: the types that values have; a text's is found by where it stands. */
#define OID_BOOL ((Oid)16)
#define OID_INT8 ((Oid)20)
#define OID_ANY  ((Oid)0)

/* How long a server that went away is waited for by a question that no transaction hangs on. */
#define PATIENCE_US (30 * US_PER_SECOND)
#define PAUSE_US    (US_PER_SECOND / 5)

struct postgres_cursor {
    struct postgres_sql sql;
    Oid types[POSTGRES_VALUES_MAX];
    const char *texts[POSTGRES_VALUES_MAX]; /* borrowed, or of `numbers` */
    char numbers[POSTGRES_VALUES_MAX][24];
    bool is_list; /* `result` is a portion of it */
    struct postgres_list list;
    bool is_sent;     /* the question is on its way, or answered */
    PGresult *result; /* NULL: not asked, or not answered yet */
    int row;          /* of it, counted from 0 */
};

static struct postgres_cursor *cursor_of(const struct query *query)
{
    return query->cursor;
}

enum error_code postgres_prepare(struct query *query, const char *sql, const char **rest)
{
    enum error_code code;
    struct postgres_cursor *cursor = mem_alloc_zero(1, sizeof *cursor);
    if (cursor == NULL)
        return error_no_memory(query->error, "a statement");
    buffer_init(&cursor->sql.text);
    query->cursor = cursor;
    *rest = postgres_sql_translate(&cursor->sql, sql, &code);
    return code == OK ? OK : error_no_memory(query->error, "a statement");
}

void postgres_release(struct query *query)
{
    struct postgres_cursor *cursor = cursor_of(query);
    if (cursor == NULL)
        return;
    postgres_list_close(&cursor->list, query->database);
    postgres_forget_answer(query->database, &cursor->result);
    PQclear(cursor->result);
    postgres_sql_release(&cursor->sql);
    mem_free(cursor);
    query->cursor = NULL;
}

int postgres_value_count(const struct query *query)
{
    return cursor_of(query)->sql.highest;
}

enum error_code postgres_bind(struct query *query, struct sql_values values, int count)
{
    struct postgres_cursor *cursor = cursor_of(query);
    postgres_list_close(&cursor->list, query->database);
    postgres_forget_answer(query->database, &cursor->result);
    PQclear(cursor->result);
    cursor->result = NULL;
    cursor->is_sent = false;
    cursor->row = -1;
    for (int i = 0; i < cursor->sql.count; i++) {
        assert(cursor->sql.numbers[i] <= count);
        const struct sql_value *value = &values.items[cursor->sql.numbers[i] - 1];
        bool is_number = value->kind == SQL_INT || value->kind == SQL_BOOL;
        snprintf(cursor->numbers[i], sizeof cursor->numbers[i], "%" PRId64, value->number);
        cursor->types[i] = value->kind == SQL_INT    ? OID_INT8
                           : value->kind == SQL_BOOL ? OID_BOOL
                                                     : OID_ANY;
        cursor->texts[i] = is_number                 ? cursor->numbers[i]
                           : value->kind == SQL_TEXT ? value->text
                                                     : NULL;
    }
    (void)count;
    return OK;
}

static struct postgres_values values_of(const struct postgres_cursor *cursor)
{
    return (struct postgres_values){cursor->sql.count, cursor->types, cursor->texts};
}

static const char *text_of(const struct postgres_cursor *cursor)
{
    return (const char *)cursor->sql.text.data;
}

void postgres_set_list(struct query *query)
{
    cursor_of(query)->is_list = true;
}

static enum error_code ask_once(struct query *query, struct error *error)
{
    struct postgres_cursor *cursor = cursor_of(query);
    struct postgres_values values = values_of(cursor);
    return cursor->is_list
               ? postgres_list_open(&cursor->list, query->database, text_of(cursor), &values,
                                    &cursor->result, error)
               : postgres_ask(query->database, text_of(cursor), &values, &cursor->result, error);
}

/* Outside of a transaction a question is asked again where the connection was lost: nothing hung on
 * it, and what it is asked for would be lost with the answer. */
static enum error_code ask(struct query *query, struct error *error)
{
    struct postgres_session *session = postgres_session(query->database);
    bool is_alone = !session->in_transaction;
    int64_t ends_us = os_monotonic_us() + PATIENCE_US;
    for (;;) {
        enum error_code code = database_connect(query->database, error);
        if (code == OK)
            code = ask_once(query, error);
        bool is_lost = code == ERR_RETRY && (session->connection == NULL ||
                                             PQstatus(session->connection) != CONNECTION_OK);
        if (!is_lost || !is_alone || os_monotonic_us() >= ends_us)
            return code;
        os_sleep_us(PAUSE_US);
    }
}

/* Outside of a transaction there is nobody to travel with. */
enum error_code postgres_send_question(struct query *query)
{
    struct postgres_cursor *cursor = cursor_of(query);
    struct postgres_values values = values_of(cursor);
    if (!postgres_session(query->database)->in_transaction)
        return OK;
    cursor->is_sent = true;
    return postgres_send(query->database, text_of(cursor), &values, &cursor->result, query->error);
}

/* The answer of what is asked now, or was sent. */
static enum error_code get_answer(struct query *query)
{
    struct postgres_cursor *cursor = cursor_of(query);
    if (!cursor->is_sent)
        return ask(query, query->error);
    enum error_code code = postgres_drain(query->database, query->error);
    return code != OK || cursor->result != NULL
               ? code
               : error_set(query->error, ERR_IO, "catalog %s: an answer was lost",
                           query->database->path);
}

enum error_code postgres_step(struct query *query, bool *row)
{
    struct postgres_cursor *cursor = cursor_of(query);
    enum error_code code = cursor->result == NULL ? get_answer(query) : OK;
    *row = false;
    if (code != OK)
        return code;
    cursor->row++;
    if (cursor->is_list && cursor->row == PQntuples(cursor->result) && !cursor->list.is_over) {
        PQclear(cursor->result);
        cursor->result = NULL;
        cursor->row = 0;
        code = postgres_list_next(&cursor->list, query->database, &cursor->result, query->error);
        if (code != OK)
            return code;
    }
    *row = cursor->row < PQntuples(cursor->result);
    return OK;
}

enum error_code postgres_change(struct query *query)
{
    struct postgres_values values = values_of(cursor_of(query));
    PGresult *result = NULL;
    if (postgres_session(query->database)->in_transaction)
        return postgres_send(query->database, text_of(cursor_of(query)), &values, NULL,
                             query->error);
    enum error_code code =
        postgres_ask(query->database, text_of(cursor_of(query)), &values, &result, query->error);
    PQclear(result);
    return code;
}

enum error_code postgres_demand(struct query *query, const struct query_demand *unless)
{
    struct postgres_values values = values_of(cursor_of(query));
    assert(postgres_session(query->database)->in_transaction);
    return postgres_send_demand(query->database, text_of(cursor_of(query)), &values, unless,
                                query->error);
}

int postgres_column_count(const struct query *query)
{
    return PQnfields(cursor_of(query)->result);
}

const char *postgres_column_name(const struct query *query, int column)
{
    return PQfname(cursor_of(query)->result, column);
}

bool postgres_is_null(const struct query *query, int column)
{
    const struct postgres_cursor *cursor = cursor_of(query);
    return PQgetisnull(cursor->result, cursor->row, column) != 0;
}

/* A boolean's is a number's, as where there are no booleans. */
const char *postgres_text(const struct query *query, int column)
{
    const struct postgres_cursor *cursor = cursor_of(query);
    if (postgres_is_null(query, column))
        return NULL;
    const char *text = PQgetvalue(cursor->result, cursor->row, column);
    if (PQftype(cursor->result, column) != OID_BOOL)
        return text;
    return text[0] == 't' ? "1" : "0";
}

int64_t postgres_integer(const struct query *query, int column)
{
    const char *text = postgres_text(query, column);
    return text == NULL ? 0 : strtoll(text, NULL, 10);
}

enum error_code postgres_is_empty(struct database *database, bool *empty, struct error *error)
{
    bool has = false;
    enum error_code code = database_has(
        database,
        "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND "
        "(starts_with(tablename, 'ducklake_') OR starts_with(tablename, 'ttp_')) LIMIT 1",
        NO_VALUES, &has, error);
    *empty = !has;
    return code;
}

enum error_code postgres_has_table(struct database *database, const char *name, bool *has,
                                   struct error *error)
{
    return database_has(database,
                        "SELECT 1 FROM pg_catalog.pg_class WHERE relkind = 'r' AND oid = "
                        "to_regclass(quote_ident(current_schema()) || '.' || quote_ident(?1))",
                        BIND(sql_text(name)), has, error);
}

enum error_code postgres_has_column(struct database *database, const char *table, const char *name,
                                    bool *has, struct error *error)
{
    return database_has(database,
                        "SELECT 1 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON "
                        "c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = "
                        "c.relnamespace WHERE n.nspname = current_schema() AND c.relname = ?1 AND "
                        "a.attname = ?2 AND a.attnum > 0 AND NOT a.attisdropped",
                        BIND(sql_text(table), sql_text(name)), has, error);
}
