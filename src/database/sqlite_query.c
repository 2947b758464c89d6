// SPDX-License-Identifier: Apache-2.0
/* SQLite's statements and tables, for database/engine.h. */
#include "database/sqlite_query.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "database/sqlite_session.h"

#define DDL_BYTES 1024

static struct sqlite3_stmt *statement_of(const struct query *query)
{
    return query->cursor;
}

static enum error_code fail(const struct query *query, int result)
{
    return sqlite_error(query->database, result, query->error);
}

enum error_code sqlite_prepare(struct query *query, const char *sql, const char **rest)
{
    struct sqlite3_stmt *statement = NULL;
    int result =
        sqlite3_prepare_v2(sqlite_session(query->database)->handle, sql, -1, &statement, rest);
    query->cursor = statement;
    return result == SQLITE_OK ? OK : fail(query, result);
}

void sqlite_release(struct query *query)
{
    sqlite3_finalize(query->cursor);
    query->cursor = NULL;
}

int sqlite_value_count(const struct query *query)
{
    return sqlite3_bind_parameter_count(query->cursor);
}

static int bind_value(struct query *query, int index, const struct sql_value *value)
{
    switch (value->kind) {
    case SQL_BOOL:
    case SQL_INT: return sqlite3_bind_int64(query->cursor, index, value->number);
    case SQL_TEXT: return sqlite3_bind_text(query->cursor, index, value->text, -1, SQLITE_STATIC);
    case SQL_NULL: break;
    }
    return sqlite3_bind_null(query->cursor, index);
}

/* The first `count` values: a statement of several may use fewer than there are. */
enum error_code sqlite_bind(struct query *query, struct sql_values values, int count)
{
    int result = SQLITE_OK;
    sqlite3_reset(query->cursor);
    query->ticks = 0;
    for (int i = 0; i < count && result == SQLITE_OK; i++)
        result = bind_value(query, i + 1, &values.items[i]);
    return result == SQLITE_OK ? OK : fail(query, result);
}

/* SQLite makes a text when it is asked for, and gives NULL where it has no memory to: asked for
 * here, it never passes for a value that is NULL. */
static int make_texts(struct sqlite3_stmt *statement)
{
    int count = sqlite3_column_count(statement);
    for (int i = 0; i < count; i++)
        if (sqlite3_column_type(statement, i) == SQLITE_TEXT &&
            sqlite3_column_text(statement, i) == NULL)
            return SQLITE_NOMEM;
    return SQLITE_ROW;
}

void sqlite_set_list(struct query *query)
{
    (void)query; /* its rows come one by one in any case */
}

enum error_code sqlite_send(struct query *query) /* there is no way to go */
{
    return query->code;
}

enum error_code sqlite_step(struct query *query, bool *row)
{
    struct guard *guard = &sqlite_session(query->database)->guard;
    guard_start(guard, query->ticks); /* others may have run between two rows */
    int result = sqlite3_step(query->cursor);
    query->ticks = guard->ticks;
    if (result == SQLITE_ROW)
        result = make_texts(query->cursor);
    *row = result == SQLITE_ROW;
    return *row || result == SQLITE_DONE ? OK : fail(query, result);
}

enum error_code sqlite_change(struct query *query)
{
    bool row = true;
    enum error_code code = OK;
    while (code == OK && row)
        code = sqlite_step(query, &row);
    return code;
}

enum error_code sqlite_demand(struct query *query, const struct query_demand *unless)
{
    bool row;
    enum error_code code = sqlite_step(query, &row);
    return code != OK || row ? code : error_set(query->error, unless->code, "%s", unless->words);
}

int sqlite_column_count(const struct query *query)
{
    return sqlite3_column_count(statement_of(query));
}

const char *sqlite_column_name(const struct query *query, int column)
{
    return sqlite3_column_name(statement_of(query), column);
}

bool sqlite_is_null(const struct query *query, int column)
{
    return sqlite3_column_type(statement_of(query), column) == SQLITE_NULL;
}

int64_t sqlite_integer(const struct query *query, int column)
{
    return sqlite3_column_int64(statement_of(query), column);
}

const char *sqlite_text(const struct query *query, int column)
{
    return (const char *)sqlite3_column_text(statement_of(query), column);
}

/* DuckDB's own extension makes these types of the ones that SQLite has not. */
static const char *type_here(const char *word, size_t length)
{
    static const struct {
        const char *type, *here;
    } types[] = {{"BOOLEAN", "BIGINT"}, {"TIMESTAMPTZ", "VARCHAR"}, {"UUID", "VARCHAR"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].type) == length && strncmp(word, types[i].type, length) == 0)
            return types[i].here;
    return NULL;
}

enum error_code sqlite_create_table(struct database *database, const char *sql, struct error *error)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char own[DDL_BYTES];
    size_t length = 0;
    while (*sql != '\0' && length < sizeof own) {
        size_t word = strspn(sql, letters);
        size_t taken = word > 0 ? word : 1;
        const char *here = type_here(sql, word);
        length += (size_t)snprintf(own + length, sizeof own - length, "%.*s",
                                   here != NULL ? (int)strlen(here) : (int)taken,
                                   here != NULL ? here : sql);
        sql += taken;
    }
    assert(length < sizeof own); /* tables are ours */
    return database_execute(database, own, error);
}

enum error_code sqlite_is_empty(struct database *database, bool *empty, struct error *error)
{
    bool has = false;
    enum error_code code =
        database_has(database, "SELECT 1 FROM sqlite_master", NO_VALUES, &has, error);
    *empty = !has;
    return code;
}

enum error_code sqlite_has_table(struct database *database, const char *name, bool *has,
                                 struct error *error)
{
    return database_has(database, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1",
                        BIND(sql_text(name)), has, error);
}

enum error_code sqlite_has_column(struct database *database, const char *table, const char *name,
                                  bool *has, struct error *error)
{
    return database_has(database, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2",
                        BIND(sql_text(table), sql_text(name)), has, error);
}

enum error_code sqlite_complete_tables(struct database *database, struct error *error)
{
    (void)database;
    (void)error;
    return OK;
}

enum error_code sqlite_is_complete(struct database *database, bool *is_complete,
                                   struct error *error)
{
    (void)database;
    (void)error;
    *is_complete = true;
    return OK;
}
