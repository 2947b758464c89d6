// SPDX-License-Identifier: Apache-2.0
#include "catalog/expiry_apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalog/doomed_list.h"
#include "catalog/inlined.h"
#include "database/query.h"
#include "catalog/tables.h"
#include "os/clock.h"
#include "util/memory.h"
#include "util/text.h"

#define SQL_BYTES 256
/* Ids in one statement, which may have a MiB (database/guard.c): each takes 21 bytes at most. */
#define IDS_MAX 20000

/* ---- rows by their ids ---- */

/* "DELETE … IN (1,2)": `count` of the list's ids from `first` on; items are `stride` bytes, the id
 * first. */
static enum error_code write_delete(struct buffer *out, const char *table, const char *column,
                                    const struct buffer *list, size_t stride, size_t first,
                                    size_t count, struct error *error)
{
    buffer_reset(out);
    enum error_code code = buffer_append_format(out, "DELETE FROM %s WHERE %s IN ", table, column);
    for (size_t i = first; code == OK && i < first + count; i++) {
        int64_t id;
        memcpy(&id, list->data + i * stride, sizeof id);
        code = buffer_append_format(out, "%c%" PRId64, i == first ? '(' : ',', id);
    }
    if (code == OK)
        code = buffer_append(out, ")", sizeof ")");
    return code == OK ? OK : error_no_memory(error, "what expires");
}

/* DELETE FROM each table WHERE its column is one of the ids. */
static enum error_code delete_rows(struct database *database, const char *const *tables,
                                   size_t table_count, const char *column,
                                   const struct buffer *list, size_t stride, struct error *error)
{
    struct buffer sql;
    size_t total = list->size_bytes / stride;
    enum error_code code = OK;
    buffer_init(&sql);
    for (size_t first = 0; code == OK && first < total; first += IDS_MAX) {
        size_t count = total - first < IDS_MAX ? total - first : IDS_MAX;
        for (size_t i = 0; code == OK && i < table_count; i++) {
            code = write_delete(&sql, tables[i], column, list, stride, first, count, error);
            if (code == OK)
                code = database_run(database, (const char *)sql.data, NO_VALUES, error);
        }
    }
    buffer_release(&sql);
    return code;
}

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static enum error_code delete_snapshots(const struct expiry_plan *plan, struct error *error)
{
    static const char *const tables[] = {"ducklake_snapshot", "ducklake_snapshot_changes"};
    return delete_rows(plan->database, tables, COUNT_OF(tables), "snapshot_id", &plan->ending,
                       sizeof(int64_t), error);
}

static enum error_code delete_files(const struct expiry_plan *plan, struct error *error)
{
    static const char *const of_data[] = {"ducklake_data_file", "ducklake_file_column_stats",
                                          "ducklake_file_variant_stats",
                                          "ducklake_file_partition_value"};
    static const char *const of_deletes[] = {"ducklake_delete_file"};
    static const char *const of_commits[] = {"ttp_file_commits"};
    bool there = false;
    enum error_code code = delete_rows(plan->database, of_data, COUNT_OF(of_data), "data_file_id",
                                       &plan->files, sizeof(struct expiry_file), error);
    if (code == OK)
        code = delete_rows(plan->database, of_deletes, COUNT_OF(of_deletes), "delete_file_id",
                           &plan->deletes, sizeof(struct expiry_file), error);
    if (code == OK)
        code = database_has_table(plan->database, of_commits[0], &there, error);
    return code == OK && there
               ? delete_rows(plan->database, of_commits, COUNT_OF(of_commits), "data_file_id",
                             &plan->files, sizeof(struct expiry_file), error)
               : code;
}

/* ---- files that are DuckDB's to clean up ---- */

/* As DuckDB lists them: relative to data_path where they lie below it, and each once. */
static enum error_code schedule(struct expiry_plan *plan, const struct buffer *files,
                                const char *data_path, const char *now, struct error *error)
{
    struct query query;
    size_t length = strlen(data_path);
    query_prepare(&query, plan->database,
                  "INSERT INTO ducklake_files_scheduled_for_deletion SELECT ?1, ?2, ?3, ?4 WHERE "
                  "NOT EXISTS (SELECT 1 FROM ducklake_files_scheduled_for_deletion WHERE path = ?2 "
                  "AND path_is_relative = ?3)",
                  error);
    for (size_t i = 0; i < LIST_COUNT(files, struct expiry_file); i++) {
        const struct expiry_file *file = LIST_AT(files, struct expiry_file, i);
        bool is_below = file->is_absolute && strncmp(file->path, data_path, length) == 0;
        if (!file->is_own)
            query_run(&query,
                      BIND(sql_int(file->id), sql_text(is_below ? file->path + length : file->path),
                           sql_bool(is_below || !file->is_absolute), sql_text(now)));
    }
    return query_end(&query);
}

static enum error_code schedule_all(struct expiry_plan *plan, struct error *error)
{
    char now[TEXT_TIME_BYTES];
    char *data_path = NULL;
    text_timestamptz(os_realtime_us(), now);
    enum error_code code = database_query_text(
        plan->database, "SELECT \"value\" FROM ducklake_metadata WHERE \"key\" = 'data_path'",
        NO_VALUES, &data_path, error);
    if (code == OK && data_path == NULL)
        code = error_set(error, ERR_CORRUPT, "catalog %s has no data_path", plan->database->path);
    if (code == OK)
        code = schedule(plan, &plan->files, data_path, now, error);
    if (code == OK)
        code = schedule(plan, &plan->deletes, data_path, now, error);
    mem_free(data_path);
    return code;
}

/* ---- tables, and the rest of it ---- */

static enum error_code note_name(void *context, const char *name, bool has_ledgers,
                                 struct error *error)
{
    struct buffer *names = context;
    (void)has_ledgers;
    return buffer_append(names, name, strlen(name) + 1) == OK
               ? OK
               : error_no_memory(error, "the tables that expire");
}

/* What lies in the catalog itself of a table's rows and deletes. */
static enum error_code drop_inlined(struct database *database, int64_t table_id,
                                    struct error *error)
{
    char name[INLINED_NAME_BYTES], sql[SQL_BYTES];
    struct buffer names;
    buffer_init(&names);
    enum error_code code = inlined_each_table(database, table_id, note_name, &names, error);
    if (code == OK)
        code = inlined_delete_table(database, table_id, name, error);
    if (code == OK && name[0] != '\0')
        code = note_name(&names, name, false, error);
    for (size_t at = 0; code == OK && at < names.size_bytes;) {
        const char *one = (const char *)names.data + at;
        snprintf(sql, sizeof sql, "DROP TABLE \"%s\"", one);
        code = database_execute(database, sql, error);
        at += strlen(one) + 1;
    }
    buffer_release(&names);
    return code;
}

static enum error_code delete_tables(const struct expiry_plan *plan, struct error *error)
{
    static const char *const tables[] = {
        "ducklake_table",           "ducklake_table_stats",         "ducklake_table_column_stats",
        "ducklake_partition_info",  "ducklake_partition_column",    "ducklake_column",
        "ducklake_column_tag",      "ducklake_sort_info",           "ducklake_sort_expression",
        "ducklake_schema_versions", "ducklake_inlined_data_tables", "ducklake_column_mapping"};
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&plan->tables, int64_t); i++)
        code = drop_inlined(plan->database, *LIST_AT(&plan->tables, int64_t, i), error);
    return code == OK ? delete_rows(plan->database, tables, COUNT_OF(tables), "table_id",
                                    &plan->tables, sizeof(int64_t), error)
                      : code;
}

/* Schemas, views, tags and macros that ended, and what hung on tables and macros that are gone. */
#define DELETE_ENDED(table)                                                                        \
    "DELETE FROM " table " WHERE end_snapshot IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "          \
    "ducklake_snapshot s WHERE s.snapshot_id >= " table ".begin_snapshot AND s.snapshot_id < "     \
    "" table ".end_snapshot);"
#define DELETE_ORPHANS(table, key, of)                                                             \
    "DELETE FROM " table " WHERE NOT EXISTS (SELECT 1 FROM " of " o WHERE o." key " = " table      \
    "." key ");"

static enum error_code delete_ended_objects(const struct expiry_plan *plan, struct error *error)
{
    return database_execute(
        plan->database,
        DELETE_ENDED("ducklake_schema") DELETE_ENDED("ducklake_view") DELETE_ENDED("ducklake_tag")
            DELETE_ENDED("ducklake_macro")
                DELETE_ORPHANS("ducklake_macro_impl", "macro_id", "ducklake_macro")
                    DELETE_ORPHANS("ducklake_macro_parameters", "macro_id", "ducklake_macro")
                        DELETE_ORPHANS("ducklake_name_mapping", "mapping_id",
                                       "ducklake_column_mapping"),
        error);
}

/* ---- the lake's own files ---- */

static enum error_code doom(const struct expiry_plan *plan, struct error *error)
{
    struct query query;
    enum error_code code = doomed_list(plan->database, (const void *)plan->doomed.data,
                                       LIST_COUNT(&plan->doomed, struct catalog_doomed), error);
    if (code == OK && plan->has_aside)
        code = database_run(plan->database,
                            "DELETE FROM ttp_set_aside WHERE snapshot_id <= ?1 AND "
                            "kept_path <> ''",
                            BIND(sql_int(plan->oldest_snapshot)), error);
    if (code != OK || plan->unlisted.size_bytes == 0)
        return code;
    query_prepare(&query, plan->database, "DELETE FROM ttp_retired WHERE path = ?1", error);
    for (size_t i = 0; i < LIST_COUNT(&plan->unlisted, const char *); i++)
        query_run(&query, BIND(sql_text(*LIST_AT(&plan->unlisted, const char *, i))));
    return query_end(&query);
}

enum error_code expiry_apply(struct expiry_plan *plan, struct error *error)
{
    enum error_code code = delete_snapshots(plan, error);
    if (code == OK)
        code = delete_files(plan, error);
    if (code == OK)
        code = schedule_all(plan, error);
    if (code == OK)
        code = delete_tables(plan, error);
    if (code == OK)
        code = delete_ended_objects(plan, error);
    return code == OK ? doom(plan, error) : code;
}
