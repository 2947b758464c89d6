// SPDX-License-Identifier: Apache-2.0
/* What DuckDB will find: tables, bootstrap, appends and evolution as in the reference dumps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>

#include "catalog/column_value.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static char database_path[TEMP_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "catalog.sqlite"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

/* A database made by running a dump of DuckDB's. */
static void load_reference(const char *name, char path[TEMP_PATH_BYTES])
{
    char dump[TEMP_PATH_BYTES];
    snprintf(dump, sizeof dump, TTP_TEST_DATA "/reference/%s", name);
    FILE *file = fopen(dump, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    rewind(file);
    char *sql = malloc((size_t)size + 1);
    assert_non_null(sql);
    assert_int_equal(fread(sql, 1, (size_t)size, file), size);
    sql[size] = '\0';
    fclose(file);
    snprintf(path, TEMP_PATH_BYTES, "%s", temp_path(folder, "reference.sqlite"));
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    free(sql);
}

/* All rows of a query on both databases must be the same texts. */
static void assert_same_rows(const char *ours, const char *theirs, const char *sql)
{
    sqlite3 *databases[2] = {NULL, NULL};
    sqlite3_stmt *statements[2] = {NULL, NULL};
    const char *const paths[2] = {ours, theirs};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sqlite3_open(paths[i], &databases[i]), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(databases[i], sql, -1, &statements[i], NULL),
                         SQLITE_OK);
    }
    unsigned rows = 0;
    for (;; rows++) {
        int result = sqlite3_step(statements[0]);
        assert_int_equal(result, sqlite3_step(statements[1]));
        if (result != SQLITE_ROW)
            break;
        for (int i = 0; i < sqlite3_column_count(statements[0]); i++) {
            const char *a = (const char *)sqlite3_column_text(statements[0], i);
            const char *b = (const char *)sqlite3_column_text(statements[1], i);
            if ((a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0))
                fail_msg("%s: row %u, column %s: %s, not %s", sql, rows,
                         sqlite3_column_name(statements[0], i), a == NULL ? "NULL" : a,
                         b == NULL ? "NULL" : b);
        }
    }
    assert_true(rows > 0);
    for (int i = 0; i < 2; i++) {
        sqlite3_finalize(statements[i]);
        sqlite3_close(databases[i]);
    }
}

static void every_table_is_declared_as_duckdb_declares_it(void **state)
{
    (void)state;
    char reference[TEMP_PATH_BYTES];
    load_reference("ducklake-inserted.sql", reference);
    catalog_close(fixture_create(database_path, &fixture_table));
    assert_same_rows(database_path, reference,
                     "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name LIKE "
                     "'ducklake%' ORDER BY name");
    assert_string_equal(fixture_query(database_path,
                                      "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND "
                                      "name LIKE 'ducklake%'"),
                        "28");
}

static void a_new_table_is_bootstrapped_as_duckdb_does_it(void **state)
{
    (void)state;
    char reference[TEMP_PATH_BYTES];
    load_reference("ducklake-evolved.sql", reference);
    catalog_close(fixture_create(database_path, &fixture_table_1));
    assert_same_rows(database_path, reference,
                     "SELECT snapshot_id, schema_version, next_catalog_id, next_file_id FROM "
                     "ducklake_snapshot WHERE snapshot_id <= 2 ORDER BY 1");
    assert_same_rows(database_path, reference,
                     "SELECT * FROM ducklake_snapshot_changes WHERE snapshot_id <= 2 ORDER BY 1");
    assert_same_rows(database_path, reference,
                     "SELECT * FROM ducklake_schema_versions WHERE begin_snapshot <= 2 ORDER BY 1");
    assert_same_rows(database_path, reference,
                     "SELECT column_id, begin_snapshot, table_id, column_order, column_name, "
                     "column_type, initial_default, default_value, nulls_allowed, parent_column, "
                     "default_value_type, default_value_dialect FROM ducklake_column WHERE "
                     "begin_snapshot = 1 ORDER BY column_id");
    assert_same_rows(database_path, reference, "SELECT * FROM ducklake_partition_info");
    assert_same_rows(database_path, reference,
                     "SELECT * FROM ducklake_partition_column ORDER BY partition_key_index");
    assert_same_rows(database_path, reference,
                     "SELECT table_id, begin_snapshot, end_snapshot, schema_id, table_name, "
                     "path_is_relative FROM ducklake_table");
    assert_same_rows(database_path, reference,
                     "SELECT schema_id, begin_snapshot, end_snapshot, schema_name, "
                     "path_is_relative FROM ducklake_schema");
    assert_same_rows(database_path, reference,
                     "SELECT \"key\", \"scope\" FROM ducklake_metadata WHERE \"key\" IN "
                     "('version', 'created_by', 'data_path', 'encrypted') ORDER BY 1");
    assert_string_equal(fixture_query(database_path, "PRAGMA journal_mode"), "wal");
}

static void evolution_writes_what_duckdbs_alter_writes(void **state)
{
    (void)state;
    char reference[TEMP_PATH_BYTES];
    struct error error;
    load_reference("ducklake-evolved.sql", reference);
    struct catalog *catalog = fixture_create(database_path, &fixture_table_1);
    fixture_add(catalog, 1, 1, 10);
    assert_int_equal(catalog_evolve(catalog, &fixture_table_2, 4, &error), OK);
    assert_string_equal(catalog_schema_version(catalog), "1.1.0");
    /* DuckDB makes a snapshot of each ALTER, we one of all, and one of the views. */
    assert_same_rows(database_path, reference,
                     "SELECT column_id, table_id, column_order, column_name, column_type, "
                     "initial_default, default_value, nulls_allowed, parent_column, "
                     "default_value_type, default_value_dialect, end_snapshot IS NULL, "
                     "begin_snapshot = 1 FROM ducklake_column ORDER BY column_id, begin_snapshot");
    assert_string_equal(fixture_query(database_path,
                                      "SELECT snapshot_id || ',' || schema_version || ',' || "
                                      "next_catalog_id || ',' || next_file_id FROM "
                                      "ducklake_snapshot WHERE snapshot_id = 5"),
                        "5,4,5,1");
    assert_string_equal(fixture_query(database_path,
                                      "SELECT changes_made FROM ducklake_snapshot_changes WHERE "
                                      "snapshot_id = 5"),
                        "altered_table:1");
    assert_string_equal(fixture_query(database_path,
                                      "SELECT begin_snapshot || ',' || schema_version || ',' || "
                                      "table_id FROM ducklake_schema_versions ORDER BY 1 DESC"),
                        "5,4,1");
    catalog_close(catalog);
    assert_int_equal(catalog_open(&catalog, database_path, CATALOG_WRITE, NULL, &error), OK);
    assert_string_equal(catalog_schema_version(catalog), "1.1.0");
    catalog_close(catalog);
}

static void change(const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(database_path, &database), SQLITE_OK);
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(database));
    sqlite3_close(database);
}

static void assert_evolution_is_refused(struct catalog *catalog, const char *words)
{
    struct error error;
    assert_int_equal(catalog_evolve(catalog, &fixture_table_2, 4, &error), ERR_CONFLICT);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, error.message);
    assert_string_equal(catalog_schema_version(catalog), "1.0.0");
}

static void evolution_is_refused_where_a_user_added_a_column(void **state)
{
    (void)state;
    struct catalog *catalog = fixture_create(database_path, &fixture_table_1);
    change("INSERT INTO ducklake_column VALUES(5,3,NULL,1,5,'note','varchar',NULL,'NULL',1,NULL,"
           "'literal','duckdb')");
    assert_evolution_is_refused(catalog, "a column \"note\" with id 5: go on");
    /* Also one that looks like the column that is to come: its values are somebody else's. */
    change("UPDATE ducklake_column SET column_name = 'event_index', column_type = 'uint32' WHERE "
           "column_id = 5");
    assert_evolution_is_refused(catalog, "a column \"event_index\" with id 5: go on");
    fixture_add(catalog, 1, 1, 10); /* no transaction was left open */
    catalog_close(catalog);
}

static void evolution_is_refused_where_a_column_id_was_ever_used(void **state)
{
    (void)state;
    struct catalog *catalog = fixture_create(database_path, &fixture_table_1);
    fixture_add(catalog, 1, 1, 10);
    change("INSERT INTO ducklake_column VALUES(6,3,4,1,6,'score','varchar',NULL,'NULL',1,NULL,"
           "'literal','duckdb')");
    assert_evolution_is_refused(catalog, "a column \"score\" with id 6, dropped since");
    /* Its row expires with its snapshots; a file that has its values may still be live. */
    change("DELETE FROM ducklake_column WHERE column_id = 6; INSERT INTO ducklake_file_column_stats"
           " VALUES(0,1,6,1,1,0,'777','777',NULL,NULL)");
    assert_evolution_is_refused(catalog, "(its name is gone)");
    change("UPDATE ducklake_file_column_stats SET table_id = 9 WHERE column_id = 6");
    assert_int_equal(catalog_evolve(catalog, &fixture_table_2, 4, NULL), OK);
    catalog_close(catalog);
}

static void evolution_is_refused_where_a_column_has_the_new_ones_name(void **state)
{
    (void)state;
    struct catalog *catalog = fixture_create(database_path, &fixture_table_1);
    change("INSERT INTO ducklake_column VALUES(9,3,NULL,1,9,'Event_Index','varchar',NULL,'NULL',1,"
           "NULL,'literal','duckdb')");
    assert_evolution_is_refused(catalog, "\"Event_Index\" with id 9");
    catalog_close(catalog);
}

static void evolution_is_refused_where_a_column_of_ours_was_changed(void **state)
{
    (void)state;
    struct catalog *catalog = fixture_create(database_path, &fixture_table_1);
    change("UPDATE ducklake_column SET column_type = 'int64' WHERE column_id = 2");
    assert_evolution_is_refused(catalog, "ledger_sequence (uint32)");
    change("UPDATE ducklake_column SET column_type = 'uint32', end_snapshot = 3 WHERE column_id = "
           "2");
    assert_evolution_is_refused(catalog, "was changed to nothing (dropped)");
    catalog_close(catalog);
}

static void an_append_adds_files_statistics_and_a_snapshot(void **state)
{
    (void)state;
    struct error error;
    struct catalog *catalog = fixture_create(database_path, &fixture_table);
    struct catalog_file files[2] = {fixture_file("a.parquet", 9, 20),
                                    fixture_file("b.parquet", 10, 100)};
    struct catalog_commit commit = fixture_commit(1, 9, 100, files, 2);
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), OK);
    assert_string_equal(
        fixture_query(database_path,
                      "SELECT group_concat(data_file_id || ':' || begin_snapshot || ':' || path || "
                      "':' || record_count || ':' || file_size_bytes || ':' || footer_size || ':' "
                      "|| row_id_start || ':' || partition_id || ':' || file_format, ' ') FROM "
                      "ducklake_data_file WHERE file_order IS NULL AND end_snapshot IS NULL"),
        "0:4:a.parquet:10:1000:200:0:2:parquet 1:4:b.parquet:10:1000:200:10:2:parquet");
    assert_string_equal(fixture_query(database_path,
                                      "SELECT record_count || ',' || next_row_id || ',' || "
                                      "file_size_bytes FROM ducklake_table_stats"),
                        "20,20,2000");
    /* As numbers 9 < 100; as text it would be the other way round. */
    assert_string_equal(fixture_query(database_path,
                                      "SELECT min_value || ',' || max_value || ',' || "
                                      "contains_null FROM ducklake_table_column_stats WHERE "
                                      "column_id = 2"),
                        "9,100,0");
    assert_string_equal(fixture_query(database_path,
                                      "SELECT group_concat(partition_value, ',') FROM "
                                      "ducklake_file_partition_value WHERE data_file_id = 1"),
                        "2024,1,15,12");
    assert_string_equal(fixture_query(database_path,
                                      "SELECT changes_made || ' ' || commit_extra_info FROM "
                                      "ducklake_snapshot_changes WHERE snapshot_id = 4"),
                        "inserted_into_table:1 {\"commit_no\":1,\"first_ledger\":9,"
                        "\"last_ledger\":100,\"reason\":\"size\",\"schema_version\":\"1.0.0\"}");
    assert_string_equal(fixture_query(database_path,
                                      "SELECT next_file_id FROM ducklake_snapshot WHERE "
                                      "snapshot_id = 4"),
                        "2");
    catalog_close(catalog);
}

static void table_bounds_disappear_where_a_file_has_none_and_stay_away(void **state)
{
    (void)state;
    struct error error;
    struct catalog *catalog = fixture_create(database_path, &fixture_table);
    struct catalog_column_statistics statistics[] = {
        {1, 10, 0, 1, "2024-01-15 12:00:00+00", "2024-01-15 12:00:00+00"},
        {2, 10, 0, 1, "5", "6"},
        {3, 0, 10, 1, NULL, NULL}};
    const char *const query = "SELECT coalesce(min_value, 'none') || ',' || contains_null FROM "
                              "ducklake_table_column_stats WHERE column_id = 3";
    for (uint32_t i = 0; i < 4; i++) {
        char path[16];
        snprintf(path, sizeof path, "%u.parquet", i);
        struct catalog_file file = fixture_file(path, 10 * i, 10 * i + 9);
        file.statistics = statistics;
        struct catalog_commit commit = fixture_commit(i + 1, 10 * i, 10 * i + 9, &file, 1);
        if (i == 1) /* values with bounds, after a file of NULLs only */
            statistics[2] = (struct catalog_column_statistics){3, 10, 0, 1, "k", "m"};
        if (i == 2) /* values without */
            statistics[2] = (struct catalog_column_statistics){3, 10, 0, 1, NULL, NULL};
        if (i == 3)
            statistics[2] = (struct catalog_column_statistics){3, 10, 0, 1, "a", "z"};
        assert_int_equal(catalog_add_commit(catalog, &commit, &error), OK);
        assert_string_equal(fixture_query(database_path, query), i == 1 ? "k,1" : "none,1");
    }
    catalog_close(catalog);
}

static void columns_added_later_allow_null_since_older_files_lack_them(void **state)
{
    (void)state;
    struct error error;
    struct catalog *catalog = fixture_create(database_path, &fixture_table_1);
    fixture_add(catalog, 1, 1, 10);
    assert_int_equal(catalog_evolve(catalog, &fixture_table_2, 4, &error), OK);
    struct catalog_column_statistics statistics[] = {{5, 10, 0, 1, "0", "7"},
                                                     {6, 10, 0, 1, "-5", "100"}};
    struct catalog_file file = fixture_file("b.parquet", 11, 20);
    file.statistics = statistics;
    file.statistics_count = 2;
    struct catalog_commit commit = fixture_commit(2, 11, 20, &file, 1);
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), OK);
    assert_string_equal(fixture_query(database_path,
                                      "SELECT contains_null || ',' || min_value || ',' || "
                                      "max_value FROM ducklake_table_column_stats WHERE "
                                      "column_id = 5"),
                        "1,0,7");
    catalog_close(catalog);
}

/* A user's ALTER … ADD COLUMN: files of ours go on without it. */
static void a_column_that_a_file_lacks_allows_null(void **state)
{
    (void)state;
    struct catalog *catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 1, 10);
    fixture_change(database_path,
                   "INSERT INTO ducklake_column VALUES(90,4,NULL,1,90,'note','varchar',NULL,"
                   "'NULL',1,NULL,'literal','duckdb');"
                   "INSERT INTO ducklake_table_column_stats VALUES(1,90,0,NULL,'a','b',NULL)");
    fixture_add(catalog, 2, 11, 20);
    assert_string_equal(fixture_query(database_path, "SELECT contains_null FROM "
                                                     "ducklake_table_column_stats WHERE "
                                                     "column_id = 90"),
                        "1");
    catalog_close(catalog);
}

/* A user's SET PARTITIONED BY or RESET PARTITIONED BY ended the lake's own: its values would be
 * taken for the new one's. */
static void files_have_no_partition_values_once_the_partitioning_was_ended(void **state)
{
    (void)state;
    struct catalog *catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 1, 10);
    fixture_change(database_path, "UPDATE ducklake_partition_info SET end_snapshot = 5");
    fixture_add(catalog, 2, 11, 20);
    assert_string_equal(
        fixture_query(database_path,
                      "SELECT group_concat(coalesce(partition_id, 0) || ':' || (SELECT count(*) "
                      "FROM ducklake_file_partition_value v WHERE v.data_file_id = "
                      "d.data_file_id), ' ') FROM ducklake_data_file d"),
        "2:4 0:0");
    catalog_close(catalog);
}

static void snapshot_times_rise_even_when_the_clock_goes_back(void **state)
{
    (void)state;
    struct catalog *catalog = fixture_create(database_path, &fixture_table);
    sqlite3 *database;
    assert_int_equal(sqlite3_open(database_path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database,
                                  "UPDATE ducklake_snapshot SET snapshot_time = '2999-01-01 "
                                  "00:00:00+00' WHERE snapshot_id = 3",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(database);
    fixture_add(catalog, 1, 1, 10);
    assert_string_equal(fixture_query(database_path, "SELECT snapshot_time FROM ducklake_snapshot "
                                                     "ORDER BY snapshot_id DESC"),
                        "2999-01-01 00:00:00.000001+00");
    catalog_close(catalog);
}

static void a_table_that_was_dropped_is_a_conflict(void **state)
{
    (void)state;
    struct error error;
    struct catalog *catalog = fixture_create(database_path, &fixture_table);
    sqlite3 *database;
    assert_int_equal(sqlite3_open(database_path, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(database, "UPDATE ducklake_table SET end_snapshot = 3", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(database);
    struct catalog_file file = fixture_file("a.parquet", 1, 2);
    struct catalog_commit commit = fixture_commit(1, 1, 2, &file, 1);
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), ERR_CONFLICT);
    assert_string_equal(fixture_query(database_path, "SELECT count(*) FROM ttp_coverage"), "0");
    catalog_close(catalog);
}

static void values_are_compared_as_their_type(void **state)
{
    (void)state;
    int order;
    assert_true(column_value_compare("uint32", "9", "10", &order));
    assert_true(order < 0);
    assert_true(column_value_compare("decimal(38,0)", "-99999999999999999999999999999999999999",
                                     "99999999999999999999999999999999999999", &order));
    assert_true(order < 0);
    assert_true(column_value_compare("timestamptz", "2024-01-15 12:00:00+00",
                                     "2024-01-15 12:00:00.000001+00", &order));
    assert_true(order < 0);
    assert_true(column_value_compare("varchar", "b", "a", &order));
    assert_true(order > 0);
    assert_false(column_value_compare("uint32", "nine", "10", &order));
    assert_false(
        column_value_compare("timestamptz", "yesterday", "2024-01-15 12:00:00+00", &order));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_table_is_declared_as_duckdb_declares_it),
        TEST(a_new_table_is_bootstrapped_as_duckdb_does_it),
        TEST(evolution_writes_what_duckdbs_alter_writes),
        TEST(evolution_is_refused_where_a_user_added_a_column),
        TEST(evolution_is_refused_where_a_column_id_was_ever_used),
        TEST(evolution_is_refused_where_a_column_has_the_new_ones_name),
        TEST(evolution_is_refused_where_a_column_of_ours_was_changed),
        TEST(an_append_adds_files_statistics_and_a_snapshot),
        TEST(table_bounds_disappear_where_a_file_has_none_and_stay_away),
        TEST(columns_added_later_allow_null_since_older_files_lack_them),
        TEST(a_column_that_a_file_lacks_allows_null),
        TEST(files_have_no_partition_values_once_the_partitioning_was_ended),
        TEST(snapshot_times_rise_even_when_the_clock_goes_back),
        TEST(a_table_that_was_dropped_is_a_conflict),
        TEST(values_are_compared_as_their_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
