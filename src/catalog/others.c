// SPDX-License-Identifier: Apache-2.0
#include "catalog/others.h"

#include <stdio.h>

#include "catalog/handle.h"
#include "database/query.h"
#include "catalog/history.h"
#include "catalog/inlined.h"
#include "catalog/table_paths.h"

#define SQL_BYTES 1024

/* ---- what readers see ---- */

/* Adds the number that `sql` gives; ERR_CORRUPT below zero. */
static enum error_code read_sum(struct catalog *catalog, const char *sql, struct sql_values values,
                                uint64_t *sum, struct error *error)
{
    struct query query;
    query_begin(&query, &catalog->database, sql, values, error);
    if (query_next(&query))
        *sum += (uint64_t)query_counter(&query, 0);
    return query_end(&query);
}

struct row_sum {
    struct catalog *catalog;
    uint64_t rows;
};

static enum error_code add_inlined_rows(void *context, const char *name, bool has_ledgers,
                                        struct error *error)
{
    struct row_sum *sum = context;
    char sql[SQL_BYTES];
    (void)has_ledgers;
    snprintf(sql, sizeof sql,
             "SELECT count(*) AS inlined_rows FROM \"%s\" WHERE end_snapshot IS NULL", name);
    return read_sum(sum->catalog, sql, NO_VALUES, &sum->rows, error);
}

static enum error_code add_inlined_deletes(struct catalog *catalog, uint64_t *sum,
                                           struct error *error)
{
    char name[INLINED_NAME_BYTES], sql[SQL_BYTES];
    enum error_code code = inlined_delete_table(&catalog->database, catalog->table_id, name, error);
    if (code != OK || name[0] == '\0')
        return code;
    snprintf(sql, sizeof sql,
             "SELECT count(*) AS inlined_deletes FROM \"%s\" i JOIN ducklake_data_file d ON "
             "d.data_file_id = i.file_id WHERE d.table_id = ?1 AND d.end_snapshot IS NULL",
             name);
    return read_sum(catalog, sql, BIND(sql_int(catalog->table_id)), sum, error);
}

enum error_code others_count_rows(struct catalog *catalog, struct catalog_visible *visible,
                                  struct error *error)
{
    struct row_sum inlined = {.catalog = catalog};
    enum error_code code =
        read_sum(catalog,
                 "SELECT coalesce(sum(x.delete_count), 0) AS deletes FROM "
                 "ducklake_delete_file x JOIN ducklake_data_file d ON d.data_file_id = "
                 "x.data_file_id WHERE d.table_id = ?1 AND d.end_snapshot IS NULL AND "
                 "x.end_snapshot IS NULL",
                 BIND(sql_int(catalog->table_id)), &visible->deleted_rows, error);
    if (code == OK)
        code = add_inlined_deletes(catalog, &visible->deleted_rows, error);
    if (code == OK)
        code = inlined_each_table(&catalog->database, catalog->table_id, add_inlined_rows, &inlined,
                                  error);
    visible->inlined_rows = inlined.rows;
    if (code == OK && visible->deleted_rows > visible->file_rows)
        code = error_set(error, ERR_CORRUPT,
                         "catalog %s is damaged: more rows are deleted than there are",
                         catalog->database.path);
    return code;
}

enum error_code catalog_visible_rows(struct catalog *catalog, struct catalog_visible *visible,
                                     struct error *error)
{
    *visible = (struct catalog_visible){0};
    enum error_code code = read_sum(catalog,
                                    "SELECT coalesce(sum(record_count), 0) AS rows FROM "
                                    "ducklake_data_file WHERE table_id = ?1 AND end_snapshot IS "
                                    "NULL",
                                    BIND(sql_int(catalog->table_id)), &visible->file_rows, error);
    return code == OK ? others_count_rows(catalog, visible, error) : code;
}

/* ---- deletes ---- */

static enum error_code read_delete(const struct query *query, struct catalog_delete *one,
                                   struct error *error)
{
    *one = (struct catalog_delete){.data_file_id = query_int(query, 0),
                                   .path = query_text(query, 1),
                                   .path_is_absolute = query_int(query, 2) == 0,
                                   .is_parquet = query_int(query, 3) != 0,
                                   .row_count = query_int(query, 4),
                                   .file_size_bytes = query_int(query, 5),
                                   .snapshots = {query_int(query, 6), query_int(query, 7)}};
    if (one->row_count >= 0 && one->file_size_bytes >= 0)
        return OK;
    return error_set(error, ERR_CORRUPT,
                     "catalog %s is damaged: the deletes of data file %lld have a count below zero",
                     query->database->path, (long long)one->data_file_id);
}

static enum error_code visit_deletes(struct catalog *catalog, const char *sql,
                                     catalog_delete_visitor *visit, void *context,
                                     struct error *error)
{
    struct query query;
    query_begin_list(&query, &catalog->database, sql, BIND(sql_int(catalog->table_id)), error);
    while (query_next(&query)) {
        struct catalog_delete one;
        query_check(&query, read_delete(&query, &one, error));
        if (query_ok(&query))
            query_check(&query, visit(context, &one, error));
    }
    return query_end(&query);
}

enum error_code catalog_each_delete(struct catalog *catalog, catalog_delete_visitor *visit,
                                    void *context, struct error *error)
{
    char name[INLINED_NAME_BYTES], sql[SQL_BYTES];
    enum error_code code = visit_deletes(
        catalog,
        "SELECT x.data_file_id, coalesce(x.path, ''), coalesce(x.path_is_relative, TRUE), "
        "coalesce(x.format, 'parquet') = 'parquet', x.delete_count, x.file_size_bytes, "
        "x.begin_snapshot, coalesce(x.partial_max, x.begin_snapshot) FROM ducklake_delete_file x "
        "JOIN ducklake_data_file d ON d.data_file_id = x.data_file_id WHERE d.table_id = ?1 AND "
        "d.end_snapshot IS NULL AND x.end_snapshot IS NULL ORDER BY x.delete_file_id",
        visit, context, error);
    if (code == OK)
        code = inlined_delete_table(&catalog->database, catalog->table_id, name, error);
    if (code != OK || name[0] == '\0')
        return code;
    snprintf(sql, sizeof sql,
             "SELECT i.file_id, NULL, 1, 0, count(*), 0, min(i.begin_snapshot), "
             "max(i.begin_snapshot) FROM \"%s\" i JOIN ducklake_data_file d ON d.data_file_id = "
             "i.file_id WHERE d.table_id = ?1 AND d.end_snapshot IS NULL GROUP BY i.file_id",
             name);
    return visit_deletes(catalog, sql, visit, context, error);
}

/* ---- rows in the catalog itself ---- */

struct inlined_visit {
    struct catalog *catalog;
    catalog_inlined_visitor *visit;
    void *context;
};

static enum error_code visit_inlined_table(void *context, const char *name, bool has_ledgers,
                                           struct error *error)
{
    const struct inlined_visit *target = context;
    struct query query;
    char sql[SQL_BYTES];
    snprintf(sql, sizeof sql,
             "SELECT %s AS ledger, count(*), min(begin_snapshot), max(begin_snapshot) FROM \"%s\" "
             "WHERE end_snapshot IS NULL GROUP BY 1 ORDER BY 1",
             has_ledgers ? "CAST(ledger_sequence AS BIGINT)" : "NULL", name);
    query_begin_list(&query, &target->catalog->database, sql, NO_VALUES, error);
    while (query_next(&query)) {
        int64_t ledger = query_int(&query, 0);
        bool has_ledger = !query_is_null(&query, 0) && ledger >= 0 && ledger <= UINT32_MAX;
        struct catalog_inlined one = {.ledger = has_ledger ? (uint32_t)ledger : 0,
                                      .has_ledger = has_ledger,
                                      .row_count = query_int(&query, 1),
                                      .snapshots = {query_int(&query, 2), query_int(&query, 3)}};
        query_check(&query, target->visit(target->context, &one, error));
    }
    return query_end(&query);
}

enum error_code catalog_each_inlined(struct catalog *catalog, catalog_inlined_visitor *visit,
                                     void *context, struct error *error)
{
    struct inlined_visit target = {catalog, visit, context};
    return inlined_each_table(&catalog->database, catalog->table_id, visit_inlined_table, &target,
                              error);
}

/* ---- files of commits that DuckDB replaced ---- */

enum error_code catalog_each_displaced(struct catalog *catalog, catalog_displaced_visitor *visit,
                                       void *context, struct error *error)
{
    struct query query;
    query_begin_list(
        &query, &catalog->database,
        "SELECT f.commit_no, f.path, f.record_count, f.first_ledger, f.last_ledger, "
        "coalesce((SELECT min(x.begin_snapshot) FROM ducklake_delete_file x WHERE x.data_file_id = "
        "d.data_file_id), d.end_snapshot, 0), coalesce(d.end_snapshot, 0) FROM ttp_commit_files f "
        "JOIN ttp_commits c ON c.commit_no = "
        "f.commit_no AND c.ended_us IS NULL LEFT JOIN ducklake_data_file d ON d.data_file_id = "
        "f.data_file_id AND d.path = f.path AND d.table_id = ?1 WHERE d.data_file_id IS NULL OR "
        "d.end_snapshot IS NOT NULL ORDER BY f.commit_no, f.data_file_id",
        BIND(sql_int(catalog->table_id)), error);
    while (query_next(&query)) {
        struct catalog_displaced file = {.commit_no = (uint64_t)query_int(&query, 0),
                                         .path = query_text(&query, 1),
                                         .record_count = query_int(&query, 2),
                                         .range = query_range(&query, 3),
                                         .ended_by = {query_int(&query, 5), query_int(&query, 6)}};
        if (query_ok(&query) && (file.path == NULL || file.record_count < 0))
            query_check(&query, error_set(error, ERR_CORRUPT,
                                          "catalog %s is damaged: a file of commit %lld has no "
                                          "path, or a count below zero",
                                          catalog->database.path, (long long)file.commit_no));
        if (query_ok(&query))
            query_check(&query, visit(context, &file, error));
    }
    return query_end(&query);
}

/* ---- snapshots ---- */

#define CHANGES                                                                                    \
    "SELECT s.snapshot_id, s.snapshot_time, h.changes_made FROM ducklake_snapshot "                \
    "s JOIN ducklake_snapshot_changes h ON h.snapshot_id = s.snapshot_id WHERE s.snapshot_id IN "  \
    "(SELECT snapshot_id FROM ducklake_snapshot EXCEPT SELECT snapshot_id FROM ttp_commits) AND "  \
    "coalesce(h.commit_message, '') NOT LIKE '" CATALOG_TAKEN_OUT_PREFIX "%' AND "                 \
    "coalesce(h.commit_message, '') NOT LIKE '" CATALOG_PRUNED_PREFIX "%' AND ("                   \
    "',' || h.changes_made || ',' LIKE '%,inserted_into_table:' || ?1 || ',%' OR "                 \
    "',' || h.changes_made || ',' LIKE '%,deleted_from_table:' || ?1 || ',%' OR "                  \
    "',' || h.changes_made || ',' LIKE '%,inlined_insert:' || ?1 || ',%' OR "                      \
    "',' || h.changes_made || ',' LIKE '%,inlined_delete:' || ?1 || ',%') "
#define NOT_OF_REPLACEMENTS "AND s.snapshot_id NOT IN (SELECT snapshot_id FROM ttp_replacements) "
#define IN_ORDER            "ORDER BY s.snapshot_id"

/* Commits of this program are known by their number, and so are replacements; what it took out by
 * its message. */
enum error_code catalog_each_change(struct catalog *catalog, catalog_change_visitor *visit,
                                    void *context, struct error *error)
{
    struct query query;
    bool replaces = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_replacements", &replaces, error);
    if (code != OK)
        return code;
    query_begin_list(&query, &catalog->database,
                     replaces ? CHANGES NOT_OF_REPLACEMENTS IN_ORDER : CHANGES IN_ORDER,
                     BIND(sql_int(catalog->table_id)), error);
    while (query_next(&query)) {
        const char *time = query_text(&query, 1);
        struct catalog_change change = {.snapshot_id = query_int(&query, 0),
                                        .time = time == NULL ? "" : time,
                                        .changes = query_text(&query, 2)};
        query_check(&query, visit(context, &change, error));
    }
    return query_end(&query);
}

enum error_code catalog_newest_snapshot(struct catalog *catalog, int64_t *snapshot_id,
                                        struct error *error)
{
    *snapshot_id = 0;
    return database_query_int(&catalog->database, "SELECT max(snapshot_id) FROM ducklake_snapshot",
                              NO_VALUES, snapshot_id, error);
}

/* ---- files and tables that are none of the lake's ---- */

static enum error_code visit_named(struct catalog *catalog, const char *sql,
                                   struct sql_values values, catalog_named_visitor *visit,
                                   void *context, struct error *error)
{
    struct query query;
    query_begin_list(&query, &catalog->database, sql, values, error);
    while (query_next(&query)) {
        int64_t kind = query_int(&query, 0);
        struct catalog_named_file file = {.kind = kind == 0   ? CATALOG_NAMED_LIVE
                                                  : kind == 1 ? CATALOG_NAMED_ENDED
                                                              : CATALOG_NAMED_SCHEDULED,
                                          .path = query_text(&query, 1),
                                          .path_is_absolute = query_int(&query, 2) != 0};
        if (file.path != NULL)
            query_check(&query, visit(context, &file, error));
    }
    return query_end(&query);
}

enum error_code catalog_each_named_file(struct catalog *catalog, catalog_named_visitor *visit,
                                        void *context, struct error *error)
{
    enum error_code code = visit_named(
        catalog,
        TABLE_PATHS "SELECT f.end_snapshot IS NOT NULL, " FULL_PATH(
            "f") " FROM ducklake_data_file f LEFT JOIN t ON t.table_id = f.table_id WHERE "
                 "f.end_snapshot IS NOT NULL OR coalesce(f.table_id <> ?1, TRUE)",
        BIND(sql_int(catalog->table_id)), visit, context, error);
    if (code == OK)
        code = visit_named(
            catalog,
            TABLE_PATHS "SELECT f.end_snapshot IS NOT NULL, " FULL_PATH(
                "f") " FROM ducklake_delete_file f LEFT JOIN t ON t.table_id = f.table_id",
            NO_VALUES, visit, context, error);
    if (code == OK)
        code = visit_named(catalog,
                           "SELECT 2, path, NOT coalesce(path_is_relative, TRUE) FROM "
                           "ducklake_files_scheduled_for_deletion",
                           NO_VALUES, visit, context, error);
    return code;
}

/* Views that are as we made them are none of others'. */
#define OWN_VIEWS                                                                                  \
    " AND NOT EXISTS (SELECT 1 FROM ttp_views o WHERE o.view_name = v.view_name AND o.view_uuid "  \
    "= CAST(v.view_uuid AS VARCHAR) AND o.\"sql\" = v.\"sql\")"

enum error_code catalog_each_other_object(struct catalog *catalog, catalog_object_visitor *visit,
                                          void *context, struct error *error)
{
    struct query query;
    char sql[SQL_BYTES];
    bool has_views = false;
    enum error_code code = database_has_table(&catalog->database, "ttp_views", &has_views, error);
    if (code != OK)
        return code;
    snprintf(sql, sizeof sql,
             "SELECT 0, coalesce(s.schema_name, ''), coalesce(t.table_name, '') FROM "
             "ducklake_table t LEFT JOIN ducklake_schema s ON s.schema_id = t.schema_id WHERE "
             "t.end_snapshot IS NULL AND coalesce(t.table_id <> ?1, TRUE) UNION ALL SELECT 1, "
             "coalesce(s.schema_name, ''), coalesce(v.view_name, '') FROM ducklake_view v LEFT "
             "JOIN ducklake_schema s ON s.schema_id = v.schema_id WHERE v.end_snapshot IS NULL%s "
             "ORDER BY 1, 2, 3",
             has_views ? OWN_VIEWS : "");
    query_begin(&query, &catalog->database, sql, BIND(sql_int(catalog->table_id)), error);
    while (query_next(&query))
        query_check(&query, visit(context, query_int(&query, 0) != 0, query_text(&query, 1),
                                  query_text(&query, 2), error));
    return query_end(&query);
}
