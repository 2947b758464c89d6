// SPDX-License-Identifier: Apache-2.0
#include "catalog/doomed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "catalog/care.h"
#include "catalog/retired.h"
#include "catalog/table_paths.h"
#include "catalog/handle.h"
#include "catalog/doomed_list.h"
#include "catalog/tables.h"
#include "catalog/values.h"
#include "util/buffer.h"
#include "util/memory.h"

#define SQL_BYTES     4096
#define FORGOTTEN_KEY "forgotten_commit"
/* The path that is asked about. PostgreSQL has to be told that it is one type wherever it stands.
 */
#define PATH       "CAST(?1 AS VARCHAR)"
#define KEPT(path) "'" CATALOG_RETIRED_PREFIX "' || " path " || '" CATALOG_RETIRED_SUFFIX "'"

/* ---- the list ---- */

enum error_code catalog_each_doomed(struct catalog *catalog, const char *after, unsigned limit,
                                    catalog_doomed_visitor *visit, void *context,
                                    struct error *error)
{
    struct query query;
    bool there = false;
    enum error_code code = database_has_table(&catalog->database, "ttp_doomed", &there, error);
    if (code != OK || !there)
        return code;
    query_begin(&query, &catalog->database,
                "SELECT path, size_bytes FROM ttp_doomed WHERE path > ?1 ORDER BY path LIMIT ?2",
                BIND(sql_text(after), sql_int(limit)), error);
    while (query_next(&query)) {
        struct catalog_doomed file = {query_text(&query, 0), query_int(&query, 1)};
        if (file.path != NULL)
            query_check(&query, visit(context, &file, error));
    }
    return query_end(&query);
}

enum error_code catalog_doomed_totals(struct catalog *catalog, struct catalog_doomed_totals *totals,
                                      struct error *error)
{
    struct query query;
    bool there = false;
    *totals = (struct catalog_doomed_totals){0};
    enum error_code code = database_has_table(&catalog->database, "ttp_doomed", &there, error);
    if (code != OK || !there)
        return code;
    query_begin(&query, &catalog->database,
                "SELECT count(*) AS files, coalesce(sum(CASE WHEN size_bytes > 0 THEN size_bytes "
                "ELSE 0 END), 0) AS bytes FROM "
                "ttp_doomed",
                NO_VALUES, error);
    if (query_next(&query)) {
        totals->files = (uint64_t)query_counter(&query, 0);
        totals->bytes = (uint64_t)query_counter(&query, 1);
    }
    return query_end(&query);
}

enum error_code doomed_list(struct database *database, const struct catalog_doomed *files,
                            size_t count, struct error *error)
{
    struct query query;
    if (count == 0)
        return OK;
    enum error_code code = database_execute(database, catalog_doomed_table, error);
    if (code != OK)
        return code;
    query_prepare(&query, database, "INSERT INTO ttp_doomed VALUES(?1,?2) ON CONFLICT DO NOTHING",
                  error);
    for (size_t i = 0; i < count; i++)
        query_run(&query, BIND(sql_text(files[i].path), sql_int(files[i].size_bytes)));
    return query_end(&query);
}

enum error_code catalog_doom(struct catalog *catalog, const struct catalog_doomed *files,
                             size_t count, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    return code == OK ? database_end(database, doomed_list(database, files, count, error), error)
                      : code;
}

static enum error_code unlist(struct database *database, const char *const *paths, size_t count,
                              struct error *error)
{
    struct query query;
    query_prepare(&query, database, "DELETE FROM ttp_doomed WHERE path = ?1", error);
    for (size_t i = 0; i < count; i++)
        query_run(&query, BIND(sql_text(paths[i])));
    return query_end(&query);
}

enum error_code catalog_unlist_doomed(struct catalog *catalog, const char *const *paths,
                                      size_t count, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    return code == OK ? database_end(database, unlist(database, paths, count, error), error) : code;
}

enum error_code doomed_knows_path(struct database *database, const char *path, bool *known,
                                  struct error *error)
{
    static const struct {
        const char *table, *sql;
    } places[] = {
        {"ttp_retired", "SELECT 1 FROM ttp_retired WHERE path = ?1"},
        {"ttp_doomed", "SELECT 1 FROM ttp_doomed WHERE path IN (" PATH ", " KEPT(PATH) ")"},
        {"ttp_upload", "SELECT 1 FROM ttp_upload WHERE path = ?1"},
        {"ducklake_files_scheduled_for_deletion",
         "SELECT 1 FROM ducklake_files_scheduled_for_deletion WHERE path = ?1"},
    };
    enum error_code code = OK;
    *known = false;
    for (size_t i = 0; code == OK && !*known && i < sizeof places / sizeof *places; i++) {
        bool there = false;
        code = database_has_table(database, places[i].table, &there, error);
        if (code == OK && there)
            code = database_has(database, places[i].sql, BIND(sql_text(path)), known, error);
    }
    return code;
}

/* ---- what was set aside ---- */

#define REPLACING                                                                                  \
    " ON CONFLICT(path, kept_path) DO UPDATE SET size_bytes = excluded.size_bytes, "               \
    "snapshot_id = excluded.snapshot_id"
#define FORGET_LEAVING "DELETE FROM ttp_set_aside WHERE path = ?1 AND kept_path = ''"

enum error_code aside_list_files(struct database *database, const char *live_files,
                                 struct sql_values values, struct error *error)
{
    char sql[SQL_BYTES];
    snprintf(sql, sizeof sql,
             "INSERT INTO ttp_set_aside SELECT path, '', file_size_bytes, ?2 FROM "
             "ducklake_data_file WHERE path_is_relative AND data_file_id IN %s" REPLACING,
             live_files);
    enum error_code code = database_execute(database, catalog_aside_table, error);
    return code == OK ? database_run(database, sql, values, error) : code;
}

enum error_code catalog_each_leaving(struct catalog *catalog, catalog_leaving_visitor *visit,
                                     void *context, struct error *error)
{
    struct query query;
    bool there = false;
    enum error_code code = database_has_table(&catalog->database, "ttp_set_aside", &there, error);
    if (code != OK || !there)
        return code;
    query_begin_list(&query, &catalog->database,
                     "SELECT path FROM ttp_set_aside WHERE kept_path = '' ORDER BY path", NO_VALUES,
                     error);
    while (query_next(&query))
        query_check(&query, visit(context, query_text(&query, 0), error));
    return query_end(&query);
}

enum error_code catalog_forget_leaving(struct catalog *catalog, const char *path,
                                       struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_run(database, FORGET_LEAVING, BIND(sql_text(path)), error);
    return database_end(database, code, error);
}

enum error_code catalog_set_aside(struct catalog *catalog, const char *path, const char *kept_path,
                                  int64_t size_bytes, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_execute(database, catalog_aside_table, error);
    if (code == OK)
        code = database_run(database,
                            "INSERT INTO ttp_set_aside SELECT ?1, ?2, ?3, max(snapshot_id) FROM "
                            "ducklake_snapshot WHERE TRUE" REPLACING,
                            BIND(sql_text(path), sql_text(kept_path), sql_int(size_bytes)), error);
    if (code == OK)
        code = database_run(database, FORGET_LEAVING, BIND(sql_text(path)), error);
    return database_end(database, code, error);
}

enum error_code aside_list_dead_letters(struct database *database, int64_t commit_no,
                                        int64_t snapshot_id, struct error *error)
{
    enum error_code code = database_execute(database, catalog_aside_table, error);
    return code == OK
               ? database_run(database,
                              "INSERT INTO ttp_set_aside SELECT '_lake/' || path, '_lake/' || "
                              "path, 0, ?2 FROM ttp_dead_letters WHERE commit_no = ?1" REPLACING,
                              BIND(sql_int(commit_no), sql_int(snapshot_id)), error)
               : code;
}

/* ---- names ---- */

static enum error_code visit_names(struct catalog *catalog, const char *sql,
                                   catalog_name_visitor *visit, void *context, struct error *error)
{
    struct query query;
    query_begin_list(&query, &catalog->database, sql, NO_VALUES, error);
    while (query_next(&query)) {
        const char *path = query_text(&query, 0);
        if (path != NULL)
            query_check(&query, visit(context, path, query_int(&query, 1) != 0, error));
    }
    return query_end(&query);
}

/* Two columns, path and is_absolute; a condition on them belongs behind it. */
#define FILE_NAMES                                                                                 \
    TABLE_PATHS ", n(path, is_absolute) AS (SELECT " FULL_PATH(                                    \
        "f") " FROM ducklake_data_file f "                                                         \
             "LEFT JOIN t ON t.table_id = f.table_id UNION ALL SELECT " FULL_PATH(                 \
                 "f") " FROM "                                                                     \
                      "ducklake_delete_file f LEFT JOIN t ON t.table_id = f.table_id UNION ALL "   \
                      "SELECT path, NOT "                                                          \
                      "coalesce(path_is_relative, TRUE) FROM "                                     \
                      "ducklake_files_scheduled_for_deletion) SELECT path, "                       \
                      "is_absolute FROM n WHERE %s"
#define IS_BELOW_LAKE "replace(path, '_lake/', '') <> path"
#define IS_DOOMED     "path IN (SELECT path FROM ttp_doomed)"

static enum error_code each_name(struct catalog *catalog, bool doomed, catalog_name_visitor *visit,
                                 void *context, struct error *error)
{
    static const struct {
        const char *table, *sql;
    } places[] = {
        {"ttp_retired", "SELECT " RETIRED_KEPT("r") " AS path FROM ttp_retired r"},
        {"ttp_set_aside", "SELECT kept_path AS path FROM ttp_set_aside WHERE kept_path <> ''"},
        {"ttp_dead_letters", "SELECT '_lake/' || path AS path FROM ttp_dead_letters"},
    };
    char sql[SQL_BYTES];
    snprintf(sql, sizeof sql, FILE_NAMES, doomed ? "is_absolute OR " IS_DOOMED : IS_BELOW_LAKE);
    enum error_code code = visit_names(catalog, sql, visit, context, error);
    for (size_t i = 0; code == OK && i < sizeof places / sizeof *places; i++) {
        bool there = false;
        code = database_has_table(&catalog->database, places[i].table, &there, error);
        snprintf(sql, sizeof sql, "SELECT path, 0 FROM (%s) k WHERE %s", places[i].sql,
                 doomed ? IS_DOOMED : IS_BELOW_LAKE);
        if (code == OK && there)
            code = visit_names(catalog, sql, visit, context, error);
    }
    return code;
}

enum error_code catalog_each_name_in_lake_folder(struct catalog *catalog,
                                                 catalog_name_visitor *visit, void *context,
                                                 struct error *error)
{
    return each_name(catalog, false, visit, context, error);
}

enum error_code catalog_each_doomed_name(struct catalog *catalog, catalog_name_visitor *visit,
                                         void *context, struct error *error)
{
    return each_name(catalog, true, visit, context, error);
}

/* ---- commits that are gone ---- */

/* The commit c has no file that a table names by what `condition` compares f.path with, and no dead
 * letters there. */
#define NO_FILE(condition)                                                                         \
    " AND NOT EXISTS (SELECT 1 FROM ttp_commit_files f WHERE f.commit_no = c.commit_no AND "       \
    "" condition ")"
#define NO_LETTERS(column, table)                                                                  \
    " AND '_lake/dead_letters/commit_' || c.commit_no || '.jsonl' NOT IN (SELECT " column          \
    " FROM " table ")"
#define AMONG(path, column, table) path " IN (SELECT " column " FROM " table ")"

/* Replacements have numbers among the commits', and end with their last file. */
#define REPLACEMENTS " UNION ALL SELECT commit_no, committed_us FROM ttp_replacements"
#define FORGETTABLE_FROM                                                                           \
    "SELECT c.commit_no, p.path FROM (SELECT commit_no, ended_us FROM ttp_commits WHERE ended_us " \
    "IS NOT NULL"
#define FORGETTABLE_WHERE                                                                          \
    ") c LEFT JOIN ttp_commit_files p ON p.commit_no = c.commit_no WHERE c.ended_us <= ?1 AND "    \
    "c.commit_no < (SELECT max(commit_no) FROM ttp_commits)" NO_FILE(                              \
        AMONG("f.data_file_id", "data_file_id", "ducklake_data_file"))                             \
        NO_FILE(AMONG("f.path", "path", "ducklake_files_scheduled_for_deletion"))

/* Appends the text with its end. */
static enum error_code write_forgettable(struct database *database, struct buffer *sql,
                                         struct error *error)
{
    static const struct {
        const char *table, *condition;
    } places[] = {
        {"ttp_retired",
         NO_FILE(AMONG("f.path", "path", "ttp_retired")) NO_LETTERS("path", "ttp_retired")},
        {"ttp_set_aside", NO_FILE(AMONG("f.path", "path", "ttp_set_aside"))
                              NO_LETTERS("kept_path", "ttp_set_aside")},
        {"ttp_doomed", NO_FILE(AMONG("f.path", "path", "ttp_doomed")) NO_FILE(AMONG(
                           KEPT("f.path"), "path", "ttp_doomed")) NO_LETTERS("path", "ttp_doomed")},
    };
    bool there = false;
    enum error_code code = database_has_table(database, "ttp_replacements", &there, error);
    if (code == OK)
        code = buffer_append_format(sql, FORGETTABLE_FROM "%s" FORGETTABLE_WHERE,
                                    there ? REPLACEMENTS : "");
    for (size_t i = 0; code == OK && i < sizeof places / sizeof *places; i++) {
        code = database_has_table(database, places[i].table, &there, error);
        if (code == OK && there)
            code = buffer_append(sql, places[i].condition, strlen(places[i].condition));
    }
    static const char order[] = " ORDER BY c.commit_no";
    if (code == OK)
        code = buffer_append(sql, order, sizeof order);
    return code == ERR_NO_MEMORY ? error_no_memory(error, "the commits to forget") : code;
}

enum error_code catalog_each_forgettable(struct catalog *catalog, int64_t oldest_us,
                                         catalog_forgettable_visitor *visit, void *context,
                                         struct error *error)
{
    struct query query;
    struct buffer sql;
    buffer_init(&sql);
    enum error_code code = write_forgettable(&catalog->database, &sql, error);
    if (code == OK) {
        query_begin_list(&query, &catalog->database, (const char *)sql.data,
                         BIND(sql_int(oldest_us)), error);
        while (query_next(&query))
            query_check(&query, visit(context, (uint64_t)query_int(&query, 0),
                                      query_text(&query, 1), error));
        code = query_end(&query);
    }
    buffer_release(&sql);
    return code;
}

enum error_code catalog_forgotten_commit(struct catalog *catalog, uint64_t *commit_no,
                                         struct error *error)
{
    char *text = NULL;
    enum error_code code = catalog_get_value(&catalog->database, FORGOTTEN_KEY, &text, error);
    *commit_no = text == NULL ? 0 : strtoull(text, NULL, 10);
    mem_free(text);
    return code;
}

static enum error_code forget(struct catalog *catalog, const uint64_t *commit_nos, size_t count,
                              struct error *error)
{
    struct database *database = &catalog->database;
    struct query query;
    char text[24];
    uint64_t highest = 0;
    enum error_code code = catalog_forgotten_commit(catalog, &highest, error);
    static const char *const changes[] = {"DELETE FROM ttp_commit_files WHERE commit_no = ?1",
                                          "DELETE FROM ttp_commits WHERE commit_no = ?1",
                                          "DELETE FROM ttp_replacements WHERE commit_no = ?1"};
    bool replaces = false;
    if (code == OK)
        code = database_has_table(database, "ttp_replacements", &replaces, error);
    for (size_t c = 0; code == OK && c < (replaces ? 3 : 2); c++) {
        query_prepare(&query, database, changes[c], error);
        for (size_t i = 0; i < count; i++)
            query_run(&query, BIND(sql_int((int64_t)commit_nos[i])));
        code = query_end(&query);
    }
    for (size_t i = 0; i < count; i++)
        highest = commit_nos[i] > highest ? commit_nos[i] : highest;
    snprintf(text, sizeof text, "%" PRIu64, highest);
    return code == OK ? catalog_set_value(database, FORGOTTEN_KEY, text, error) : code;
}

enum error_code catalog_forget_commits(struct catalog *catalog, const uint64_t *commit_nos,
                                       size_t count, struct error *error)
{
    struct database *database = &catalog->database;
    if (count == 0)
        return OK;
    enum error_code code = database_begin_write(database, error);
    return code == OK ? database_end(database, forget(catalog, commit_nos, count, error), error)
                      : code;
}
