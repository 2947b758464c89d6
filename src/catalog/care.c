// SPDX-License-Identifier: Apache-2.0
/* What the care of a lake keeps in its catalog, and retiring files. */
#include "catalog/care.h"

#include <stdio.h>

#include "catalog/coverage.h"
#include "catalog/handle.h"
#include "catalog/retired.h"
#include "catalog/values.h"
#include "catalog/tables.h"

static enum error_code make_tables(struct database *database, struct error *error)
{
    char layout[16];
    bool there = false;
    enum error_code code = database_has_table(database, "ttp_pruned", &there, error);
    for (size_t i = 0; code == OK && !there && i < care_table_count; i++)
        code = database_execute(database, care_tables[i], error);
    if (code == OK)
        code = database_execute(database, catalog_late_indexes, error);
    snprintf(layout, sizeof layout, "%d", CATALOG_LAYOUT_CARE);
    return code == OK && !there ? catalog_set_value(database, "layout_version", layout, error)
                                : code;
}

enum error_code catalog_care_begin(struct catalog *catalog, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    return code == OK ? database_end(database, make_tables(database, error), error) : code;
}

enum error_code catalog_has_care(struct catalog *catalog, bool *has, struct error *error)
{
    return database_has_table(&catalog->database, "ttp_pruned", has, error);
}

/* ---- pruned ledgers ---- */

static enum error_code load_pruned(struct database *database, struct ledger_set *pruned,
                                   struct error *error)
{
    const struct ledger_range everything = {0, UINT32_MAX};
    bool there = false;
    pruned->count = 0;
    enum error_code code = database_has_table(database, "ttp_pruned", &there, error);
    return code == OK && there ? coverage_load(database, "ttp_pruned", everything, pruned, error)
                               : code;
}

enum error_code catalog_pruned(struct catalog *catalog, struct ledger_set *pruned,
                               struct error *error)
{
    return load_pruned(&catalog->database, pruned, error);
}

enum error_code care_add_pruned(struct database *database, const struct ledger_set *ledgers,
                                struct error *error)
{
    struct ledger_set pruned = {0};
    struct query query;
    enum error_code code = load_pruned(database, &pruned, error);
    if (code == OK)
        code = ledger_set_append_all(&pruned, ledgers, error);
    ledger_set_merge(&pruned);
    if (code == OK)
        code = database_run(database, "DELETE FROM ttp_pruned", NO_VALUES, error);
    if (code == OK) {
        query_prepare(&query, database, "INSERT INTO ttp_pruned VALUES(?,?)", error);
        for (size_t i = 0; i < pruned.count; i++)
            query_run(&query,
                      BIND(sql_int(pruned.ranges[i].first), sql_int(pruned.ranges[i].last)));
        code = query_end(&query);
    }
    ledger_set_release(&pruned);
    return code;
}

enum error_code catalog_add_pruned(struct catalog *catalog, const struct ledger_set *ledgers,
                                   struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    return code == OK ? database_end(database, care_add_pruned(database, ledgers, error), error)
                      : code;
}

enum error_code catalog_forget_pruned(struct catalog *catalog, struct ledger_range range,
                                      struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    return code == OK ? database_end(database,
                                     coverage_subtract(database, "ttp_pruned", range, error), error)
                      : code;
}

/* ---- retired files ---- */

#define SQL_BYTES 2048
#define KEPT_PATH "'" CATALOG_RETIRED_PREFIX "' || path || '" CATALOG_RETIRED_SUFFIX "'"

enum error_code retired_list_files(struct database *database, const char *live_files,
                                   struct sql_values values, bool in_place, struct error *error)
{
    char sql[SQL_BYTES];
    snprintf(sql, sizeof sql,
             "INSERT INTO ttp_retired SELECT path, data_file_id, file_size_bytes, ?2, %s FROM "
             "ducklake_data_file WHERE path_is_relative AND data_file_id IN %s",
             in_place ? RETIRED_IN_PLACE : "0", live_files);
    return database_run(database, sql, values, error);
}

enum error_code retired_list_dead_letters(struct database *database, int64_t commit_no,
                                          int64_t snapshot_id, struct error *error)
{
    return database_run(database,
                        "INSERT INTO ttp_retired SELECT '_lake/' || path, NULL, 0, ?2, 1 FROM "
                        "ttp_dead_letters WHERE commit_no = ?1",
                        BIND(sql_int(commit_no), sql_int(snapshot_id)), error);
}

enum error_code retired_name_files(struct database *database, struct error *error)
{
    return database_run(
        database,
        "UPDATE ducklake_data_file SET path = " KEPT_PATH " WHERE data_file_id IN (SELECT "
        "data_file_id FROM ttp_retired WHERE is_moved = 0) AND path = (SELECT r.path FROM "
        "ttp_retired r WHERE r.data_file_id = ducklake_data_file.data_file_id)",
        NO_VALUES, error);
}

enum error_code retired_has_path(struct database *database, const char *path, bool *has,
                                 struct error *error)
{
    static const struct {
        const char *table, *sql;
    } places[] = {{"ttp_retired", "SELECT 1 FROM ttp_retired WHERE path = ?1"},
                  {"ttp_doomed", "SELECT 1 FROM ttp_doomed WHERE path = ?1"}};
    enum error_code code = OK;
    *has = false;
    for (size_t i = 0; code == OK && !*has && i < sizeof places / sizeof *places; i++) {
        bool there = false;
        code = database_has_table(database, places[i].table, &there, error);
        if (code == OK && there)
            code = database_has(database, places[i].sql, BIND(sql_text(path)), has, error);
    }
    return code;
}

static enum error_code visit_retired(struct catalog *catalog, const char *table, const char *sql,
                                     catalog_retired_visitor *visit, void *context,
                                     struct error *error)
{
    struct query query;
    bool there = false;
    enum error_code code = database_has_table(&catalog->database, table, &there, error);
    if (code != OK || !there)
        return code;
    query_begin(&query, &catalog->database, sql, NO_VALUES, error);
    while (query_next(&query)) {
        struct catalog_retired file = {.path = query_text(&query, 0),
                                       .size_bytes = query_counter(&query, 1)};
        if (query_ok(&query))
            query_check(&query, visit(context, &file, error));
    }
    return query_end(&query);
}

enum error_code catalog_each_unmoved(struct catalog *catalog, catalog_retired_visitor *visit,
                                     void *context, struct error *error)
{
    return visit_retired(
        catalog, "ttp_retired",
        "SELECT path, size_bytes FROM ttp_retired WHERE is_moved = 0 ORDER BY path", visit, context,
        error);
}

enum error_code catalog_each_kept(struct catalog *catalog, catalog_retired_visitor *visit,
                                  void *context, struct error *error)
{
    enum error_code code = visit_retired(
        catalog, "ttp_retired",
        "SELECT " RETIRED_KEPT("r") ", size_bytes FROM ttp_retired r WHERE is_moved <> 0", visit,
        context, error);
    return code == OK
               ? visit_retired(catalog, "ttp_doomed", "SELECT path, size_bytes FROM ttp_doomed",
                               visit, context, error)
               : code;
}

/* is_moved 2: it stays where it is until it is deleted. What is to be deleted has left the copy. */
static enum error_code name_kept(struct database *database, struct error *error)
{
    bool has_doomed = false;
    enum error_code code = database_has_table(database, "ttp_doomed", &has_doomed, error);
    if (code == OK)
        code = database_run(
            database,
            "UPDATE ducklake_data_file SET path = " KEPT_PATH " WHERE data_file_id IN (SELECT "
            "data_file_id FROM ttp_retired WHERE is_moved = 2) AND path = (SELECT r.path FROM "
            "ttp_retired r WHERE r.data_file_id = ducklake_data_file.data_file_id); UPDATE "
            "ttp_retired SET is_moved = 1 WHERE is_moved = 2",
            NO_VALUES, error);
    return code == OK && has_doomed
               ? database_run(database, "DELETE FROM ttp_doomed WHERE path NOT LIKE '_lake/%'",
                              NO_VALUES, error)
               : code;
}

enum error_code catalog_name_kept(struct catalog *catalog, struct error *error)
{
    struct database *database = &catalog->database;
    bool there = false;
    enum error_code code = database_has_table(database, "ttp_retired", &there, error);
    if (code != OK || !there)
        return code;
    code = database_begin_write(database, error);
    return code == OK ? database_end(database, name_kept(database, error), error) : code;
}

enum error_code catalog_set_moved(struct catalog *catalog, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_run(database, "UPDATE ttp_retired SET is_moved = 1 WHERE is_moved = 0",
                        NO_VALUES, error);
    return database_end(database, code, error);
}
