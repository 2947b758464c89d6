// SPDX-License-Identifier: Apache-2.0
#include "catalog/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "database/query.h"
#include "catalog/tables.h"
#include "util/memory.h"

#define NAME_BYTES 96
/* As many as a statement may have values (database/postgres_sql.h). */
#define COLUMNS_MAX 32
#define SQL_BYTES   (COLUMNS_MAX * (NAME_BYTES + 8) + 256)
/* Keys that are asked for at a time: an engine may hold the whole of an answer. */
#define STEP 4096

/* What a name of a table or a column may be made of: it gets into a statement's text. */
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

static bool is_plain_name(const char *name)
{
    return name != NULL && name[0] != '\0' && strlen(name) < NAME_BYTES &&
           strspn(name, NAME_LETTERS) == strlen(name);
}

/* ---- the tables ---- */

static const char *const *const optional_tables[] = {
    &catalog_seam_table,   &catalog_unchecked_table, &catalog_views_table,
    &catalog_doomed_table, &catalog_aside_table,
};
#define OPTIONAL_COUNT (sizeof optional_tables / sizeof *optional_tables)

/* Of a statement that makes one; false: it makes something else. */
static bool table_of(const char *sql, char name[NAME_BYTES])
{
    static const char make[] = "CREATE TABLE ", unless[] = "IF NOT EXISTS ";
    if (strncmp(sql, make, sizeof make - 1) != 0)
        return false;
    sql += sizeof make - 1;
    if (strncmp(sql, unless, sizeof unless - 1) == 0)
        sql += sizeof unless - 1;
    snprintf(name, NAME_BYTES, "%.*s", (int)strcspn(sql, "("), sql);
    return true;
}

/* In an empty database all that each catalog has; what only some have, when `from` has it. */
static enum error_code make_tables(struct database *to, struct error *error)
{
    bool is_empty = false;
    enum error_code code = database_is_empty(to, &is_empty, error);
    if (code != OK || !is_empty)
        return code;
    for (size_t i = 0; code == OK && i < ducklake_table_count; i++)
        code = database_create_table(to, ducklake_tables[i], error);
    for (size_t i = 0; code == OK && i < catalog_table_count; i++)
        code = database_execute(to, catalog_tables[i], error);
    return code == OK ? database_complete_tables(to, error) : code;
}

static enum error_code has_each(struct database *to, struct database *from, const char *name,
                                bool *there, bool *here, struct error *error)
{
    enum error_code code = database_has_table(from, name, here, error);
    return code == OK ? database_has_table(to, name, there, error) : code;
}

/* Care's tables come together, with their indexes. */
static enum error_code make_care_tables(struct database *to, struct database *from,
                                        struct error *error)
{
    bool there, here;
    enum error_code code = has_each(to, from, "ttp_pruned", &there, &here, error);
    for (size_t i = 0; code == OK && here && !there && i < care_table_count; i++)
        code = database_execute(to, care_tables[i], error);
    if (code == OK)
        code = database_execute(to, catalog_late_indexes, error);
    return code;
}

static enum error_code make_optional_table(struct database *to, struct database *from,
                                           const char *sql, struct error *error)
{
    char name[NAME_BYTES];
    bool there = false, here = false;
    if (!table_of(sql, name))
        return OK;
    enum error_code code = has_each(to, from, name, &there, &here, error);
    return code == OK && here && !there ? database_execute(to, sql, error) : code;
}

/* ---- rows ---- */

struct table_copy {
    struct database *to, *from;
    const char *name;
    struct query insertion;
    bool is_prepared;
    int columns;
    int64_t rows;
};

static enum error_code refuse_columns(const struct table_copy *copy, struct error *error)
{
    return error_set(error, ERR_CORRUPT,
                     "the table %s of the catalog %s has columns that a catalog has not: it was "
                     "changed by hand; make it anew from the files with `parquet-consumer rebuild`",
                     copy->name, copy->from->path);
}

/* By the columns' names: an engine may have them in another order. */
static enum error_code prepare(struct table_copy *copy, const struct query *rows,
                               struct error *error)
{
    char names[SQL_BYTES / 2] = "", values[SQL_BYTES / 2] = "", sql[SQL_BYTES + 64];
    size_t names_length = 0, values_length = 0;
    copy->columns = query_column_count(rows);
    if (copy->columns < 1 || copy->columns > COLUMNS_MAX)
        return refuse_columns(copy, error);
    for (int i = 0; i < copy->columns; i++) {
        const char *name = query_column_name(rows, i);
        if (!is_plain_name(name))
            return refuse_columns(copy, error);
        names_length += (size_t)snprintf(names + names_length, sizeof names - names_length,
                                         "%s\"%s\"", i == 0 ? "" : ", ", name);
        values_length += (size_t)snprintf(values + values_length, sizeof values - values_length,
                                          "%s?%d", i == 0 ? "" : ", ", i + 1);
        if (names_length >= sizeof names || values_length >= sizeof values)
            return refuse_columns(copy, error);
    }
    snprintf(sql, sizeof sql, "INSERT INTO %s(%s) VALUES(%s)", copy->name, names, values);
    query_prepare(&copy->insertion, copy->to, sql, error);
    copy->is_prepared = true;
    return copy->insertion.code;
}

/* Every value as its text: that is the same in all engines, and each makes its own type of it. */
static enum error_code copy_row(struct table_copy *copy, const struct query *rows,
                                struct error *error)
{
    struct sql_value values[COLUMNS_MAX];
    enum error_code code = copy->is_prepared ? OK : prepare(copy, rows, error);
    if (code != OK)
        return code;
    for (int i = 0; i < copy->columns; i++) {
        bool is_null = query_is_null(rows, i); /* asked first: an engine may make the text now */
        values[i] = sql_text(query_text(rows, i));
        if (!is_null && values[i].text == NULL)
            return error_no_memory(error, "a catalog value");
    }
    query_run(&copy->insertion, (struct sql_values){values, copy->columns});
    copy->rows++;
    return copy->insertion.code;
}

static enum error_code copy_some(struct table_copy *copy, const char *sql, struct sql_values values,
                                 struct error *error)
{
    struct query rows;
    query_begin(&rows, copy->from, sql, values, error);
    while (query_next(&rows))
        query_check(&rows, copy_row(copy, &rows, error));
    return query_end(&rows);
}

/* Tables that grow with the lake's files and commits, and what their rows are asked for by. */
static const struct {
    const char *table, *key;
} long_tables[] = {
    {"ducklake_data_file", "data_file_id"},
    {"ducklake_delete_file", "delete_file_id"},
    {"ducklake_file_column_stats", "data_file_id"},
    {"ducklake_file_partition_value", "data_file_id"},
    {"ducklake_snapshot", "snapshot_id"},
    {"ducklake_snapshot_changes", "snapshot_id"},
    {"ttp_commit_files", "data_file_id"},
    {"ttp_file_commits", "data_file_id"},
    {"ttp_commits", "commit_no"},
};

static const char *key_of(const char *table)
{
    for (size_t i = 0; i < sizeof long_tables / sizeof *long_tables; i++)
        if (strcmp(long_tables[i].table, table) == 0)
            return long_tables[i].key;
    return NULL;
}

/* Keys are dense, or nearly. */
static enum error_code copy_by_key(struct table_copy *copy, const char *key, struct error *error)
{
    char sql[3 * NAME_BYTES];
    int64_t at = INT64_MIN;
    for (;;) {
        int64_t next = INT64_MIN;
        snprintf(sql, sizeof sql, "SELECT min(%s) FROM %s WHERE %s >= ?1", key, copy->name, key);
        enum error_code code = database_query_int(copy->from, sql, BIND(sql_int(at)), &next, error);
        if (code != OK || next == INT64_MIN || next > INT64_MAX - STEP)
            return code;
        snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE %s >= ?1 AND %s < ?2", copy->name, key,
                 key);
        code = copy_some(copy, sql, BIND(sql_int(next), sql_int(next + STEP)), error);
        if (code != OK)
            return code;
        at = next + STEP;
    }
}

/* Rows without the key, and what an engine did with rows on its own account. */
static enum error_code check_count(const struct table_copy *copy, struct error *error)
{
    char sql[NAME_BYTES + 32];
    int64_t here = -1, there = -1;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", copy->name);
    enum error_code code = database_query_int(copy->from, sql, NO_VALUES, &here, error);
    if (code == OK)
        code = database_query_int(copy->to, sql, NO_VALUES, &there, error);
    if (code == OK && (here != copy->rows || there != copy->rows))
        code = error_set(error, ERR_CORRUPT,
                         "the table %s of the catalog %s has %" PRId64 " rows, and %" PRId64
                         " arrived in %s: it was changed by hand; make it anew from the files with "
                         "`parquet-consumer rebuild`",
                         copy->name, copy->from->path, here, there, copy->to->path);
    return code;
}

static enum error_code copy_all_rows(struct table_copy *copy, struct error *error)
{
    char sql[NAME_BYTES + 32];
    const char *key = key_of(copy->name);
    snprintf(sql, sizeof sql, "SELECT * FROM %s", copy->name);
    enum error_code code =
        key == NULL ? copy_some(copy, sql, NO_VALUES, error) : copy_by_key(copy, key, error);
    if (copy->is_prepared) {
        enum error_code ended = query_end(&copy->insertion);
        code = code == OK ? ended : code;
    }
    return code == OK ? check_count(copy, error) : code;
}

/* A table that `from` has not, `to` has empty. */
static enum error_code copy_table(struct database *to, struct database *from, const char *sql,
                                  struct error *error)
{
    char name[NAME_BYTES], clear[NAME_BYTES + 16];
    bool there = false, here = false;
    if (!table_of(sql, name))
        return OK;
    struct table_copy copy = {.to = to, .from = from, .name = name};
    enum error_code code = has_each(to, from, name, &there, &here, error);
    if (code != OK || !there)
        return code;
    snprintf(clear, sizeof clear, "DELETE FROM %s", name);
    code = database_execute(to, clear, error);
    return code == OK && here ? copy_all_rows(&copy, error) : code;
}

static enum error_code copy_tables(struct database *to, struct database *from, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < ducklake_table_count; i++)
        code = copy_table(to, from, ducklake_tables[i], error);
    for (size_t i = 0; code == OK && i < catalog_table_count; i++)
        code = copy_table(to, from, catalog_tables[i], error);
    for (size_t i = 0; code == OK && i < care_table_count; i++)
        code = copy_table(to, from, care_tables[i], error);
    for (size_t i = 0; code == OK && i < OPTIONAL_COUNT; i++)
        code = copy_table(to, from, *optional_tables[i], error);
    return code;
}

/* ---- rows that DuckDB keeps in the catalog ---- */

static enum error_code refuse_rows_of(struct database *from, const char *name, struct error *error)
{
    char sql[NAME_BYTES + 32];
    bool there = false, has = false;
    enum error_code code = database_has_table(from, name, &there, error);
    snprintf(sql, sizeof sql, "SELECT 1 FROM %.90s LIMIT 1", name);
    if (code == OK && there)
        code = database_has(from, sql, NO_VALUES, &has, error);
    if (code == OK && has)
        code = error_set(error, ERR_CONFLICT,
                         "DuckDB keeps rows of the lake in the catalog %s itself (table %s), in a "
                         "form that another kind of database does not have: bring them into files "
                         "with CALL ducklake_flush_inlined_data('lake') in DuckDB, then try again",
                         from->path, name);
    return code;
}

/* The names of both kinds of such tables: registered ones, and one of deletes a table. */
static enum error_code refuse_inlined(struct database *from, struct error *error)
{
    struct query names;
    query_begin(&names, from,
                "SELECT table_name FROM ducklake_inlined_data_tables UNION SELECT "
                "'ducklake_inlined_delete_' || CAST(table_id AS VARCHAR) FROM ducklake_table",
                NO_VALUES, error);
    while (query_next(&names)) {
        const char *name = query_text(&names, 0);
        if (is_plain_name(name))
            query_check(&names, refuse_rows_of(from, name, error));
    }
    return query_end(&names);
}

/* ---- all of it ---- */

/* The tables of inlined rows, which are empty, are not there; and nobody is to make new ones. */
static enum error_code end_inlining(struct database *to, struct error *error)
{
    return database_run(
        to,
        "DELETE FROM ducklake_inlined_data_tables; INSERT INTO ducklake_metadata SELECT "
        "'data_inlining_row_limit', '0', NULL, CAST(NULL AS BIGINT) WHERE NOT EXISTS (SELECT 1 "
        "FROM "
        "ducklake_metadata WHERE \"key\" = 'data_inlining_row_limit' AND \"scope\" IS NULL)",
        NO_VALUES, error);
}

enum error_code transfer_rows(struct database *to, struct database *from, struct error *error)
{
    enum error_code code = refuse_inlined(from, error);
    if (code == OK)
        code = make_tables(to, error);
    if (code == OK)
        code = make_care_tables(to, from, error);
    for (size_t i = 0; code == OK && i < OPTIONAL_COUNT; i++)
        code = make_optional_table(to, from, *optional_tables[i], error);
    if (code == OK)
        code = copy_tables(to, from, error);
    return code == OK ? end_inlining(to, error) : code;
}
