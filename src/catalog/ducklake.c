// SPDX-License-Identifier: Apache-2.0
#include "catalog/ducklake.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalog/identity.h"
#include "database/query.h"
#include "os/clock.h"
#include "os/identity.h"
#include "util/text.h"

#define TABLE_ID 1

static enum error_code insert_snapshot(struct database *database, const struct ducklake_head *head,
                                       struct error *error)
{
    char time[TEXT_TIME_BYTES];
    text_timestamptz(head->snapshot_us, time);
    return database_run(database, "INSERT INTO ducklake_snapshot VALUES(?,?,?,?,?)",
                        BIND(sql_int(head->snapshot_id), sql_text(time),
                             sql_int(head->schema_version), sql_int(head->next_catalog_id),
                             sql_int(head->next_file_id)),
                        error);
}

static enum error_code insert_change(struct database *database, int64_t snapshot_id,
                                     const struct ducklake_change *change, struct error *error)
{
    return database_run(database, "INSERT INTO ducklake_snapshot_changes VALUES(?,?,NULL,?,?)",
                        BIND(sql_int(snapshot_id), sql_text(change->changes_made),
                             sql_text(change->message), sql_text(change->extra_info)),
                        error);
}

enum error_code ducklake_add_snapshot(struct database *database, struct ducklake_head *head,
                                      int64_t now_us, const struct ducklake_change *change,
                                      struct error *error)
{
    head->snapshot_id++;
    head->snapshot_us = now_us > head->snapshot_us ? now_us : head->snapshot_us + 1;
    enum error_code code = insert_snapshot(database, head, error);
    return code == OK ? insert_change(database, head->snapshot_id, change, error) : code;
}

static enum error_code insert_metadata(struct database *database,
                                       const struct catalog_create_options *options,
                                       struct error *error)
{
    return database_run(database,
                        "INSERT INTO ducklake_metadata VALUES('version','1.0',NULL,NULL),"
                        "('created_by',?1,NULL,NULL),('data_path',?2,NULL,NULL),"
                        "('encrypted','false',NULL,NULL)",
                        BIND(sql_text(options->created_by), sql_text(options->data_path)), error);
}

/* A row of `table` with a fresh UUID in it; `sql` has one parameter for it. */
static enum error_code insert_with_uuid(struct database *database, const char *sql,
                                        struct error *error)
{
    char uuid[OS_UUID_BYTES];
    enum error_code code = os_uuid(uuid, error);
    return code == OK ? database_run(database, sql, BIND(sql_text(uuid)), error) : code;
}

static enum error_code insert_column(struct database *database, const struct ducklake_head *head,
                                     const struct catalog_column *column, bool nullable,
                                     struct error *error)
{
    return database_run(database,
                        "INSERT INTO ducklake_column "
                        "VALUES(?1,?2,NULL,?3,?1,?4,?5,NULL,'NULL',?6,NULL,'literal','duckdb')",
                        BIND(sql_int(column->id), sql_int(head->snapshot_id),
                             sql_int(head->table_id), sql_text(column->name),
                             sql_text(column->type), sql_bool(nullable)),
                        error);
}

static enum error_code insert_schema_version(struct database *database,
                                             const struct ducklake_head *head, struct error *error)
{
    return database_run(
        database, "INSERT INTO ducklake_schema_versions VALUES(?,?,?)",
        BIND(sql_int(head->snapshot_id), sql_int(head->schema_version), sql_int(head->table_id)),
        error);
}

static enum error_code create_table(struct database *database, struct ducklake_head *head,
                                    const struct catalog_table *table, int64_t now_us,
                                    struct error *error)
{
    head->schema_version++;
    head->next_catalog_id++;
    head->table_id = TABLE_ID;
    struct ducklake_change change = {
        "created_table:\"" DUCKLAKE_SCHEMA_NAME "\".\"" DUCKLAKE_TABLE_NAME "\"", NULL, NULL};
    enum error_code code = ducklake_add_snapshot(database, head, now_us, &change, error);
    if (code == OK)
        code = insert_with_uuid(
            database,
            "INSERT INTO ducklake_table VALUES(1,?,1,NULL,0,'" DUCKLAKE_TABLE_NAME "','',TRUE)",
            error);
    if (code == OK)
        code = insert_schema_version(database, head, error);
    for (size_t i = 0; code == OK && i < table->column_count; i++)
        code = insert_column(database, head, &table->columns[i], table->columns[i].nullable, error);
    return code;
}

static enum error_code create_partitioning(struct database *database, struct ducklake_head *head,
                                           const struct catalog_table *table, int64_t now_us,
                                           int64_t *partition_id, struct error *error)
{
    *partition_id = head->next_catalog_id++;
    head->schema_version++;
    struct ducklake_change change = {"altered_table:1", NULL, NULL};
    enum error_code code = ducklake_add_snapshot(database, head, now_us, &change, error);
    if (code == OK)
        code = insert_schema_version(database, head, error);
    if (code == OK)
        code = database_run(
            database, "INSERT INTO ducklake_partition_info VALUES(?,?,?,NULL)",
            BIND(sql_int(*partition_id), sql_int(TABLE_ID), sql_int(head->snapshot_id)), error);
    for (size_t i = 0; code == OK && i < table->partition_count; i++)
        code = database_run(database, "INSERT INTO ducklake_partition_column VALUES(?,?,?,?,?)",
                            BIND(sql_int(*partition_id), sql_int(TABLE_ID), sql_int(i),
                                 sql_int(table->partitions[i].column_id),
                                 sql_text(table->partitions[i].transform)),
                            error);
    return code;
}

enum error_code ducklake_create(struct database *database,
                                const struct catalog_create_options *options, int64_t *partition_id,
                                struct error *error)
{
    int64_t now_us = os_realtime_us();
    struct ducklake_head head = {.snapshot_us = now_us, .next_catalog_id = 1};
    struct ducklake_change change = {"created_schema:\"" DUCKLAKE_SCHEMA_NAME "\"", NULL, NULL};
    *partition_id = 0;
    enum error_code code = insert_metadata(database, options, error);
    if (code == OK)
        code = insert_snapshot(database, &head, error);
    if (code == OK)
        code = insert_change(database, head.snapshot_id, &change, error);
    if (code == OK) /* an empty path: files lie directly under data_path */
        code = insert_with_uuid(
            database,
            "INSERT INTO ducklake_schema VALUES(0,?,0,NULL,'" DUCKLAKE_SCHEMA_NAME "','',TRUE)",
            error);
    if (code == OK)
        code = create_table(database, &head, options->table, now_us, error);
    if (code == OK && options->table->partition_count > 0)
        code = create_partitioning(database, &head, options->table, now_us, partition_id, error);
    return code;
}

void ducklake_ask_head(struct ducklake_head_question *question, struct database *database,
                       struct error *error)
{
    query_begin_ahead(
        &question->snapshot, database,
        "SELECT snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id "
        "FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1",
        NO_VALUES, error);
    identity_ask(&question->identity, database, error);
}

static enum error_code take_snapshot(struct query *query, struct ducklake_head *head,
                                     struct error *error)
{
    const char *time = query_next(query) ? query_text(query, 1) : NULL;
    if (time != NULL && text_parse_rfc3339(bytes_view_text(time), &head->snapshot_us)) {
        head->snapshot_id = query_counter(query, 0);
        head->schema_version = query_counter(query, 2);
        head->next_catalog_id = query_counter(query, 3);
        head->next_file_id = query_counter(query, 4);
    } else if (query_ok(query)) {
        query_check(query,
                    error_set(error, ERR_CORRUPT, "catalog %s has no readable newest snapshot",
                              query->database->path));
    }
    return query_end(query);
}

enum error_code ducklake_take_head(struct ducklake_head_question *question, enum error_code before,
                                   struct ducklake_head *head, struct error *error)
{
    query_check(&question->snapshot, before);
    enum error_code code = take_snapshot(&question->snapshot, head, error);
    return identity_take(&question->identity, code, &head->table_id, error);
}

enum error_code ducklake_read_head(struct database *database, struct ducklake_head *head,
                                   struct error *error)
{
    struct ducklake_head_question question;
    ducklake_ask_head(&question, database, error);
    return ducklake_take_head(&question, OK, head, error);
}

/* The lake's own columns, the first `own_count`, must be live as they were made, by id, name and
 * type. Bit i of *not_null is set if column i does not allow NULL. */
static enum error_code compare_columns(struct database *database, const struct ducklake_head *head,
                                       const struct catalog_table *table, size_t own_count,
                                       uint64_t *not_null, struct error *error)
{
    struct query query;
    *not_null = 0;
    query_prepare(&query, database,
                  "SELECT column_name, column_type, nulls_allowed FROM ducklake_column "
                  "WHERE table_id = ?1 AND column_id = ?2 AND end_snapshot IS NULL",
                  error);
    for (size_t i = 0; i < own_count && query_ok(&query); i++) {
        const struct catalog_column *column = &table->columns[i];
        query_bind(&query, BIND(sql_int(head->table_id), sql_int(column->id)));
        bool row = query_next(&query);
        const char *name = row ? query_text(&query, 0) : NULL;
        const char *type = row ? query_text(&query, 1) : NULL;
        if (query_ok(&query) && (name == NULL || strcmp(name, column->name) != 0 || type == NULL ||
                                 strcmp(type, column->type) != 0))
            query_check(
                &query,
                error_set(error, ERR_CONFLICT,
                          "catalog %s: the column %s (%s) of the table " DUCKLAKE_TABLE_NAME
                          " was changed to %s (%s): undo that in DuckDB before the lake gets "
                          "schema %s, or fetch into a new lake",
                          database->path, column->name, column->type,
                          name == NULL ? "nothing" : name, type == NULL ? "dropped" : type,
                          table->schema_version));
        if (query_ok(&query) && query_int(&query, 2) == 0)
            *not_null |= UINT64_C(1) << i;
    }
    return query_end(&query);
}

/* A column id of a table belongs to one column for ever: files and statistics name columns by it,
 * so that another column's values, even those of a dropped one, would be read as the new one's. */
static enum error_code refuse_taken_column(struct database *database,
                                           const struct ducklake_head *head,
                                           const struct catalog_table *table,
                                           const struct catalog_column *column, struct error *error)
{
    struct query query;
    query_begin(&query, database,
                "SELECT column_id, column_name, end_snapshot IS NULL FROM "
                "ducklake_column WHERE table_id = ?1 AND (column_id = ?2 OR "
                "(end_snapshot IS NULL AND parent_column IS NULL AND "
                "lower(column_name) = ?3)) UNION ALL SELECT column_id, NULL, FALSE FROM "
                "(SELECT column_id FROM ducklake_file_column_stats WHERE table_id = ?1 "
                "AND column_id = ?2 LIMIT 1) AS s LIMIT 1",
                BIND(sql_int(head->table_id), sql_int(column->id), sql_text(column->name)), error);
    if (query_next(&query)) {
        const char *name = query_text(&query, 1);
        query_check(
            &query,
            error_set(error, ERR_CONFLICT,
                      "catalog %s: schema %s needs the column %s with id %d, but another "
                      "program gave the table " DUCKLAKE_TABLE_NAME " a column \"%s\" with id "
                      "%" PRId64 "%s: go on with the schema version that the lake has, or fetch "
                      "into a new lake",
                      database->path, table->schema_version, column->name, column->id,
                      name == NULL ? "(its name is gone)" : name, query_int(&query, 0),
                      query_int(&query, 2) != 0
                          ? ""
                          : ", dropped since, whose values would be read as the new column's"));
    }
    return query_end(&query);
}

static enum error_code drop_not_null(struct database *database, const struct ducklake_head *next,
                                     const struct catalog_column *column, struct error *error)
{
    enum error_code code = database_run(
        database,
        "UPDATE ducklake_column SET end_snapshot = ?1 WHERE table_id = ?2 AND column_id = ?3 AND "
        "end_snapshot IS NULL",
        BIND(sql_int(next->snapshot_id), sql_int(next->table_id), sql_int(column->id)), error);
    return code == OK ? insert_column(database, next, column, true, error) : code;
}

enum error_code ducklake_evolve(struct database *database, struct ducklake_head *head,
                                const struct catalog_table *table, size_t own_count,
                                struct error *error)
{
    uint64_t not_null;
    char changes[48];
    assert(own_count <= table->column_count);
    enum error_code code = compare_columns(database, head, table, own_count, &not_null, error);
    for (size_t i = own_count; code == OK && i < table->column_count; i++)
        code = refuse_taken_column(database, head, table, &table->columns[i], error);
    if (code != OK)
        return code;
    snprintf(changes, sizeof changes, "altered_table:%lld", (long long)head->table_id);
    struct ducklake_change change = {changes, NULL, NULL};
    head->schema_version++;
    code = ducklake_add_snapshot(database, head, os_realtime_us(), &change, error);
    if (code == OK)
        code = insert_schema_version(database, head, error);
    for (size_t i = 0; code == OK && i < table->column_count; i++) {
        if (i >= own_count) /* older files lack it, so it reads as NULL there */
            code = insert_column(database, head, &table->columns[i], true, error);
        else if (table->columns[i].nullable && (not_null >> i & 1) != 0)
            code = drop_not_null(database, head, &table->columns[i], error);
    }
    return code;
}
