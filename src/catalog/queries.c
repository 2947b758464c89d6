// SPDX-License-Identifier: Apache-2.0
/* What can be asked of a catalog: coverage, totals, live files. */

#include <stdio.h>

#include "catalog/care.h"
#include "catalog/catalog.h"
#include "catalog/coverage.h"
#include "catalog/early_lists.h"
#include "catalog/handle.h"
#include "database/query.h"
#include "catalog/others.h"

static const struct ledger_range everything = {0, UINT32_MAX};

enum error_code catalog_coverage(struct catalog *catalog, struct ledger_set *coverage,
                                 struct error *error)
{
    return coverage_load(&catalog->database, "ttp_coverage", everything, coverage, error);
}

enum error_code catalog_unconfirmed(struct catalog *catalog, struct ledger_set *unconfirmed,
                                    struct error *error)
{
    return coverage_load(&catalog->database, "ttp_unconfirmed", everything, unconfirmed, error);
}

enum error_code catalog_uncovered(struct catalog *catalog, struct ledger_range within,
                                  struct ledger_set *uncovered, struct error *error)
{
    struct ledger_set covered = {0};
    if (within.last == 0)
        within.last = UINT32_MAX;
    struct ledger_set pruned = {0};
    enum error_code code =
        coverage_load(&catalog->database, "ttp_coverage", within, &covered, error);
    uncovered->count = 0;
    if (code == OK)
        code = catalog_pruned(catalog, &pruned, error);
    if (code == OK)
        code = ledger_set_append_all(&covered, &pruned, error);
    ledger_set_merge(&covered);
    if (code == OK)
        code = ledger_set_missing(&covered, within, uncovered, error);
    ledger_set_release(&pruned);
    ledger_set_release(&covered);
    return code;
}

static void add_version(struct query *query, struct catalog_totals *totals)
{
    const char *name = query_text(query, 0);
    if (name == NULL) {
        query_check(query, error_set(query->error, ERR_CORRUPT,
                                     "catalog %s is damaged: a commit lacks its schema version",
                                     query->database->path));
        return;
    }
    if (totals->version_count == CATALOG_VERSIONS_MAX)
        return;
    struct catalog_version *version = &totals->versions[totals->version_count++];
    snprintf(version->name, sizeof version->name, "%s", name);
    version->commits = (uint64_t)query_int(query, 1);
    version->rows = (uint64_t)query_counter(query, 2);
}

/* All that there is to know of the commits by one walk over them. */
static enum error_code count_commits(struct catalog *catalog, struct catalog_totals *totals,
                                     struct error *error)
{
    struct query query;
    query_begin(&query, &catalog->database,
                "SELECT schema_version, count(*), sum(row_count) AS rows, sum(dead_letter_count), "
                "sum(null_decimal_count), sum(replaced_memo_count), max(last_close_us), "
                "max(committed_us) FROM ttp_commits WHERE ended_us IS NULL GROUP BY schema_version "
                "ORDER BY min(commit_no)",
                NO_VALUES, error);
    while (query_next(&query)) {
        int64_t closed_us = query_int(&query, 6), committed_us = query_int(&query, 7);
        add_version(&query, totals);
        totals->commits += (uint64_t)query_int(&query, 1);
        totals->dead_letters += (uint64_t)query_int(&query, 3);
        totals->null_decimals += (uint64_t)query_int(&query, 4);
        totals->replaced_memos += (uint64_t)query_int(&query, 5);
        if (closed_us > totals->newest_close_us)
            totals->newest_close_us = closed_us;
        if (committed_us > totals->last_commit_us)
            totals->last_commit_us = committed_us;
    }
    return query_end(&query);
}

static enum error_code count_files(struct catalog *catalog, struct catalog_totals *totals,
                                   struct catalog_visible *visible, struct error *error)
{
    struct query query;
    query_begin(&query, &catalog->database,
                "WITH f AS (SELECT count(*) n, coalesce(sum(file_size_bytes), 0) bytes, "
                "coalesce(sum(record_count), 0) \"rows\" FROM ducklake_data_file WHERE table_id = "
                "?1 AND end_snapshot IS NULL), u AS (SELECT count(*) n, coalesce(sum(last_ledger - "
                "first_ledger + 1), 0) ledgers FROM ttp_unconfirmed) SELECT f.n, bytes, \"rows\", "
                "u.n, ledgers, (SELECT count(*) FROM ducklake_snapshot) FROM f, u",
                BIND(sql_int(catalog->table_id)), error);
    if (query_next(&query)) {
        totals->files = (uint64_t)query_int(&query, 0);
        totals->file_bytes = (uint64_t)query_int(&query, 1);
        visible->file_rows = (uint64_t)query_counter(&query, 2);
        totals->unconfirmed_ranges = (uint64_t)query_int(&query, 3);
        totals->unconfirmed_ledgers = (uint64_t)query_int(&query, 4);
        totals->snapshots = query_int(&query, 5);
    }
    return query_end(&query);
}

enum error_code catalog_totals(struct catalog *catalog, struct catalog_totals *totals,
                               struct error *error)
{
    struct catalog_visible visible = {0};
    *totals = (struct catalog_totals){0};
    enum error_code code = count_commits(catalog, totals, error);
    if (code == OK)
        code = count_files(catalog, totals, &visible, error);
    if (code == OK)
        code = others_count_rows(catalog, &visible, error);
    if (code != OK)
        return code;
    totals->rows = visible.file_rows - visible.deleted_rows + visible.inlined_rows;
    totals->deleted_rows = visible.deleted_rows;
    totals->inlined_rows = visible.inlined_rows;
    return OK;
}

/* What every data file of the catalog has: a path, and no size below zero. */
static enum error_code check_file(const struct query *query, const struct catalog_file *file,
                                  struct error *error)
{
    if (file->path == NULL)
        return error_set(error, ERR_CORRUPT, "catalog %s: data file %lld has no path",
                         query->database->path, (long long)file->data_file_id);
    if (file->record_count < 0 || file->file_size_bytes < 0 || file->footer_size_bytes < 0)
        return error_set(error, ERR_CORRUPT, "catalog %s: data file %s has a size below zero",
                         query->database->path, file->path);
    return OK;
}

static struct catalog_file read_file(struct query *query, uint64_t *commit_no)
{
    bool has_range = !query_is_null(query, 7) && !query_is_null(query, 8);
    *commit_no = (uint64_t)query_int(query, 5);
    return (struct catalog_file){.data_file_id = query_int(query, 0),
                                 .path = query_text(query, 1),
                                 .record_count = query_int(query, 2),
                                 .file_size_bytes = query_int(query, 3),
                                 .footer_size_bytes = query_int(query, 4),
                                 .checksum = query_checksum(query, 6),
                                 .range =
                                     has_range ? query_range(query, 7) : (struct ledger_range){0},
                                 .path_is_absolute = query_int(query, 9) == 0,
                                 .has_range = has_range,
                                 .first_snapshot = query_int(query, 10),
                                 .last_snapshot = query_int(query, 11),
                                 .is_of_commits = query_int(query, 12) != 0,
                                 .schema_version = query_text(query, 13)};
}

/* The schema version of the commits whose rows a file holds: its own commit's, or that of the
 * commits that were put together into it, which is one. */
#define OWN_VERSION "(SELECT k.schema_version FROM ttp_commits k WHERE k.commit_no = c.commit_no)"
#define SHARED_VERSION                                                                             \
    "(SELECT k.schema_version FROM ttp_file_commits m JOIN ttp_commits k ON k.commit_no = "        \
    "m.commit_no WHERE m.data_file_id = d.data_file_id LIMIT 1)"
/* A file that DuckDB made (merged, inserted) is no commit's; its ledgers are in its statistics of
 * column 2, ledger_sequence. What it is made of is told by its snapshots: a merged file keeps the
 * first of its sources' and the last. */
#define COMMITTED "(SELECT snapshot_id FROM ttp_commits WHERE snapshot_id IS NOT NULL)"
#define IS_OF_COMMITS                                                                              \
    "c.data_file_id IS NOT NULL OR (d.begin_snapshot IN " COMMITTED " AND "                        \
    "coalesce(d.partial_max, d.begin_snapshot) IN " COMMITTED ")"
#define EACH_FILE(is_of_commits, version, more, beside, condition)                                 \
    "SELECT d.data_file_id, d.path, d.record_count, d.file_size_bytes, d.footer_size, "            \
    "coalesce(c.commit_no, 0), c.checksum, "                                                       \
    "coalesce(c.first_ledger, CAST(s.min_value AS BIGINT)) AS first_ledger, "                      \
    "coalesce(c.last_ledger, CAST(s.max_value AS BIGINT)) AS last_ledger, "                        \
    "coalesce(d.path_is_relative, TRUE), d.begin_snapshot, "                                       \
    "coalesce(d.partial_max, d.begin_snapshot), " is_of_commits ", " version more                  \
    " FROM ducklake_data_file d LEFT JOIN ttp_commit_files c ON c.data_file_id = "                 \
    "d.data_file_id LEFT JOIN ducklake_file_column_stats s ON c.data_file_id IS NULL AND "         \
    "s.data_file_id = d.data_file_id AND s.column_id = 2 " beside                                  \
    "WHERE d.table_id = ?1 AND d.end_snapshot IS NULL " condition                                  \
    " ORDER BY first_ledger, d.data_file_id"

#define TIMES ", t.min_value, t.max_value"
#define TIMES_BESIDE                                                                               \
    "LEFT JOIN ducklake_file_column_stats t ON t.table_id = d.table_id AND t.data_file_id = "      \
    "d.data_file_id AND t.column_id = 1 "
#define ANY_VERSION "coalesce(" OWN_VERSION ", " SHARED_VERSION ")"

static enum error_code visit_files(struct catalog *catalog, const char *sql,
                                   struct sql_values values, catalog_file_visitor *visit,
                                   void *context, struct error *error)
{
    struct query query;
    query_begin_list(&query, &catalog->database, sql, values, error);
    while (query_next(&query)) {
        uint64_t commit_no;
        struct catalog_file file = read_file(&query, &commit_no);
        if (query_column_count(&query) > 15) {
            file.first_time = query_text(&query, 14);
            file.last_time = query_text(&query, 15);
        }
        if (query_ok(&query))
            query_check(&query, check_file(&query, &file, error));
        if (query_ok(&query))
            query_check(&query, visit(context, &file, commit_no, error));
    }
    return query_end(&query);
}

static enum error_code each_file(struct catalog *catalog, const char *sql,
                                 const char *sql_if_shared, catalog_file_visitor *visit,
                                 void *context, struct error *error)
{
    bool is_shared = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_file_commits", &is_shared, error);
    return code == OK ? visit_files(catalog, is_shared ? sql_if_shared : sql,
                                    BIND(sql_int(catalog->table_id)), visit, context, error)
                      : code;
}

enum error_code catalog_each_file(struct catalog *catalog, catalog_file_visitor *visit,
                                  void *context, struct error *error)
{
    return each_file(catalog, EACH_FILE(IS_OF_COMMITS, OWN_VERSION, "", "", ""),
                     EACH_FILE(IS_OF_COMMITS, ANY_VERSION, "", "", ""), visit, context, error);
}

enum error_code catalog_each_file_with_times(struct catalog *catalog, catalog_file_visitor *visit,
                                             void *context, struct error *error)
{
    return each_file(catalog, EACH_FILE(IS_OF_COMMITS, OWN_VERSION, TIMES, TIMES_BESIDE, ""),
                     EACH_FILE(IS_OF_COMMITS, ANY_VERSION, TIMES, TIMES_BESIDE, ""), visit, context,
                     error);
}

enum error_code catalog_each_early_file(struct catalog *catalog, uint32_t ledger,
                                        catalog_file_visitor *visit, void *context,
                                        struct error *error)
{
    return visit_files(
        catalog, EACH_FILE("TRUE", ANY_VERSION, "", "", "AND d.data_file_id IN (" EARLY_FILES ")"),
        BIND(sql_int(catalog->table_id), sql_int(ledger)), visit, context, error);
}

enum error_code catalog_each_statistic(struct catalog *catalog, int64_t data_file_id,
                                       catalog_statistic_visitor *visit, void *context,
                                       struct error *error)
{
    struct query query;
    query_begin(&query, &catalog->database,
                "SELECT column_id, value_count, null_count, column_size_bytes, "
                "min_value, max_value FROM ducklake_file_column_stats WHERE "
                "data_file_id = ?1 ORDER BY column_id",
                BIND(sql_int(data_file_id)), error);
    while (query_next(&query)) {
        struct catalog_column_statistics statistics = {.column_id = (int)query_int(&query, 0),
                                                       .value_count = query_int(&query, 1),
                                                       .null_count = query_int(&query, 2),
                                                       .column_size_bytes = query_int(&query, 3),
                                                       .min_value = query_text(&query, 4),
                                                       .max_value = query_text(&query, 5)};
        query_check(&query, visit(context, &statistics, error));
    }
    return query_end(&query);
}
