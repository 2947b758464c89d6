// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_aside.h"

#include <stdio.h>

#include "database/query.h"
#include "util/buffer.h"
#include "util/memory.h"

/* PostgreSQL's names have 63 bytes at most. */
#define NAME_BYTES 64
#define ASIDE_MAX  1000

/* The schema's own name, for a name behind it. */
static enum error_code read_schema(struct database *database, char out[NAME_BYTES],
                                   struct error *error)
{
    char *name = NULL;
    enum error_code code =
        database_query_text(database, "SELECT current_schema()", NO_VALUES, &name, error);
    snprintf(out, NAME_BYTES, "%.40s", name == NULL ? "" : name);
    mem_free(name);
    return code;
}

static enum error_code find_free(struct database *database, char out[NAME_BYTES],
                                 struct error *error)
{
    char schema[NAME_BYTES];
    enum error_code code = read_schema(database, schema, error);
    for (unsigned attempt = 1; code == OK && attempt <= ASIDE_MAX; attempt++) {
        bool is_taken = false;
        int length = snprintf(out, NAME_BYTES, "%.40s_damaged", schema);
        if (attempt > 1)
            snprintf(out + length, NAME_BYTES - (size_t)length, "_%u", attempt);
        code = database_has(database, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ?1",
                            BIND(sql_text(out)), &is_taken, error);
        if (code == OK && !is_taken)
            return OK;
    }
    return code != OK ? code
                      : error_set(error, ERR_LIMIT, "%d catalogs are kept beside %s", ASIDE_MAX,
                                  database->path);
}

/* Its statements, one after the other: they are PostgreSQL's own quoting of its names. */
static enum error_code list_moves(struct database *database, const char *to, struct buffer *moves,
                                  struct error *error)
{
    struct query query;
    query_begin(&query, database,
                "SELECT 'ALTER TABLE ' || quote_ident(tablename) || ' SET SCHEMA ' || "
                "quote_ident(?1) || ';' FROM pg_catalog.pg_tables WHERE schemaname = "
                "current_schema() AND (starts_with(tablename, 'ducklake_') OR "
                "starts_with(tablename, 'ttp_')) ORDER BY tablename",
                BIND(sql_text(to)), error);
    while (query_next(&query))
        if (buffer_append_format(moves, "%s", query_text(&query, 0)) != OK)
            query_check(&query, error_no_memory(error, "the list of tables"));
    if (buffer_append_byte(moves, '\0') != OK)
        query_check(&query, error_no_memory(error, "the list of tables"));
    return query_end(&query);
}

enum error_code postgres_set_aside(struct database *database, char *kept, size_t kept_bytes,
                                   struct error *error)
{
    char name[NAME_BYTES], make[NAME_BYTES + 32];
    struct buffer moves;
    bool is_empty = false;
    kept[0] = '\0';
    enum error_code code = database_is_empty(database, &is_empty, error);
    if (code != OK || is_empty)
        return code;
    buffer_init(&moves);
    code = find_free(database, name, error);
    if (code == OK)
        code = list_moves(database, name, &moves, error);
    snprintf(make, sizeof make, "CREATE SCHEMA \"%s\"", name);
    if (code == OK)
        code = database_execute(database, make, error);
    if (code == OK)
        code = database_execute(database, (const char *)moves.data, error);
    if (code == OK)
        snprintf(kept, kept_bytes, "the schema %s of the same database", name);
    buffer_release(&moves);
    return code;
}
