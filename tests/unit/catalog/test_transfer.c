// SPDX-License-Identifier: Apache-2.0
/* A catalog's rows, one by one, in another database. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/catalog.h"
#include "database/engines.h"
#include "catalog/transfer.h"
#include "catalog/uploads.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES], here[TEMP_PATH_BYTES], there[TEMP_PATH_BYTES];
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(here, sizeof here, "%s", temp_path(folder, "here.sqlite"));
    snprintf(there, sizeof there, "%s", temp_path(folder, "there.sqlite"));
    struct catalog *catalog = fixture_create(here, &fixture_table);
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    catalog_close(catalog);
    error_clear(&error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static enum error_code transfer(void)
{
    struct database to, from;
    enum error_code code = database_open(&from, here, DATABASE_READ, &error);
    if (code == OK)
        code = database_open(&to, there, DATABASE_CREATE, &error);
    assert_int_equal(code, OK);
    code = database_begin_read(&from, &error);
    if (code == OK)
        code = database_begin_write(&to, &error);
    assert_int_equal(code, OK);
    code = database_end(&to, transfer_rows(&to, &from, &error), &error);
    (void)!database_end(&from, ERR_AGAIN, NULL);
    database_close(&to);
    database_close(&from);
    return code;
}

/* Rows of `table` that only one of the two has, of the same values and types. */
static int count_different(sqlite3 *both, const char *table)
{
    char sql[512];
    sqlite3_stmt *statement;
    snprintf(sql, sizeof sql,
             "SELECT (SELECT count(*) FROM (SELECT * FROM main.%s EXCEPT SELECT * FROM b.%s)) + "
             "(SELECT count(*) FROM (SELECT * FROM b.%s EXCEPT SELECT * FROM main.%s)) + "
             "abs((SELECT count(*) FROM main.%s) - (SELECT count(*) FROM b.%s))",
             table, table, table, table, table, table);
    assert_int_equal(sqlite3_prepare_v2(both, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int different = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return different;
}

static void assert_same(const char *table)
{
    char attach[TEMP_PATH_BYTES + 32];
    sqlite3 *both;
    assert_int_equal(sqlite3_open(here, &both), SQLITE_OK);
    snprintf(attach, sizeof attach, "ATTACH '%s' AS b", there);
    assert_int_equal(sqlite3_exec(both, attach, NULL, NULL, NULL), SQLITE_OK);
    if (count_different(both, table) != 0)
        fail_msg("%s is not the same", table);
    sqlite3_close(both);
}

static void assert_all_the_same(void)
{
    static const char *const tables[] = {"ducklake_column",
                                         "ducklake_data_file",
                                         "ducklake_file_column_stats",
                                         "ducklake_table",
                                         "ducklake_partition_column",
                                         "ducklake_snapshot",
                                         "ducklake_table_stats",
                                         "ducklake_snapshot_changes",
                                         "ducklake_file_partition_value",
                                         "ducklake_schema",
                                         "ducklake_schema_versions",
                                         "ducklake_table_column_stats",
                                         "ducklake_view",
                                         "ttp_lake",
                                         "ttp_coverage",
                                         "ttp_commits",
                                         "ttp_commit_files",
                                         "ttp_views",
                                         "ducklake_partition_info"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        assert_same(tables[i]);
}

static void every_row_arrives_with_its_types(void **state)
{
    (void)state;
    assert_int_equal(transfer(), OK);
    assert_all_the_same();
    assert_string_equal(fixture_query(there, "SELECT count(*) FROM ttp_commits"), "2");
    struct catalog *moved;
    assert_int_equal(catalog_open(&moved, there, CATALOG_WRITE, NULL, &error), OK);
    fixture_add(moved, 3, 50, 59);
    catalog_close(moved);
}

static void what_was_there_before_is_gone(void **state)
{
    (void)state;
    struct catalog *other = fixture_create(there, &fixture_table);
    fixture_add(other, 1, 100, 200);
    catalog_close(other);
    assert_int_equal(transfer(), OK);
    assert_all_the_same();
    fixture_change(here, "DELETE FROM ttp_commits WHERE commit_no = 2");
    assert_int_equal(transfer(), OK);
    assert_same("ttp_commits");
}

static void tables_that_only_some_catalogs_have_come_and_go(void **state)
{
    (void)state;
    struct catalog *catalog;
    const struct catalog_upload upload = {.path = "a.parquet",
                                          .commit_uuid = "one",
                                          .holder = "here",
                                          .size_bytes = 1,
                                          .created_us = 1};
    assert_int_equal(transfer(), OK);
    assert_string_equal(
        fixture_query(there, "SELECT count(*) FROM sqlite_master WHERE name = 'ttp_pruned'"), "0");
    assert_int_equal(catalog_open(&catalog, here, CATALOG_WRITE, NULL, &error), OK);
    assert_int_equal(catalog_care_begin(catalog, &error), OK);
    assert_int_equal(catalog_begin_uploads(catalog, &upload, 1, &error), OK);
    catalog_close(catalog);
    fixture_change(here, "INSERT INTO ttp_pruned VALUES(1, 9)");
    assert_int_equal(transfer(), OK);
    assert_same("ttp_pruned");
    assert_same("ttp_lake");
    /* What is being put is of the place. */
    assert_string_equal(
        fixture_query(there, "SELECT count(*) FROM sqlite_master WHERE name = 'ttp_upload'"), "0");
}

static void rows_far_apart_all_arrive(void **state)
{
    (void)state;
    fixture_change(here,
                   "INSERT INTO ducklake_snapshot SELECT 1000000 * value, snapshot_time, 0, "
                   "0, 0 FROM ducklake_snapshot, json_each('[1,2,3]') WHERE snapshot_id = 0; "
                   "INSERT INTO ducklake_snapshot VALUES(9000000000000000000, NULL, 0, 0, 0)");
    assert_int_equal(transfer(), OK);
    assert_same("ducklake_snapshot");
}

static void rows_that_duckdb_keeps_in_the_catalog_are_refused_with_the_remedy(void **state)
{
    (void)state;
    fixture_change(here, "CREATE TABLE ducklake_inlined_data_1_1(row_id BIGINT); INSERT INTO "
                         "ducklake_inlined_data_tables VALUES(1, 'ducklake_inlined_data_1_1', 1)");
    assert_int_equal(transfer(), OK);
    assert_string_equal(fixture_query(there, "SELECT count(*) FROM ducklake_inlined_data_tables"),
                        "0");
    fixture_change(here, "INSERT INTO ducklake_inlined_data_1_1 VALUES(1)");
    assert_int_equal(transfer(), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "ducklake_flush_inlined_data"));
    fixture_change(here, "DELETE FROM ducklake_inlined_data_1_1; CREATE TABLE "
                         "ducklake_inlined_delete_1(file_id BIGINT); INSERT INTO "
                         "ducklake_inlined_delete_1 VALUES(1)");
    assert_int_equal(transfer(), ERR_CONFLICT);
}

static void a_table_that_is_not_what_it_should_be_is_refused(void **state)
{
    (void)state;
    fixture_change(here, "ALTER TABLE ttp_coverage ADD COLUMN \"x, y) --\" BIGINT");
    assert_int_equal(transfer(), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "rebuild"));
}

static void a_row_without_its_key_is_not_lost_in_silence(void **state)
{
    (void)state;
    fixture_change(here, "INSERT INTO ducklake_file_partition_value VALUES(NULL, 1, 0, 'x')");
    assert_int_equal(transfer(), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "arrived"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_arrives_with_its_types),
        TEST(what_was_there_before_is_gone),
        TEST(tables_that_only_some_catalogs_have_come_and_go),
        TEST(rows_far_apart_all_arrive),
        TEST(rows_that_duckdb_keeps_in_the_catalog_are_refused_with_the_remedy),
        TEST(a_table_that_is_not_what_it_should_be_is_refused),
        TEST(a_row_without_its_key_is_not_lost_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
