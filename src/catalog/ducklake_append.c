// SPDX-License-Identifier: Apache-2.0
/* ducklake_ask_state, ducklake_append_files: data files, their statistics, and the table's. */
#include <stdio.h>
#include <string.h>

#include "catalog/column_value.h"
#include "catalog/ducklake.h"
#include "database/query.h"
#include "database/row_insert.h"
#include "util/memory.h"

/* More columns than any version of ours has, with those a user may add. */
#define COLUMN_MAX 256

/* The table's statistics of one column, as they stand and as the new files change them. */
struct column_bounds {
    int64_t column_id;
    char *type;
    char *min_value, *max_value; /* NULL: none; owned */
    bool stored;                 /* there is a row of it */
    bool contains_null;
    bool unbounded; /* some file has values but no bounds */
    bool changed;   /* since it was read */
};

struct table_state {
    int64_t record_count, next_row_id, file_size_bytes;
    bool stored;
    size_t column_count;
    struct column_bounds columns[COLUMN_MAX];
};

static void table_state_release(struct table_state *state)
{
    for (size_t i = 0; i < state->column_count; i++) {
        mem_free(state->columns[i].type);
        mem_free(state->columns[i].min_value);
        mem_free(state->columns[i].max_value);
    }
    mem_free(state);
}

void ducklake_ask_state(struct ducklake_state_question *question, struct database *database,
                        int64_t table_id, int64_t partition_id, struct error *error)
{
    question->table_id = table_id;
    question->partition_id = partition_id;
    query_begin_ahead(&question->table, database,
                      "SELECT record_count, next_row_id, file_size_bytes FROM ducklake_table_stats "
                      "WHERE table_id = ?1",
                      BIND(sql_int(table_id)), error);
    query_begin_ahead(
        &question->columns, database,
        "SELECT c.column_id, c.column_type, s.column_id IS NOT NULL, s.contains_null, s.min_value, "
        "s.max_value, EXISTS(SELECT 1 FROM ttp_unbounded_columns u WHERE u.column_id = "
        "c.column_id) FROM ducklake_column c LEFT JOIN ducklake_table_column_stats s ON s.table_id "
        "= c.table_id AND s.column_id = c.column_id WHERE c.table_id = ?1 AND c.end_snapshot IS "
        "NULL AND c.parent_column IS NULL",
        BIND(sql_int(table_id)), error);
    /* A user may have partitioned the table in another way since: our values would be wrong then.
     */
    query_begin_ahead(
        &question->partition, database,
        "SELECT 1 FROM ducklake_partition_info WHERE partition_id = ?1 AND table_id = "
        "?2 AND end_snapshot IS NULL",
        BIND(sql_int(partition_id), sql_int(table_id)), error);
}

static enum error_code take_table(struct query *query, struct table_state *state)
{
    if (query_next(query)) {
        state->stored = true;
        state->record_count = query_counter(query, 0);
        state->next_row_id = query_counter(query, 1);
        state->file_size_bytes = query_counter(query, 2);
    }
    return query_end(query);
}

static void take_column(struct query *query, struct table_state *state, struct error *error)
{
    struct column_bounds *column = &state->columns[state->column_count++];
    *column = (struct column_bounds){.column_id = query_int(query, 0),
                                     .type = query_copy_text(query, 1),
                                     .stored = query_int(query, 2) != 0,
                                     .contains_null = query_int(query, 3) != 0,
                                     .min_value = query_copy_text(query, 4),
                                     .max_value = query_copy_text(query, 5),
                                     .unbounded = query_int(query, 6) != 0};
    if (query_ok(query) && column->type == NULL)
        query_check(query,
                    error_set(error, ERR_CORRUPT, "catalog %s is damaged: column %lld has no type",
                              query->database->path, (long long)column->column_id));
    if (!column->stored) /* older files lack the column: it is NULL in their rows */
        column->contains_null = state->record_count > 0;
    column->changed = !column->stored;
}

static enum error_code take_columns(struct query *query, struct table_state *state,
                                    struct error *error)
{
    while (query_next(query)) {
        if (state->column_count == COLUMN_MAX) {
            query_check(query, error_set(error, ERR_LIMIT,
                                         "catalog %s: the table has more than %d columns",
                                         query->database->path, COLUMN_MAX));
            break;
        }
        take_column(query, state, error);
    }
    return query_end(query);
}

/* After a failure before, `state` may be NULL. */
static enum error_code take_state(struct ducklake_state_question *question, enum error_code before,
                                  struct table_state *state, int64_t *partition_id,
                                  struct error *error)
{
    query_check(&question->table, before);
    query_check(&question->columns, take_table(&question->table, state));
    query_check(&question->partition, take_columns(&question->columns, state, error));
    *partition_id = query_next(&question->partition) ? question->partition_id : 0;
    return query_end(&question->partition);
}

/* Widens *bound to `value`: down where `sign` is -1, up where it is 1. Texts that are not values of
 * the type leave no bound. */
static enum error_code widen(struct column_bounds *column, char **bound, const char *value,
                             int sign, bool *comparable)
{
    int order = 0;
    *comparable = true;
    if (*bound != NULL && !column_value_compare(column->type, value, *bound, &order)) {
        *comparable = false;
        return OK;
    }
    if (*bound != NULL && order * sign <= 0)
        return OK;
    char *copy = mem_copy_text(value);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    mem_free(*bound);
    *bound = copy;
    column->changed = true;
    return OK;
}

static void set(struct column_bounds *column, bool *flag)
{
    column->changed = column->changed || !*flag;
    *flag = true;
}

static enum error_code merge_column(struct column_bounds *column,
                                    const struct catalog_column_statistics *statistics,
                                    struct error *error)
{
    if (statistics->null_count > 0)
        set(column, &column->contains_null);
    if (statistics->value_count == 0)
        return OK;
    bool low = true, high = true;
    if (statistics->min_value == NULL || statistics->max_value == NULL)
        set(column, &column->unbounded);
    if (!column->unbounded &&
        (widen(column, &column->min_value, statistics->min_value, -1, &low) != OK ||
         widen(column, &column->max_value, statistics->max_value, 1, &high) != OK))
        return error_no_memory(error, "the table's statistics");
    if (!low || !high)
        set(column, &column->unbounded);
    return OK;
}

/* A column that a file has no statistics for is NULL or unknown in all its rows. */
static enum error_code merge_file(struct table_state *state, const struct catalog_file *file,
                                  struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < state->column_count; i++) {
        const struct catalog_column_statistics *found = NULL;
        for (size_t k = 0; k < file->statistics_count; k++)
            if (file->statistics[k].column_id == state->columns[i].column_id)
                found = &file->statistics[k];
        if (found != NULL)
            code = merge_column(&state->columns[i], found, error);
        else
            set(&state->columns[i], &state->columns[i].contains_null);
    }
    state->record_count += file->record_count;
    state->next_row_id += file->record_count;
    state->file_size_bytes += file->file_size_bytes;
    return code;
}

static enum error_code store_column(struct database *database, int64_t table_id,
                                    const struct column_bounds *column, struct error *error)
{
    enum error_code code = database_run(
        database,
        column->stored
            ? "UPDATE ducklake_table_column_stats SET contains_null = ?3, min_value = ?4, "
              "max_value = ?5 WHERE table_id = ?1 AND column_id = ?2"
            : "INSERT INTO ducklake_table_column_stats VALUES(?1,?2,?3,NULL,?4,?5,NULL)",
        BIND(sql_int(table_id), sql_int(column->column_id), sql_bool(column->contains_null),
             sql_text(column->unbounded ? NULL : column->min_value),
             sql_text(column->unbounded ? NULL : column->max_value)),
        error);
    if (code == OK && column->unbounded)
        code = database_run(database,
                            "INSERT INTO ttp_unbounded_columns VALUES(?1) ON CONFLICT DO NOTHING",
                            BIND(sql_int(column->column_id)), error);
    return code;
}

static enum error_code store_table_state(struct database *database, int64_t table_id,
                                         const struct table_state *state, struct error *error)
{
    enum error_code code = database_run(
        database,
        state->stored ? "UPDATE ducklake_table_stats SET record_count = ?2, next_row_id = ?3, "
                        "file_size_bytes = ?4 WHERE table_id = ?1"
                      : "INSERT INTO ducklake_table_stats VALUES(?1,?2,?3,?4)",
        BIND(sql_int(table_id), sql_int(state->record_count), sql_int(state->next_row_id),
             sql_int(state->file_size_bytes)),
        error);
    for (size_t i = 0; code == OK && i < state->column_count; i++)
        if (state->columns[i].changed)
            code = store_column(database, table_id, &state->columns[i], error);
    return code;
}

static enum error_code insert_data_file(struct database *database, const struct ducklake_head *head,
                                        int64_t data_file_id, int64_t partition_id,
                                        int64_t row_id_start, const struct catalog_file *file,
                                        struct error *error)
{
    return database_run(database,
                        "INSERT INTO ducklake_data_file "
                        "VALUES(?,?,?,NULL,NULL,?,TRUE,'parquet',?,?,?,?,?,NULL,NULL,"
                        "NULL)",
                        BIND(sql_int(data_file_id), sql_int(head->table_id),
                             sql_int(head->snapshot_id + 1), sql_text(file->path),
                             sql_int(file->record_count), sql_int(file->file_size_bytes),
                             sql_int(file->footer_size_bytes), sql_int(row_id_start),
                             sql_int_unless_zero(partition_id)),
                        error);
}

static enum error_code insert_partition_values(struct database *database, int64_t table_id,
                                               int64_t data_file_id,
                                               const struct catalog_file *file, struct error *error)
{
    struct row_insert insert;
    row_insert_begin(&insert, database, "ducklake_file_partition_value", 4, "", error);
    for (int i = 0; i < CATALOG_PARTITION_MAX && file->partition_values[i] != NULL; i++)
        row_insert_add(&insert, BIND(sql_int(data_file_id), sql_int(table_id), sql_int(i),
                                     sql_text(file->partition_values[i])));
    return row_insert_end(&insert);
}

static enum error_code insert_file_statistics(struct database *database, int64_t table_id,
                                              int64_t data_file_id, const struct catalog_file *file,
                                              struct error *error)
{
    struct row_insert insert;
    row_insert_begin(&insert, database, "ducklake_file_column_stats", 8, ",NULL,NULL", error);
    for (size_t i = 0; i < file->statistics_count; i++) {
        const struct catalog_column_statistics *column = &file->statistics[i];
        row_insert_add(&insert, BIND(sql_int(data_file_id), sql_int(table_id),
                                     sql_int(column->column_id), sql_int(column->column_size_bytes),
                                     sql_int(column->value_count), sql_int(column->null_count),
                                     sql_text(column->min_value), sql_text(column->max_value)));
    }
    return row_insert_end(&insert);
}

enum error_code ducklake_append_files(struct ducklake_state_question *question,
                                      enum error_code before, struct ducklake_head *head,
                                      const struct catalog_file *files, size_t file_count,
                                      int64_t *data_file_ids, struct error *error)
{
    struct database *database = question->table.database;
    int64_t partition_id = 0;
    struct table_state *state = mem_alloc_zero(1, sizeof *state);
    if (before == OK && state == NULL)
        before = error_no_memory(error, "the table's statistics");
    enum error_code code = take_state(question, before, state, &partition_id, error);
    if (code == OK && head->table_id != question->table_id)
        code = error_set(error, ERR_CONFLICT,
                         "catalog %s: the lake's table has another table_id than when it was "
                         "opened: start again",
                         database->path);
    for (size_t i = 0; code == OK && i < file_count; i++) {
        int64_t id = head->next_file_id++;
        data_file_ids[i] = id;
        code = insert_data_file(database, head, id, partition_id, state->next_row_id, &files[i],
                                error);
        if (code == OK && partition_id != 0)
            code = insert_partition_values(database, head->table_id, id, &files[i], error);
        if (code == OK)
            code = insert_file_statistics(database, head->table_id, id, &files[i], error);
        if (code == OK)
            code = merge_file(state, &files[i], error);
    }
    if (code == OK)
        code = store_table_state(database, head->table_id, state, error);
    if (state != NULL)
        table_state_release(state);
    return code;
}
