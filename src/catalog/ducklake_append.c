// SPDX-License-Identifier: Apache-2.0
/* ducklake_append_files: data files, their statistics, and the table's. */
#include <stdio.h>
#include <string.h>

#include "catalog/column_value.h"
#include "catalog/ducklake.h"
#include "catalog/query.h"
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

static enum error_code load_table_stats(struct database *database, int64_t table_id,
                                        struct table_state *state, struct error *error)
{
    struct query query;
    query_begin(&query, database,
                "SELECT record_count, next_row_id, file_size_bytes FROM ducklake_table_stats WHERE "
                "table_id = ?1",
                BIND(sql_int(table_id)), error);
    state->stored = query_next(&query);
    if (state->stored) {
        state->record_count = query_counter(&query, 0);
        state->next_row_id = query_counter(&query, 1);
        state->file_size_bytes = query_counter(&query, 2);
    }
    return query_end(&query);
}

static enum error_code load_columns(struct database *database, int64_t table_id,
                                    struct table_state *state, struct error *error)
{
    struct query query;
    query_begin(
        &query, database,
        "SELECT c.column_id, c.column_type, s.column_id IS NOT NULL, s.contains_null, s.min_value, "
        "s.max_value, EXISTS(SELECT 1 FROM ttp_unbounded_columns u WHERE u.column_id = "
        "c.column_id) FROM ducklake_column c LEFT JOIN ducklake_table_column_stats s ON s.table_id "
        "= c.table_id AND s.column_id = c.column_id WHERE c.table_id = ?1 AND c.end_snapshot IS "
        "NULL AND c.parent_column IS NULL",
        BIND(sql_int(table_id)), error);
    while (query_next(&query)) {
        if (state->column_count == COLUMN_MAX) {
            query_check(&query, error_set(error, ERR_LIMIT,
                                          "catalog %s: the table has more than %d columns",
                                          database->path, COLUMN_MAX));
            break;
        }
        struct column_bounds *column = &state->columns[state->column_count++];
        *column = (struct column_bounds){.column_id = query_int(&query, 0),
                                         .type = query_copy_text(&query, 1),
                                         .stored = query_int(&query, 2) != 0,
                                         .contains_null = query_int(&query, 3) != 0,
                                         .min_value = query_copy_text(&query, 4),
                                         .max_value = query_copy_text(&query, 5),
                                         .unbounded = query_int(&query, 6) != 0};
        if (query_ok(&query) && column->type == NULL)
            query_check(&query, error_set(error, ERR_CORRUPT,
                                          "catalog %s is damaged: column %lld has no type",
                                          database->path, (long long)column->column_id));
        if (!column->stored) /* older files lack the column: it is NULL in their rows */
            column->contains_null = state->record_count > 0;
    }
    return query_end(&query);
}

/* Widens *bound to `value`: down where `sign` is -1, up where it is 1. Texts that are not values of
 * the type leave no bound. */
static enum error_code widen(const char *type, char **bound, const char *value, int sign,
                             bool *comparable)
{
    int order = 0;
    *comparable = true;
    if (*bound != NULL && !column_value_compare(type, value, *bound, &order)) {
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
    return OK;
}

static enum error_code merge_column(struct column_bounds *column,
                                    const struct catalog_column_statistics *statistics,
                                    struct error *error)
{
    if (statistics->null_count > 0)
        column->contains_null = true;
    if (statistics->value_count == 0)
        return OK;
    bool low = true, high = true;
    if (statistics->min_value == NULL || statistics->max_value == NULL)
        column->unbounded = true;
    if (!column->unbounded &&
        (widen(column->type, &column->min_value, statistics->min_value, -1, &low) != OK ||
         widen(column->type, &column->max_value, statistics->max_value, 1, &high) != OK))
        return error_no_memory(error, "the table's statistics");
    if (!low || !high)
        column->unbounded = true;
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
            state->columns[i].contains_null = true;
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
    struct query query;
    query_prepare(&query, database, "INSERT INTO ducklake_file_partition_value VALUES(?,?,?,?)",
                  error);
    for (int i = 0; i < CATALOG_PARTITION_MAX && file->partition_values[i] != NULL; i++)
        query_run(&query, BIND(sql_int(data_file_id), sql_int(table_id), sql_int(i),
                               sql_text(file->partition_values[i])));
    return query_end(&query);
}

static enum error_code insert_file_statistics(struct database *database, int64_t table_id,
                                              int64_t data_file_id, const struct catalog_file *file,
                                              struct error *error)
{
    struct query query;
    query_prepare(&query, database,
                  "INSERT INTO ducklake_file_column_stats VALUES(?,?,?,?,?,?,?,?,NULL,NULL)",
                  error);
    for (size_t i = 0; i < file->statistics_count; i++) {
        const struct catalog_column_statistics *column = &file->statistics[i];
        query_run(&query, BIND(sql_int(data_file_id), sql_int(table_id), sql_int(column->column_id),
                               sql_int(column->column_size_bytes), sql_int(column->value_count),
                               sql_int(column->null_count), sql_text(column->min_value),
                               sql_text(column->max_value)));
    }
    return query_end(&query);
}

/* A user may have partitioned the table in another way since: our values would be wrong then. */
static enum error_code live_partition(struct database *database, int64_t table_id,
                                      int64_t *partition_id, struct error *error)
{
    bool live = false;
    enum error_code code =
        database_has(database,
                     "SELECT 1 FROM ducklake_partition_info WHERE partition_id = ?1 AND table_id = "
                     "?2 AND end_snapshot IS NULL",
                     BIND(sql_int(*partition_id), sql_int(table_id)), &live, error);
    if (!live)
        *partition_id = 0;
    return code;
}

enum error_code ducklake_append_files(struct database *database, struct ducklake_head *head,
                                      int64_t partition_id, const struct catalog_file *files,
                                      size_t file_count, int64_t *data_file_ids,
                                      struct error *error)
{
    struct table_state *state = mem_alloc_zero(1, sizeof *state);
    if (state == NULL)
        return error_no_memory(error, "the table's statistics");
    enum error_code code = load_table_stats(database, head->table_id, state, error);
    if (code == OK)
        code = load_columns(database, head->table_id, state, error);
    if (code == OK)
        code = live_partition(database, head->table_id, &partition_id, error);
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
    table_state_release(state);
    return code;
}
