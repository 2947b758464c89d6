// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/history.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"
#include "util/memory.h"

static char folder[TEMP_PATH_BYTES];
static char database_path[TEMP_PATH_BYTES];
static struct catalog *catalog;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "catalog.sqlite"));
    catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_close(catalog);
    catalog = NULL;
    temp_folder_remove(folder);
    return 0;
}

static void change(const char *sql)
{
    fixture_change(database_path, sql);
}

static enum error_code take_commit(void *context, const struct catalog_commit_record *commit,
                                   struct error *error)
{
    (void)error;
    assert_non_null(commit->schema_version);
    ++*(unsigned *)context;
    return OK;
}

static enum error_code take_file(void *context, const struct catalog_file *file, uint64_t commit_no,
                                 struct error *error)
{
    (void)commit_no;
    (void)error;
    assert_true(file->record_count >= 0 && file->range.first <= file->range.last);
    ++*(unsigned *)context;
    return OK;
}

static enum error_code read_coverage(struct error *error)
{
    struct ledger_set coverage = {0};
    enum error_code code = catalog_coverage(catalog, &coverage, error);
    if (code != OK)
        assert_null(coverage.ranges);
    ledger_set_release(&coverage);
    return code;
}

static void assert_damaged(enum error_code code, const struct error *error, const char *part)
{
    assert_int_equal(code, ERR_CORRUPT);
    if (strstr(error->message, database_path) == NULL || strstr(error->message, part) == NULL)
        fail_msg("%s", error->message);
}

static void coverage_that_is_no_list_of_ranges_is_damage(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *part;
    } cases[] = {{"UPDATE ttp_coverage SET last_ledger = 5 WHERE first_ledger = 10", "10 to 5"},
                 {"UPDATE ttp_coverage SET last_ledger = 4294967296 WHERE first_ledger = 10",
                  "10 to 4294967296"},
                 {"UPDATE ttp_coverage SET last_ledger = 35 WHERE first_ledger = 10",
                  "has ledger 30 twice"}};
    struct error error;
    assert_int_equal(read_coverage(&error), OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        change(cases[i].sql);
        assert_damaged(read_coverage(&error), &error, cases[i].part);
    }
}

static void a_commit_without_what_every_commit_has_is_damage(void **state)
{
    (void)state;
    unsigned count = 0;
    struct error error;
    change("UPDATE ttp_commits SET row_count = -1 WHERE commit_no = 2");
    assert_damaged(catalog_each_commit(catalog, 0, take_commit, &count, &error), &error,
                   "commit 2 lacks");
    assert_int_equal(count, 1);
    /* A column that was NOT NULL once need not be in a file that somebody else made. */
    change("UPDATE ttp_commits SET row_count = 10 WHERE commit_no = 2;"
           "PRAGMA writable_schema = ON;"
           "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = "
           "'ttp_commits'; PRAGMA writable_schema = OFF");
    change("UPDATE ttp_commits SET schema_version = NULL WHERE commit_no = 1");
    count = 0;
    assert_damaged(catalog_each_commit(catalog, 0, take_commit, &count, &error), &error,
                   "commit 1 lacks");
    assert_int_equal(count, 0);
}

static void a_data_file_with_a_size_below_zero_is_damage(void **state)
{
    (void)state;
    unsigned count = 0;
    struct error error;
    change("UPDATE ducklake_data_file SET record_count = -10 WHERE path = 'year=2024/f2.parquet'");
    assert_damaged(catalog_each_file(catalog, take_file, &count, &error), &error,
                   "f2.parquet has a size below zero");
    assert_int_equal(count, 1);
}

static void counters_that_can_not_be_counted_on_are_damage(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *undo, *part;
    } cases[] = {{"UPDATE ducklake_table_stats SET next_row_id = 9223372036854775807",
                  "UPDATE ducklake_table_stats SET next_row_id = 20", "next_row_id"},
                 {"UPDATE ducklake_snapshot SET next_file_id = -1",
                  "UPDATE ducklake_snapshot SET next_file_id = 100", "next_file_id"},
                 {"UPDATE ttp_commits SET commit_no = 9223372036854775807 WHERE commit_no = 2",
                  "SELECT 1", "commit_no"}};
    struct error error;
    uint64_t next;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct catalog_file file = fixture_file("year=2024/f3.parquet", 50, 59);
        struct catalog_commit commit = fixture_commit(3, 50, 59, &file, 1);
        change(cases[i].sql);
        enum error_code code = catalog_next_commit_no(catalog, &next, &error);
        if (code == OK)
            code = catalog_add_commit(catalog, &commit, &error);
        assert_damaged(code, &error, cases[i].part);
        change(cases[i].undo);
    }
}

static void a_column_without_a_type_is_damage(void **state)
{
    (void)state;
    struct error error;
    struct catalog_file file = fixture_file("year=2024/f3.parquet", 50, 59);
    struct catalog_commit commit = fixture_commit(3, 50, 59, &file, 1);
    change("UPDATE ducklake_column SET column_type = NULL WHERE column_id = 2");
    assert_damaged(catalog_add_commit(catalog, &commit, &error), &error, "column 2 has no type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(coverage_that_is_no_list_of_ranges_is_damage, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_commit_without_what_every_commit_has_is_damage, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(counters_that_can_not_be_counted_on_are_damage, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_column_without_a_type_is_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_data_file_with_a_size_below_zero_is_damage, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
