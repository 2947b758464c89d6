// SPDX-License-Identifier: Apache-2.0
/* Data files that take the place of others, as the catalog does it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/own_files.h"
#include "catalog/replacement.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static char database_path[TEMP_PATH_BYTES];
static struct catalog *catalog;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "catalog.sqlite"));
    catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 20, 29);
    fixture_add(catalog, 3, 30, 39);
    error_clear(&error);
    assert_int_equal(catalog_care_begin(catalog, NULL), OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_close(catalog);
    temp_folder_remove(folder);
    return 0;
}

static const char *query(const char *sql)
{
    return fixture_query(database_path, sql);
}

static int64_t file_of(unsigned commit_no)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT data_file_id FROM ttp_commit_files WHERE commit_no = %u",
             commit_no);
    return strtoll(query(sql), NULL, 10);
}

/* The files of commits 1 and 2 become one, which has the number 4. */
static enum error_code replace(void)
{
    int64_t ended[] = {file_of(1), file_of(2)};
    struct catalog_file file = fixture_file("new.parquet", 10, 29);
    struct catalog_commit change = fixture_commit(4, 10, 29, &file, 1);
    int64_t half = file.record_count / 2;
    const struct catalog_member members[] = {{0, 1, half}, {0, 2, file.record_count - half}};
    const struct catalog_replacement replacement = {ended, 2, members, 2};
    change.row_count = file.record_count;
    return catalog_replace_if(catalog, &change, &replacement, NULL, NULL, &error);
}

static enum error_code count_share(void *context, const struct catalog_share *share,
                                   struct error *problem)
{
    (void)problem;
    assert_true(share->commit_no == 1 || share->commit_no == 2);
    ++*(int *)context;
    return OK;
}

static enum error_code count_own(void *context, const struct catalog_own_file *file,
                                 struct error *problem)
{
    (void)problem;
    *(int *)context += file->is_replacing ? 10 : 1;
    return OK;
}

static void new_files_take_the_place_of_old_ones_in_one_snapshot(void **state)
{
    (void)state;
    int64_t before = strtoll(query("SELECT max(snapshot_id) FROM ducklake_snapshot"), NULL, 10);
    int shares = 0, own = 0;
    uint64_t next = 0;
    bool has = false;
    assert_int_equal(replace(), OK);
    assert_int_equal(strtoll(query("SELECT max(snapshot_id) FROM ducklake_snapshot"), NULL, 10),
                     before + 1);
    assert_string_equal(query("SELECT changes_made LIKE 'merge_adjacent:%' FROM "
                              "ducklake_snapshot_changes ORDER BY snapshot_id DESC LIMIT 1"),
                        "1");
    assert_string_equal(query("SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NOT "
                              "NULL AND path LIKE '_lake/replaced/%.replaced'"),
                        "2");
    assert_string_equal(query("SELECT count(*) FROM ttp_retired WHERE is_moved = 0"), "2");
    assert_string_equal(query("SELECT count(*) FROM ttp_commits"), "3");
    assert_string_equal(query("SELECT first_ledger || '-' || last_ledger FROM ttp_coverage"),
                        "10-39");
    assert_int_equal(catalog_each_share(catalog, count_share, &shares, &error), OK);
    assert_int_equal(shares, 2);
    assert_int_equal(catalog_each_own_file(catalog, count_own, &own, &error), OK);
    assert_int_equal(own, 11); /* commit 3's, and the new one */
    assert_int_equal(catalog_next_commit_no(catalog, &next, &error), OK);
    assert_int_equal(next, 5);
    assert_int_equal(catalog_has_commit(catalog, 4, &has, &error), OK);
    assert_true(has);
}

static void the_table_counts_the_rows_that_are_there(void **state)
{
    (void)state;
    static const char *const sums = "SELECT (SELECT record_count || ' ' || file_size_bytes FROM "
                                    "ducklake_table_stats) = (SELECT sum(record_count) || ' ' || "
                                    "sum(file_size_bytes) FROM ducklake_data_file WHERE "
                                    "end_snapshot IS NULL)";
    assert_string_equal(query(sums), "1");
    assert_int_equal(replace(), OK);
    assert_string_equal(query(sums), "1");
}

static void a_file_that_somebody_changed_keeps_all_as_it_is(void **state)
{
    (void)state;
    char sql[256];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO ducklake_delete_file SELECT 900, table_id, 1, NULL, %lld, 'd.parquet', 1, "
        "'parquet', 1, 10, 5, NULL, NULL FROM ducklake_data_file LIMIT 1",
        (long long)file_of(2));
    fixture_change(database_path, sql);
    assert_int_equal(replace(), ERR_CONFLICT);
    assert_string_equal(query("SELECT count(*) FROM ttp_replacements"), "0");
    assert_string_equal(query("SELECT count(*) FROM ttp_retired"), "0");
    fixture_change(database_path, "DELETE FROM ducklake_delete_file");
    snprintf(sql, sizeof sql,
             "UPDATE ducklake_data_file SET end_snapshot = 4 WHERE data_file_id = "
             "%lld",
             (long long)file_of(1));
    fixture_change(database_path, sql);
    assert_int_equal(replace(), ERR_CONFLICT);
    assert_string_equal(query("SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL"),
                        "2");
}

static void what_may_have_begun_is_settled_by_its_number(void **state)
{
    (void)state;
    bool committed = true;
    assert_int_equal(catalog_settle_commit(catalog, 4, &committed, &error), OK);
    assert_false(committed);
    assert_int_equal(replace(), OK);
    assert_int_equal(catalog_settle_commit(catalog, 4, &committed, &error), OK);
    assert_true(committed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(new_files_take_the_place_of_old_ones_in_one_snapshot),
        TEST(the_table_counts_the_rows_that_are_there),
        TEST(a_file_that_somebody_changed_keeps_all_as_it_is),
        TEST(what_may_have_begun_is_settled_by_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
