// SPDX-License-Identifier: Apache-2.0
#include "catalog/ducklake.h"

#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/identity.h"
#include "util/text.h"

#define TABLE_ID 1

static enum error_code insert_snapshot(struct database *database, const struct ducklake_head *head,
                                       struct error *error)
{
    struct statement statement;
    char time[TEXT_TIME_BYTES];
    text_timestamptz(head->snapshot_us, time);
    enum error_code code = statement_prepare(
        &statement, database, "INSERT INTO ducklake_snapshot VALUES(?,?,?,?,?)", error);
    if (code == OK) {
        statement_bind_int(&statement, 1, head->snapshot_id);
        statement_bind_text(&statement, 2, time);
        statement_bind_int(&statement, 3, head->schema_version);
        statement_bind_int(&statement, 4, head->next_catalog_id);
        statement_bind_int(&statement, 5, head->next_file_id);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

static enum error_code insert_change(struct database *database, int64_t snapshot_id,
                                     const struct ducklake_change *change, struct error *error)
{
    struct statement statement;
    enum error_code code = statement_prepare(
        &statement, database, "INSERT INTO ducklake_snapshot_changes VALUES(?,?,NULL,?,?)", error);
    if (code == OK) {
        statement_bind_int(&statement, 1, snapshot_id);
        statement_bind_text(&statement, 2, change->changes_made);
        statement_bind_text(&statement, 3, change->message);
        statement_bind_text(&statement, 4, change->extra_info);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
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
    const char *const rows[][2] = {{"version", "1.0"},
                                   {"created_by", options->created_by},
                                   {"data_path", options->data_path},
                                   {"encrypted", "false"}};
    struct statement statement;
    enum error_code code = statement_prepare(
        &statement, database, "INSERT INTO ducklake_metadata VALUES(?,?,NULL,NULL)", error);
    for (size_t i = 0; code == OK && i < sizeof rows / sizeof *rows; i++) {
        statement_bind_text(&statement, 1, rows[i][0]);
        statement_bind_text(&statement, 2, rows[i][1]);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

/* A row of `table` with a fresh UUID in it; `sql` has one parameter for it. */
static enum error_code insert_with_uuid(struct database *database, const char *sql,
                                        struct error *error)
{
    struct statement statement;
    char uuid[OS_UUID_BYTES];
    enum error_code code = os_uuid(uuid, error);
    if (code != OK)
        return code;
    code = statement_prepare(&statement, database, sql, error);
    if (code == OK) {
        statement_bind_text(&statement, 1, uuid);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

static enum error_code insert_column(struct database *database, int64_t snapshot_id,
                                     int64_t table_id, const struct catalog_column *column,
                                     bool nullable, struct error *error)
{
    struct statement statement;
    enum error_code code =
        statement_prepare(&statement, database,
                          "INSERT INTO ducklake_column "
                          "VALUES(?1,?2,NULL,?3,?1,?4,?5,NULL,'NULL',?6,NULL,'literal','duckdb')",
                          error);
    if (code == OK) {
        statement_bind_int(&statement, 1, column->id);
        statement_bind_int(&statement, 2, snapshot_id);
        statement_bind_int(&statement, 3, table_id);
        statement_bind_text(&statement, 4, column->name);
        statement_bind_text(&statement, 5, column->type);
        statement_bind_int(&statement, 6, nullable);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

static enum error_code insert_schema_version(struct database *database,
                                             const struct ducklake_head *head, struct error *error)
{
    struct statement statement;
    enum error_code code = statement_prepare(
        &statement, database, "INSERT INTO ducklake_schema_versions VALUES(?,?,?)", error);
    if (code == OK) {
        statement_bind_int(&statement, 1, head->snapshot_id);
        statement_bind_int(&statement, 2, head->schema_version);
        statement_bind_int(&statement, 3, head->table_id);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

static enum error_code create_table(struct database *database, struct ducklake_head *head,
                                    const struct catalog_table *table, int64_t now_us,
                                    struct error *error)
{
    head->schema_version++;
    head->next_catalog_id++;
    head->table_id = TABLE_ID;
    struct ducklake_change change = {"created_table:\"main\".\"" DUCKLAKE_TABLE_NAME "\"", NULL,
                                     NULL};
    enum error_code code = ducklake_add_snapshot(database, head, now_us, &change, error);
    if (code == OK)
        code = insert_with_uuid(
            database,
            "INSERT INTO ducklake_table VALUES(1,?,1,NULL,0,'" DUCKLAKE_TABLE_NAME "','',1)",
            error);
    if (code == OK)
        code = insert_schema_version(database, head, error);
    for (size_t i = 0; code == OK && i < table->column_count; i++)
        code = insert_column(database, head->snapshot_id, head->table_id, &table->columns[i],
                             table->columns[i].nullable, error);
    return code;
}

static enum error_code insert_partition_column(struct database *database, int64_t partition_id,
                                               size_t index,
                                               const struct catalog_partition_column *column,
                                               struct error *error)
{
    struct statement statement;
    enum error_code code = statement_prepare(
        &statement, database, "INSERT INTO ducklake_partition_column VALUES(?,?,?,?,?)", error);
    if (code == OK) {
        statement_bind_int(&statement, 1, partition_id);
        statement_bind_int(&statement, 2, TABLE_ID);
        statement_bind_int(&statement, 3, (int64_t)index);
        statement_bind_int(&statement, 4, column->column_id);
        statement_bind_text(&statement, 5, column->transform);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
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
    struct statement statement = {0};
    if (code == OK)
        code = statement_prepare(&statement, database,
                                 "INSERT INTO ducklake_partition_info VALUES(?,?,?,NULL)", error);
    if (code == OK) {
        statement_bind_int(&statement, 1, *partition_id);
        statement_bind_int(&statement, 2, TABLE_ID);
        statement_bind_int(&statement, 3, head->snapshot_id);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    for (size_t i = 0; code == OK && i < table->partition_count; i++)
        code = insert_partition_column(database, *partition_id, i, &table->partitions[i], error);
    return code;
}

enum error_code ducklake_create(struct database *database,
                                const struct catalog_create_options *options, int64_t *partition_id,
                                struct error *error)
{
    int64_t now_us = os_realtime_us();
    struct ducklake_head head = {.snapshot_us = now_us, .next_catalog_id = 1};
    struct ducklake_change change = {"created_schema:\"main\"", NULL, NULL};
    *partition_id = 0;
    enum error_code code = insert_metadata(database, options, error);
    if (code == OK)
        code = insert_snapshot(database, &head, error);
    if (code == OK)
        code = insert_change(database, head.snapshot_id, &change, error);
    if (code == OK) /* an empty path: files lie directly under data_path */
        code = insert_with_uuid(
            database, "INSERT INTO ducklake_schema VALUES(0,?,0,NULL,'main','',1)", error);
    if (code == OK)
        code = create_table(database, &head, options->table, now_us, error);
    if (code == OK && options->table->partition_count > 0)
        code = create_partitioning(database, &head, options->table, now_us, partition_id, error);
    return code;
}

static enum error_code read_table_id(struct database *database, struct ducklake_head *head,
                                     struct error *error)
{
    bool found;
    enum error_code code = database_query_int(
        database,
        "SELECT table_id FROM ducklake_table WHERE table_name = '" DUCKLAKE_TABLE_NAME "' "
        "AND schema_id = 0 AND end_snapshot IS NULL",
        &head->table_id, &found, error);
    if (code == OK && !found)
        code = error_set(error, ERR_CONFLICT,
                         "catalog %s: the table " DUCKLAKE_TABLE_NAME " was dropped or renamed; "
                         "undo that in DuckDB, or restore the catalog from a backup",
                         database->path);
    return code;
}

enum error_code ducklake_read_head(struct database *database, struct ducklake_head *head,
                                   struct error *error)
{
    struct statement statement;
    bool row = false;
    enum error_code code = statement_prepare(
        &statement, database,
        "SELECT snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id "
        "FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1",
        error);
    if (code == OK)
        code = statement_step(&statement, &row, error);
    if (code == OK) {
        const char *time = row ? statement_text(&statement, 1) : NULL;
        if (time == NULL || !text_parse_rfc3339(bytes_view_text(time), &head->snapshot_us))
            code = error_set(error, ERR_CORRUPT, "catalog %s has no readable newest snapshot",
                             database->path);
    }
    if (code == OK)
        code = statement_counter(&statement, 0, &head->snapshot_id, error);
    if (code == OK)
        code = statement_counter(&statement, 2, &head->schema_version, error);
    if (code == OK)
        code = statement_counter(&statement, 3, &head->next_catalog_id, error);
    if (code == OK)
        code = statement_counter(&statement, 4, &head->next_file_id, error);
    statement_release(&statement);
    return code == OK ? read_table_id(database, head, error) : code;
}

/* The live columns must be the first of the wanted ones, by id, name and type; *count gets how many
 * there are. Bit i of *not_null is set if column i does not allow NULL. */
static enum error_code compare_columns(struct database *database, const struct ducklake_head *head,
                                       const struct catalog_table *table, size_t *count,
                                       uint64_t *not_null, struct error *error)
{
    struct statement statement;
    bool row = false;
    *count = 0;
    *not_null = 0;
    enum error_code code =
        statement_prepare(&statement, database,
                          "SELECT column_id, column_name, column_type, nulls_allowed FROM "
                          "ducklake_column WHERE table_id = ? AND end_snapshot IS NULL "
                          "ORDER BY column_id",
                          error);
    if (code == OK)
        statement_bind_int(&statement, 1, head->table_id);
    while (code == OK && (code = statement_step(&statement, &row, error)) == OK && row) {
        const char *name = statement_text(&statement, 1);
        const char *type = statement_text(&statement, 2);
        size_t i = (*count)++;
        if (i >= table->column_count || statement_int(&statement, 0) != table->columns[i].id ||
            name == NULL || strcmp(name, table->columns[i].name) != 0 || type == NULL ||
            strcmp(type, table->columns[i].type) != 0)
            code = error_set(error, ERR_CONFLICT,
                             "catalog %s: the table " DUCKLAKE_TABLE_NAME " has a column \"%s\" "
                             "that schema %s does not have there; drop it in DuckDB "
                             "(ALTER TABLE … DROP COLUMN is not enough if it took a column id of "
                             "ours) or start a new lake",
                             database->path, name == NULL ? "" : name, table->schema_version);
        else if (statement_int(&statement, 3) == 0)
            *not_null |= UINT64_C(1) << i;
    }
    statement_release(&statement);
    return code;
}

static enum error_code drop_not_null(struct database *database, const struct ducklake_head *next,
                                     const struct catalog_column *column, struct error *error)
{
    struct statement statement;
    enum error_code code =
        statement_prepare(&statement, database,
                          "UPDATE ducklake_column SET end_snapshot = ? WHERE table_id = ? AND "
                          "column_id = ? AND end_snapshot IS NULL",
                          error);
    if (code == OK) {
        statement_bind_int(&statement, 1, next->snapshot_id);
        statement_bind_int(&statement, 2, next->table_id);
        statement_bind_int(&statement, 3, column->id);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    if (code != OK)
        return code;
    return insert_column(database, next->snapshot_id, next->table_id, column, true, error);
}

enum error_code ducklake_evolve(struct database *database, struct ducklake_head *head,
                                const struct catalog_table *table, struct error *error)
{
    size_t live_count;
    uint64_t not_null;
    char changes[48];
    enum error_code code = compare_columns(database, head, table, &live_count, &not_null, error);
    if (code != OK)
        return code;
    snprintf(changes, sizeof changes, "altered_table:%lld", (long long)head->table_id);
    struct ducklake_change change = {changes, NULL, NULL};
    head->schema_version++;
    code = ducklake_add_snapshot(database, head, os_realtime_us(), &change, error);
    if (code == OK)
        code = insert_schema_version(database, head, error);
    for (size_t i = 0; code == OK && i < table->column_count; i++) {
        if (i >= live_count) /* older files lack it, so it reads as NULL there */
            code = insert_column(database, head->snapshot_id, head->table_id, &table->columns[i],
                                 true, error);
        else if (table->columns[i].nullable && (not_null >> i & 1) != 0)
            code = drop_not_null(database, head, &table->columns[i], error);
    }
    return code;
}
