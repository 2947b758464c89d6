// SPDX-License-Identifier: Apache-2.0
/* A catalog is data: nothing in it runs, and nothing in it makes a statement of ours work for ever.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>

#include "database/engines.h"
#include "database/query.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static char path[TEMP_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(path, sizeof path, "%s", temp_path(folder, "catalog.sqlite"));
    struct catalog *catalog = fixture_create(path, &fixture_table);
    fixture_add(catalog, 1, 1, 9);
    catalog_close(catalog);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void refuse(const char *sql, const char *words)
{
    static const enum catalog_mode modes[] = {CATALOG_READ, CATALOG_WRITE};
    fixture_change(path, sql);
    for (size_t i = 0; i < 2; i++) {
        struct error error;
        error_clear(&error);
        struct catalog *catalog;
        assert_int_equal(catalog_open(&catalog, path, modes[i], NULL, &error), ERR_CORRUPT);
        assert_null(catalog);
        if (strstr(error.message, words) == NULL)
            fail_msg("'%s' is not in: %s", words, error.message);
    }
}

#define ENDLESS "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "

static void a_view_in_the_place_of_a_table_is_refused(void **state)
{
    (void)state;
    refuse("ALTER TABLE ttp_coverage RENAME TO hidden; CREATE VIEW ttp_coverage AS " ENDLESS
           "SELECT x AS first_ledger, x AS last_ledger FROM c",
           "has the view ttp_coverage where a plain table");
}

static void the_case_of_a_name_makes_no_difference(void **state)
{
    (void)state;
    refuse("ALTER TABLE ttp_holes RENAME TO hidden; CREATE VIEW TTP_Holes AS SELECT * FROM hidden",
           "the view TTP_Holes");
}

static void a_trigger_on_a_table_of_ours_is_refused(void **state)
{
    (void)state;
    refuse("CREATE TRIGGER undo AFTER INSERT ON ttp_commits BEGIN DELETE FROM ttp_coverage; END",
           "has the trigger undo where a plain table ttp_commits");
}

static void a_trigger_on_a_table_of_ducklakes_is_refused(void **state)
{
    (void)state;
    refuse("CREATE TRIGGER t BEFORE INSERT ON ducklake_snapshot BEGIN SELECT raise(ABORT, 'x'); "
           "END",
           "has the trigger t where a plain table ducklake_snapshot");
}

static void a_virtual_table_is_refused(void **state)
{
    (void)state;
    refuse("DROP TABLE ttp_holes; CREATE VIRTUAL TABLE ttp_holes USING fts5(first_ledger, "
           "last_ledger, reason, recorded_us)",
           "has the virtual table ttp_holes");
}

static void a_computed_column_is_refused(void **state)
{
    (void)state;
    refuse("DROP TABLE ttp_holes; CREATE TABLE ttp_holes(first_ledger BIGINT PRIMARY KEY, "
           "last_ledger BIGINT, reason AS (hex(zeroblob(100000000))), recorded_us BIGINT)",
           "has the computed column reason where a plain table ttp_holes");
}

/* Users' views of a lake are rows of ducklake_view; a view or trigger of SQLite's on a table of
 * somebody's own is no matter, and never run. */
static void what_is_on_other_tables_is_no_matter(void **state)
{
    (void)state;
    struct error error;
    fixture_change(path, "CREATE TABLE notes(a); CREATE VIEW seen AS SELECT * FROM ttp_coverage; "
                         "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM notes; END;"
                         "INSERT INTO ducklake_view VALUES(12, 'w', 2, NULL, 0, 'mine', 'duckdb', "
                         "'SELECT 1', '')");
    struct catalog *catalog;
    if (catalog_open(&catalog, path, CATALOG_WRITE, NULL, &error) != OK)
        fail_msg("%s", error.message);
    fixture_add(catalog, 2, 10, 19);
    catalog_close(catalog);
}

static void open_database(struct database *database, enum database_mode mode)
{
    struct error error;
    if (database_open(database, path, mode, &error) != OK)
        fail_msg("%s", error.message);
}

/* A view that comes while the lake is open does not run either. */
static void views_and_triggers_are_never_run(void **state)
{
    (void)state;
    struct database database;
    struct error error;
    int64_t value;
    open_database(&database, DATABASE_WRITE);
    fixture_change(path, "CREATE TABLE notes(a); CREATE VIEW seen AS SELECT 1 AS x;"
                         "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM notes; END");
    assert_int_equal(database_query_int(&database, "SELECT x FROM seen", NO_VALUES, &value, &error),
                     ERR_CORRUPT);
    assert_int_equal(database_execute(&database, "INSERT INTO notes VALUES(1)", &error), OK);
    database_close(&database);
    assert_string_equal(fixture_query(path, "SELECT count(*) FROM notes"), "1");
}

static void a_statement_that_never_ends_is_ended(void **state)
{
    (void)state;
    struct database database;
    struct error error;
    int64_t value;
    open_database(&database, DATABASE_READ);
    assert_int_equal(
        database_query_int(&database, ENDLESS "SELECT max(x) FROM c", NO_VALUES, &value, &error),
        ERR_CORRUPT);
    assert_non_null(strstr(error.message, "far more than its size accounts for"));
    /* The next one has a count of its own. */
    assert_int_equal(database_query_int(&database, "SELECT max(last_ledger) FROM ttp_coverage",
                                        NO_VALUES, &value, &error),
                     OK);
    assert_int_equal(value, 9);
    database_close(&database);
}

/* Rows that come one by one, with other statements between them, count together. */
static void endless_rows_end_as_well(void **state)
{
    (void)state;
    struct database database;
    struct query query;
    struct error error;
    int64_t value;
    open_database(&database, DATABASE_READ);
    query_begin(&query, &database, ENDLESS "SELECT x FROM c WHERE x % 100000 = 0", NO_VALUES,
                &error);
    while (query_next(&query))
        assert_int_equal(database_query_int(&database, "SELECT 1", NO_VALUES, &value, NULL), OK);
    assert_int_equal(query_end(&query), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "far more than its size accounts for"));
    database_close(&database);
}

static void a_value_without_bounds_is_refused(void **state)
{
    (void)state;
    refuse("UPDATE ttp_lake SET value = hex(zeroblob(10000000)) WHERE key = 'lake_id'",
           "a value of more than 16 MiB");
}

static void nothing_is_attached_and_readers_write_nothing(void **state)
{
    (void)state;
    struct database database;
    struct error error;
    open_database(&database, DATABASE_READ);
    assert_int_not_equal(database_execute(&database, "ATTACH ':memory:' AS other", &error), OK);
    assert_int_not_equal(database_execute(&database, "CREATE TEMP TABLE t AS SELECT 1", &error),
                         OK);
    database_close(&database);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_view_in_the_place_of_a_table_is_refused),
        TEST(the_case_of_a_name_makes_no_difference),
        TEST(a_trigger_on_a_table_of_ours_is_refused),
        TEST(a_trigger_on_a_table_of_ducklakes_is_refused),
        TEST(a_virtual_table_is_refused),
        TEST(a_computed_column_is_refused),
        TEST(what_is_on_other_tables_is_no_matter),
        TEST(views_and_triggers_are_never_run),
        TEST(a_statement_that_never_ends_is_ended),
        TEST(endless_rows_end_as_well),
        TEST(a_value_without_bounds_is_refused),
        TEST(nothing_is_attached_and_readers_write_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
