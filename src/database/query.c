// SPDX-License-Identifier: Apache-2.0
#include "database/query.h"

#include <assert.h>
#include <stdlib.h>

#include "database/engine.h"
#include "util/memory.h"

#define COUNTER_MAX (INT64_MAX / 2) /* room for another catalog as large */

static const struct engine *engine_of(const struct query *query)
{
    return query->database->engine;
}

/* Prepares the first statement of `sql`; returns what comes behind it. */
static const char *prepare(struct query *query, const char *sql)
{
    const char *rest = "";
    assert(query->cursor == NULL);
    if (query->code == OK)
        query->code = engine_of(query)->prepare(query, sql, &rest);
    return rest;
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

void query_bind(struct query *query, struct sql_values values)
{
    if (query->code != OK)
        return;
    assert(engine_of(query)->value_count(query) == values.count);
    query->code = engine_of(query)->bind(query, values, values.count);
}

void query_begin(struct query *query, struct database *database, const char *sql,
                 struct sql_values values, struct error *error)
{
    query_prepare(query, database, sql, error);
    query_bind(query, values);
}

void query_begin_list(struct query *query, struct database *database, const char *sql,
                      struct sql_values values, struct error *error)
{
    query_begin(query, database, sql, values, error);
    if (query->code == OK)
        engine_of(query)->set_list(query);
}

void query_begin_ahead(struct query *query, struct database *database, const char *sql,
                       struct sql_values values, struct error *error)
{
    query_begin(query, database, sql, values, error);
    if (query->code == OK)
        query->code = engine_of(query)->send(query);
}

bool query_next(struct query *query)
{
    bool row = false;
    if (query->code == OK)
        query->code = engine_of(query)->step(query, &row);
    return query->code == OK && row;
}

void query_run(struct query *query, struct sql_values values)
{
    query_bind(query, values);
    if (query->code == OK)
        query->code = engine_of(query)->change(query);
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
    engine_of(query)->release(query);
    return query->code;
}

int64_t query_int(const struct query *query, int column)
{
    assert(column < engine_of(query)->column_count(query));
    return engine_of(query)->integer(query, column);
}

const char *query_text(const struct query *query, int column)
{
    assert(column < engine_of(query)->column_count(query));
    return engine_of(query)->text(query, column);
}

bool query_is_null(const struct query *query, int column)
{
    assert(column < engine_of(query)->column_count(query));
    return engine_of(query)->is_null(query, column);
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
            query->database->path, engine_of(query)->column_name(query, column), (long long)value);
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

int query_column_count(const struct query *query)
{
    return engine_of(query)->column_count(query);
}

const char *query_column_name(const struct query *query, int column)
{
    return engine_of(query)->column_name(query, column);
}

enum error_code database_run(struct database *database, const char *sql, struct sql_values values,
                             struct error *error)
{
    struct query query = {.database = database, .error = error};
    const struct engine *engine = database->engine;
    int used = 0; /* the most values that a statement took */
    query.code = database_connect(database, error);
    while (query.code == OK && *sql != '\0') {
        sql = prepare(&query, sql);
        if (query.code == OK) {
            int count = engine->value_count(&query);
            assert(count <= values.count);
            used = count > used ? count : used;
            query.code = engine->bind(&query, values, count);
            if (query.code == OK)
                query.code = engine->change(&query);
        }
        engine->release(&query);
    }
    assert(query.code != OK || used == values.count);
    return query.code;
}

enum error_code database_demand(struct database *database, const char *sql,
                                struct sql_values values, const struct query_demand *unless,
                                struct error *error)
{
    struct query query;
    query_begin(&query, database, sql, values, error);
    if (query.code == OK)
        query.code = engine_of(&query)->demand(&query, unless);
    return query_end(&query);
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

enum error_code database_create_table(struct database *database, const char *sql,
                                      struct error *error)
{
    enum error_code code = database_connect(database, error);
    return code == OK ? database->engine->create_table(database, sql, error) : code;
}

enum error_code database_complete_tables(struct database *database, struct error *error)
{
    return database->engine->complete_tables(database, error);
}

enum error_code database_is_complete(struct database *database, bool *is_complete,
                                     struct error *error)
{
    return database->engine->is_complete(database, is_complete, error);
}

enum error_code database_is_empty(struct database *database, bool *empty, struct error *error)
{
    return database->engine->is_empty(database, empty, error);
}

enum error_code database_has_table(struct database *database, const char *name, bool *has,
                                   struct error *error)
{
    return database->engine->has_table(database, name, has, error);
}

enum error_code database_has_column(struct database *database, const char *table, const char *name,
                                    bool *has, struct error *error)
{
    return database->engine->has_column(database, table, name, has, error);
}
