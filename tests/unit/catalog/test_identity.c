// SPDX-License-Identifier: Apache-2.0
/* Whether the table in the catalog is the lake's own: what other programs did to it, and catalogs
 * that do not keep which it is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>

#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static char path[TEMP_PATH_BYTES];
static struct error error;

#define OWN_KEYS                                                                                   \
    "'table_id', 'table_uuid', 'table_name', 'table_path', 'schema_id', 'schema_name', "           \
    "'schema_path'"
#define FORGET "DELETE FROM ttp_lake WHERE \"key\" IN (" OWN_KEYS ");"
#define KEPT   "SELECT count(*) FROM ttp_lake WHERE \"key\" IN (" OWN_KEYS ")"
/* What DuckDB's statements leave in the catalog. */
#define DROP "UPDATE ducklake_table SET end_snapshot = 3 WHERE table_id = 1;"
#define REPLACE                                                                                    \
    DROP "INSERT INTO ducklake_table VALUES(3,'01a22a04-0000-7000-8000-000000000000',3,NULL,0,"    \
         "'ttp_events','ttp_events/',1);"
#define RENAME                                                                                     \
    DROP "INSERT INTO ducklake_table SELECT table_id, table_uuid, 3, NULL, schema_id, 'events', "  \
         "path, path_is_relative FROM ducklake_table WHERE table_id = 1;"

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(path, sizeof path, "%s", temp_path(folder, "catalog.sqlite"));
    struct catalog *catalog = fixture_create(path, &fixture_table);
    fixture_add(catalog, 1, 1, 9);
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

static void change(const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(database));
    sqlite3_close(database);
}

static void assert_opens(void)
{
    const enum catalog_mode modes[] = {CATALOG_READ, CATALOG_WRITE};
    for (size_t i = 0; i < 2; i++) {
        struct catalog *catalog;
        if (catalog_open(&catalog, path, modes[i], NULL, &error) != OK)
            fail_msg("%s", error.message);
        catalog_close(catalog);
    }
}

static void assert_refused(const char *words, const char *remedy)
{
    const enum catalog_mode modes[] = {CATALOG_READ, CATALOG_WRITE};
    for (size_t i = 0; i < 2; i++) {
        struct catalog *none;
        assert_int_equal(catalog_open(&none, path, modes[i], NULL, &error), ERR_CONFLICT);
        if (strstr(error.message, words) == NULL || strstr(error.message, remedy) == NULL)
            fail_msg("\"%s\" or \"%s\" is not in: %s", words, remedy, error.message);
    }
}

/* The same in a catalog that keeps its table's identity and in one of version 0.1.0. */
static void assert_both_refuse(const char *sql, const char *words, const char *remedy)
{
    change(sql);
    assert_refused(words, remedy);
    change(FORGET);
    assert_refused(words, remedy);
    assert_string_equal(fixture_query(path, KEPT), "0");
}

static void a_new_catalog_keeps_which_table_is_its_own(void **state)
{
    (void)state;
    assert_string_equal(fixture_query(path, KEPT), "7");
    assert_string_equal(fixture_query(path, "SELECT count(*) FROM ttp_lake l JOIN ducklake_table t "
                                            "ON l.\"value\" = t.table_uuid WHERE \"key\" = "
                                            "'table_uuid'"),
                        "1");
    assert_opens();
}

static void a_catalog_that_keeps_none_learns_it_when_it_is_opened_for_writing(void **state)
{
    (void)state;
    change(FORGET);
    struct catalog *catalog;
    assert_int_equal(catalog_open(&catalog, path, CATALOG_READ, NULL, &error), OK);
    catalog_close(catalog);
    assert_string_equal(fixture_query(path, KEPT), "0");
    assert_opens();
    assert_string_equal(fixture_query(path, KEPT), "7");
    change("UPDATE ducklake_table SET table_uuid = '01a22a04-0000-7000-8000-000000000000'");
    assert_refused("is another one", "rebuild");
}

static void a_replaced_table_is_refused(void **state)
{
    (void)state;
    assert_both_refuse(REPLACE,
                       "was replaced: another table has its name (table_id 3, since "
                       "snapshot 3)",
                       "rebuild");
}

static void a_dropped_table_is_refused_also_when_its_snapshots_expired(void **state)
{
    (void)state;
    assert_both_refuse(DROP, "was dropped", "rebuild");
    change("DELETE FROM ducklake_table");
    assert_refused("was dropped", "rebuild");
}

static void a_renamed_table_is_refused_until_it_is_renamed_back(void **state)
{
    (void)state;
    assert_both_refuse(RENAME, "was renamed to events",
                       "ALTER TABLE lake.main.\"events\" RENAME TO ttp_events");
    change("UPDATE ducklake_table SET table_name = 'ttp_events' WHERE end_snapshot IS NULL");
    assert_opens();
}

static void a_table_elsewhere_is_refused(void **state)
{
    (void)state;
    assert_both_refuse("UPDATE ducklake_table SET path = 'ttp_events/'", "its table_path is",
                       "move it back");
    change("UPDATE ducklake_table SET path = ''; UPDATE ducklake_schema SET path = 'main/'");
    assert_refused("its schema_path is \"main/\"", "move it back");
    change("UPDATE ducklake_schema SET path = '', path_is_relative = 0");
    assert_refused("(absolute)", "move it back");
    change("UPDATE ducklake_schema SET path_is_relative = 1, schema_name = 'other'");
    assert_refused("its schema_name is \"other\"", "move it back");
    change("UPDATE ducklake_schema SET schema_name = 'main', end_snapshot = 3");
    assert_refused("its schema_name is \"(nothing)\"", "move it back");
}

static void tables_and_schemas_of_others_are_no_matter(void **state)
{
    (void)state;
    change("INSERT INTO ducklake_schema VALUES(7,'01a22a04-0000-7000-8000-000000000001',3,NULL,"
           "'mine','mine/',1); INSERT INTO ducklake_table VALUES(8,"
           "'01a22a04-0000-7000-8000-000000000002',3,NULL,7,'ttp_events','ttp_events/',1)");
    assert_opens();
}

static void a_table_replaced_while_the_lake_is_open_gets_no_commit(void **state)
{
    (void)state;
    struct catalog *catalog;
    assert_int_equal(catalog_open(&catalog, path, CATALOG_WRITE, NULL, &error), OK);
    change(REPLACE);
    struct catalog_file file = fixture_file("b.parquet", 10, 19);
    struct catalog_commit commit = fixture_commit(2, 10, 19, &file, 1);
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "was replaced"));
    catalog_close(catalog);
    assert_string_equal(fixture_query(path, "SELECT count(*) FROM ducklake_data_file"), "1");
    assert_string_equal(fixture_query(path, "SELECT max(last_ledger) FROM ttp_coverage"), "9");
}

static void half_of_an_identity_is_a_damaged_catalog(void **state)
{
    (void)state;
    change("DELETE FROM ttp_lake WHERE \"key\" = 'table_uuid'");
    struct catalog *none;
    assert_int_equal(catalog_open(&none, path, CATALOG_WRITE, NULL, &error), ERR_CORRUPT);
}

static void a_catalog_that_is_written_to_meanwhile_learns_the_next_time(void **state)
{
    (void)state;
    sqlite3 *database;
    change(FORGET);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct catalog *catalog;
    assert_int_equal(catalog_open(&catalog, path, CATALOG_WRITE, NULL, &error), OK);
    catalog_close(catalog);
    sqlite3_close(database);
    assert_string_equal(fixture_query(path, KEPT), "0");
    assert_opens();
    assert_string_equal(fixture_query(path, KEPT), "7");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_catalog_keeps_which_table_is_its_own),
        TEST(a_catalog_that_keeps_none_learns_it_when_it_is_opened_for_writing),
        TEST(a_replaced_table_is_refused),
        TEST(a_dropped_table_is_refused_also_when_its_snapshots_expired),
        TEST(a_renamed_table_is_refused_until_it_is_renamed_back),
        TEST(a_table_elsewhere_is_refused),
        TEST(tables_and_schemas_of_others_are_no_matter),
        TEST(a_table_replaced_while_the_lake_is_open_gets_no_commit),
        TEST(half_of_an_identity_is_a_damaged_catalog),
        TEST(a_catalog_that_is_written_to_meanwhile_learns_the_next_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
