// SPDX-License-Identifier: Apache-2.0
#include "catalog/query.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "util/memory.h"

#define COUNTER_MAX (INT64_MAX / 2) /* room for another catalog as large */

static void fail(struct query *query, int result)
{
    if (query->code == OK)
        query->code = database_error(query->database, result, query->error);
}

/* Prepares the first statement of `sql`; returns what comes behind it. */
static const char *prepare(struct query *query, const char *sql)
{
    const char *rest = "";
    assert(query->statement == NULL);
    if (query->code != OK)
        return rest;
    int result = sqlite3_prepare_v2(query->database->handle, sql, -1, &query->statement, &rest);
    if (result != SQLITE_OK)
        fail(query, result);
    return rest;
}

static void release(struct query *query)
{
    sqlite3_finalize(query->statement);
    query->statement = NULL;
}

void query_prepare(struct query *query, struct database *database, const char *sql,
                   struct error *error)
{
    *query = (struct query){.database = database, .error = error};
    query->code = database_connect(database, error);
    const char *rest = prepare(query, sql);
    assert(query->code != OK || *rest == '\0'); /* one statement */
    (void)rest;
}

static int bind_value(struct query *query, int index, const struct sql_value *value)
{
    switch (value->kind) {
    case SQL_INT: return sqlite3_bind_int64(query->statement, index, value->number);
    case SQL_TEXT:
        return sqlite3_bind_text(query->statement, index, value->text, -1, SQLITE_STATIC);
    case SQL_NULL: break;
    }
    return sqlite3_bind_null(query->statement, index);
}

/* The first `count` values: a statement of several may use fewer than there are. */
static void bind_first(struct query *query, struct sql_values values, int count)
{
    int result = SQLITE_OK;
    sqlite3_reset(query->statement);
    query->ticks = 0;
    for (int i = 0; i < count && result == SQLITE_OK; i++)
        result = bind_value(query, i + 1, &values.items[i]);
    if (result != SQLITE_OK)
        fail(query, result);
}

void query_bind(struct query *query, struct sql_values values)
{
    if (query->code != OK)
        return;
    assert(sqlite3_bind_parameter_count(query->statement) == values.count);
    bind_first(query, values, values.count);
}

void query_begin(struct query *query, struct database *database, const char *sql,
                 struct sql_values values, struct error *error)
{
    query_prepare(query, database, sql, error);
    query_bind(query, values);
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

bool query_next(struct query *query)
{
    if (query->code != OK)
        return false;
    guard_start(&query->database->guard, query->ticks); /* others may have run between two rows */
    int result = sqlite3_step(query->statement);
    query->ticks = query->database->guard.ticks;
    if (result == SQLITE_ROW)
        result = make_texts(query->statement);
    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        fail(query, result);
    return false;
}

static void step_to_end(struct query *query)
{
    while (query_next(query))
        continue;
}

void query_run(struct query *query, struct sql_values values)
{
    query_bind(query, values);
    step_to_end(query);
}

bool query_ok(const struct query *query)
{
    return query->code == OK;
}

void query_check(struct query *query, enum error_code code)
{
    if (query->code == OK)
        query->code = code;
}

enum error_code query_end(struct query *query)
{
    release(query);
    return query->code;
}

int64_t query_int(const struct query *query, int column)
{
    assert(column < sqlite3_column_count(query->statement));
    return sqlite3_column_int64(query->statement, column);
}

const char *query_text(const struct query *query, int column)
{
    assert(column < sqlite3_column_count(query->statement));
    return (const char *)sqlite3_column_text(query->statement, column);
}

bool query_is_null(const struct query *query, int column)
{
    assert(column < sqlite3_column_count(query->statement));
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

char *query_copy_text(struct query *query, int column)
{
    const char *text = query_text(query, column);
    char *copy = text == NULL ? NULL : mem_copy_text(text);
    if (text != NULL && copy == NULL)
        query_check(query, error_no_memory(query->error, "a catalog value"));
    return copy;
}

int64_t query_counter(struct query *query, int column)
{
    int64_t value = query_int(query, column);
    if (query->code == OK && (value < 0 || value > COUNTER_MAX))
        query->code = error_set(
            query->error, ERR_CORRUPT, "catalog %s is damaged: its counter %s stands at %lld",
            query->database->path, sqlite3_column_name(query->statement, column), (long long)value);
    return query->code == OK ? value : 0;
}

struct ledger_range query_range(struct query *query, int column)
{
    int64_t first = query_int(query, column), last = query_int(query, column + 1);
    if (first >= 0 && last >= first && last <= UINT32_MAX)
        return (struct ledger_range){(uint32_t)first, (uint32_t)last};
    if (query->code == OK)
        query->code = error_set(query->error, ERR_CORRUPT,
                                "catalog %s is damaged: ledgers %lld to %lld are no range",
                                query->database->path, (long long)first, (long long)last);
    return (struct ledger_range){0};
}

uint64_t query_checksum(const struct query *query, int column)
{
    const char *text = query_text(query, column);
    return text == NULL ? 0 : strtoull(text, NULL, 16);
}

enum error_code database_run(struct database *database, const char *sql, struct sql_values values,
                             struct error *error)
{
    struct query query = {.database = database, .error = error};
    int used = 0; /* the most values that a statement took */
    query.code = database_connect(database, error);
    while (query.code == OK && *sql != '\0') {
        sql = prepare(&query, sql);
        if (query.code == OK) {
            int count = sqlite3_bind_parameter_count(query.statement);
            assert(count <= values.count);
            used = count > used ? count : used;
            bind_first(&query, values, count);
            step_to_end(&query);
        }
        release(&query);
    }
    assert(query.code != OK || used == values.count);
    return query.code;
}

enum error_code database_has(struct database *database, const char *sql, struct sql_values values,
                             bool *has, struct error *error)
{
    struct query query;
    query_begin(&query, database, sql, values, error);
    *has = query_next(&query);
    return query_end(&query);
}

enum error_code database_query_int(struct database *database, const char *sql,
                                   struct sql_values values, int64_t *value, struct error *error)
{
    struct query query;
    query_begin(&query, database, sql, values, error);
    if (query_next(&query) && !query_is_null(&query, 0))
        *value = query_int(&query, 0);
    return query_end(&query);
}

enum error_code database_query_text(struct database *database, const char *sql,
                                    struct sql_values values, char **text, struct error *error)
{
    struct query query;
    query_begin(&query, database, sql, values, error);
    *text = query_next(&query) ? query_copy_text(&query, 0) : NULL;
    return query_end(&query);
}

enum error_code database_is_empty(struct database *database, bool *empty, struct error *error)
{
    bool has = false;
    enum error_code code =
        database_has(database, "SELECT 1 FROM sqlite_master", NO_VALUES, &has, error);
    *empty = !has;
    return code;
}

enum error_code database_has_table(struct database *database, const char *name, bool *has,
                                   struct error *error)
{
    return database_has(database, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1",
                        BIND(sql_text(name)), has, error);
}

enum error_code database_has_column(struct database *database, const char *table, const char *name,
                                    bool *has, struct error *error)
{
    return database_has(database, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2",
                        BIND(sql_text(table), sql_text(name)), has, error);
}
