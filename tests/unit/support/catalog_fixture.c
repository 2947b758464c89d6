// SPDX-License-Identifier: Apache-2.0
#include "support/catalog_fixture.h"
#include "catalog/history.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>

static const struct catalog_partition_column by_hour[] = {
    {"year", 1}, {"month", 1}, {"day", 1}, {"hour", 1}};

static const struct catalog_column columns[] = {{1, "timestamp", "timestamptz", false},
                                                {2, "ledger_sequence", "uint32", false},
                                                {3, "amount", "varchar", false}};
const struct catalog_table fixture_table = {.schema_version = "1.0.0",
                                            .column_count = 3,
                                            .columns = columns,
                                            .partition_count = 4,
                                            .partitions = by_hour};

/* The table of reference/ducklake-evolved.sql, before and after it evolved. */
static const struct catalog_column columns_1[] = {{1, "timestamp", "timestamptz", false},
                                                  {2, "ledger_sequence", "uint32", false},
                                                  {3, "source_account", "varchar", false},
                                                  {4, "memo", "varchar", true}};
const struct catalog_table fixture_table_1 = {.schema_version = "1.0.0",
                                              .column_count = 4,
                                              .columns = columns_1,
                                              .partition_count = 4,
                                              .partitions = by_hour};
static const struct catalog_column columns_2[] = {
    {1, "timestamp", "timestamptz", false}, {2, "ledger_sequence", "uint32", false},
    {3, "source_account", "varchar", true}, {4, "memo", "varchar", true},
    {5, "event_index", "uint32", false},    {6, "amount_decimal", "decimal(38,0)", true}};
const struct catalog_table fixture_table_2 = {.schema_version = "1.1.0",
                                              .column_count = 6,
                                              .columns = columns_2,
                                              .partition_count = 4,
                                              .partitions = by_hour};

struct catalog *fixture_create(const char *path, const struct catalog_table *table)
{
    struct error error;
    error_clear(&error);
    struct catalog_create_options create = {.data_path = "/data/lake/",
                                            .table = table,
                                            .created_by = "parquet-consumer test",
                                            .lake_id = "lake-1"};
    struct catalog *catalog;
    if (catalog_open(&catalog, path, CATALOG_CREATE, &create, &error) != OK)
        fail_msg("%s", error.message);
    return catalog;
}

struct catalog_file fixture_file(const char *path, uint32_t first, uint32_t last)
{
    static char texts[2][4][32];
    static struct catalog_column_statistics statistics[2][3];
    static unsigned next;
    unsigned slot = next++ % 2;
    snprintf(texts[slot][0], 32, "2024-01-15 12:%02u:00+00", first % 60);
    snprintf(texts[slot][1], 32, "2024-01-15 12:%02u:00.5+00", last % 60);
    snprintf(texts[slot][2], 32, "%u", first);
    snprintf(texts[slot][3], 32, "%u", last);
    statistics[slot][0] =
        (struct catalog_column_statistics){1, 10, 0, 100, texts[slot][0], texts[slot][1]};
    statistics[slot][1] =
        (struct catalog_column_statistics){2, 10, 0, 50, texts[slot][2], texts[slot][3]};
    statistics[slot][2] = (struct catalog_column_statistics){3, 10, 0, 70, "1", "99"};
    return (struct catalog_file){.path = path,
                                 .record_count = 10,
                                 .file_size_bytes = 1000,
                                 .footer_size_bytes = 200,
                                 .checksum = UINT64_C(0xFEDCBA9876543210),
                                 .range = {first, last},
                                 .partition_values = {"2024", "1", "15", "12"},
                                 .statistics_count = 3,
                                 .statistics = statistics[slot]};
}

struct catalog_commit fixture_commit(uint64_t commit_no, uint32_t first, uint32_t last,
                                     const struct catalog_file *files, size_t file_count)
{
    return (struct catalog_commit){.commit_no = commit_no,
                                   .range = {first, last},
                                   .schema_version = "1.0.0",
                                   .reason = "size",
                                   .files = files,
                                   .file_count = file_count,
                                   .row_count = (int64_t)file_count * 10,
                                   .digest_ledger = last,
                                   .digest_chain = {(uint8_t)commit_no, 2, 3},
                                   .digest_contents = {2, {4, 5, (uint8_t)last}},
                                   .last_close_us = (int64_t)last * 5000000,
                                   .committed_us = INT64_C(1700000000000000) + (int64_t)commit_no};
}

void fixture_add(struct catalog *catalog, uint64_t commit_no, uint32_t first, uint32_t last)
{
    struct error error;
    char path[64];
    error_clear(&error);
    snprintf(path, sizeof path, "year=2024/f%llu.parquet", (unsigned long long)commit_no);
    struct catalog_file file = fixture_file(path, first, last);
    struct catalog_commit commit = fixture_commit(commit_no, first, last, &file, 1);
    if (catalog_add_commit(catalog, &commit, &error) != OK)
        fail_msg("%s", error.message);
}

const char *fixture_query(const char *path, const char *sql)
{
    static char results[2][512];
    static unsigned next;
    char *out = results[next++ % 2];
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    out[0] = '\0';
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(database));
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != NULL)
        snprintf(out, sizeof results[0], "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return out;
}

const char *const fixture_changes_of_others =
    "INSERT INTO ducklake_snapshot SELECT 6, '2026-01-01 00:00:05+00', 3, 13, 5;"
    "INSERT INTO ducklake_snapshot SELECT 7, '2026-01-01 00:00:06+00', 3, 13, 5;"
    "INSERT INTO ducklake_snapshot SELECT 8, '2026-01-01 00:00:07+00', 4, 13, 5;"
    "INSERT INTO ducklake_snapshot SELECT 9, '2026-01-01 00:00:08+00', 4, 13, 9;"
    "INSERT INTO ducklake_snapshot_changes VALUES(6, 'deleted_from_table:1', NULL, NULL, NULL),"
    "(7, 'inlined_delete:1', NULL, NULL, NULL), (8, 'inlined_insert:1', NULL, NULL, NULL),"
    "(9, 'created_table:\"main\".\"mine\",inserted_into_table:11,inlined_delete:1', NULL, NULL, "
    "NULL);"
    "INSERT INTO ducklake_delete_file VALUES(5, 1, 6, NULL, 0, 'd-delete.parquet', 1, 'parquet', "
    "3, 800, 100, NULL, NULL);"
    "CREATE TABLE ducklake_inlined_delete_1(file_id BIGINT, row_id BIGINT, begin_snapshot BIGINT);"
    "INSERT INTO ducklake_inlined_delete_1 VALUES(0, 7, 7);"
    "CREATE TABLE ducklake_inlined_data_1_4(row_id BIGINT, begin_snapshot BIGINT, end_snapshot "
    "BIGINT, timestamp VARCHAR, ledger_sequence BIGINT, amount VARCHAR);"
    "INSERT INTO ducklake_inlined_data_tables VALUES(1, 'ducklake_inlined_data_1_4', 4),"
    "(1, 'sqlite_master; DROP TABLE ttp_lake', 4), (11, 'ducklake_inlined_data_11_4', 4);"
    "INSERT INTO ducklake_inlined_data_1_4 VALUES(20, 8, 9, '', 12, ''), (21, 8, NULL, '', 12, ''),"
    "(22, 8, NULL, '', 12, '');"
    "INSERT INTO ducklake_table VALUES(11, 'u', 9, NULL, 0, 'mine', 'mine/', 1),"
    "(10, 'v', 7, 8, 0, 'dropped', 'dropped/', 1);"
    "INSERT INTO ducklake_view VALUES(12, 'w', 9, NULL, 0, 'seen', 'duckdb', 'SELECT 1', '');"
    "INSERT INTO ducklake_data_file VALUES(6, 11, 9, NULL, NULL, 'm.parquet', 1, 'parquet', 1000, "
    "4000, 200, 0, NULL, NULL, NULL, NULL), (7, 10, 7, 8, NULL, 'o.parquet', 1, 'parquet', 5, 500, "
    "200, 0, NULL, NULL, NULL, NULL);"
    "INSERT INTO ducklake_files_scheduled_for_deletion VALUES(2, 'old.parquet', 1, ''),"
    "(3, '/elsewhere/old.parquet', 0, '');";

void fixture_change(const char *path, const char *sql)
{
    sqlite3 *database = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    if (sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(database);
}

enum error_code fixture_take_out(struct catalog *catalog, const uint64_t *commit_nos, size_t count,
                                 struct error *error)
{
    const struct catalog_removal removal = {.commit_nos = commit_nos,
                                            .commit_count = count,
                                            .reason = CATALOG_TAKEN_OUT_PREFIX "test",
                                            .decided_at = -1};
    int64_t snapshot;
    return catalog_take_out(catalog, &removal, &snapshot, error);
}
