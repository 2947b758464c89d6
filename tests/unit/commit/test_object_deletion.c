// SPDX-License-Identifier: Apache-2.0
/* Files that leave a lake on object storage: they stay where they are for older snapshots, and are
 * deleted by their names, many at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/expiry.h"
#include "catalog/history.h"
#include "commit/deletion.h"
#include "commit/lake_catalog.h"
#include "commit/retirement.h"
#include "os/log.h"
#include "support/catalog_fixture.h"
#include "support/object_store.h"
#include "support/temp_folder.h"

#define FILE_2 "year=2024/f2.parquet"

static char folder[TEMP_PATH_BYTES], database_path[TEMP_PATH_BYTES];
static char location[TEMP_PATH_BYTES + 8];
static struct store store;
static struct catalog *catalog;
static struct error error;

static void put(const char *path, size_t size_bytes)
{
    static const char zeros[2000];
    char full[OS_PATH_BYTES], above[OS_PATH_BYTES];
    assert_int_equal(store_path(&store, path, full, &error), OK);
    assert_int_equal(os_parent_path(above, full, &error), OK);
    assert_int_equal(os_make_directories(above, NULL, &error), OK);
    temp_write(full, zeros, size_bytes);
}

static int set_up(void **state)
{
    (void)state;
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    temp_folder_make(folder);
    object_store_make(&store, folder);
    assert_int_equal(store_make_folder(&store, &error), OK);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "_lake/catalog.sqlite"));
    snprintf(location, sizeof location, "sqlite:%s", database_path);
    lake_catalog_configure(location, "");
    catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 20, 29);
    fixture_add(catalog, 3, 30, 39);
    put(FILE_2, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_close(catalog);
    temp_folder_remove(folder);
    return 0;
}

static void doom(const char *path, int64_t size_bytes)
{
    const struct catalog_doomed file = {path, size_bytes};
    assert_int_equal(catalog_doom(catalog, &file, 1, &error), OK);
}

static struct deletion_report finish(void)
{
    struct deletion_report report;
    if (deletion_finish(&store, catalog, &report, &error) != OK)
        fail_msg("%s", error.message);
    return report;
}

static uint64_t listed(void)
{
    struct catalog_doomed_totals totals;
    assert_int_equal(catalog_doomed_totals(catalog, &totals, &error), OK);
    return totals.files;
}

static bool is_live_or_kept(const char *path)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM ducklake_data_file WHERE path = '%s'", path);
    return strcmp(fixture_query(database_path, sql), "1") == 0;
}

static void prune_commit_2(void)
{
    static const uint64_t commits[] = {2};
    const struct catalog_removal removal = {.commit_nos = commits,
                                            .commit_count = 1,
                                            .reason = CATALOG_PRUNED_PREFIX "test",
                                            .prunes = true,
                                            .in_place = retirement_in_place(&store),
                                            .decided_at = -1};
    int64_t snapshot_id;
    assert_int_equal(catalog_care_begin(catalog, &error), OK);
    assert_int_equal(catalog_take_out(catalog, &removal, &snapshot_id, &error), OK);
    assert_int_equal(retirement_finish(&store, catalog, &error), OK);
}

static uint64_t expire(void)
{
    struct catalog_expiry expiry;
    if (catalog_expire(catalog, 0, false, &expiry, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(expiry.scheduled, 0);
    return expiry.files;
}

static void what_left_stays_where_it_is_until_its_snapshots_end(void **state)
{
    (void)state;
    struct deletion_report report;
    bool known, taken_out;
    prune_commit_2();
    assert_true(store_exists(&store, FILE_2));
    assert_true(is_live_or_kept(FILE_2));
    assert_int_equal(catalog_path_is_known(catalog, FILE_2, &known, &error), OK);
    assert_int_equal(catalog_path_is_taken_out(catalog, FILE_2, &taken_out, &error), OK);
    assert_true(known && !taken_out); /* no repair moves it */
    assert_int_equal(expire(), 1);
    assert_false(is_live_or_kept(FILE_2));
    assert_int_equal(catalog_path_is_taken_out(catalog, FILE_2, &taken_out, &error), OK);
    assert_false(taken_out);
    report = finish();
    assert_int_equal(report.files, 1);
    assert_int_equal(report.bytes, 1000);
    assert_int_equal(report.left_alone, 0);
    assert_false(store_exists(&store, FILE_2));
    assert_int_equal(listed(), 0);
}

static void what_an_older_snapshot_needs_does_not_expire(void **state)
{
    (void)state;
    struct catalog_expiry expiry;
    prune_commit_2();
    assert_int_equal(catalog_expire(catalog, INT64_C(86400000000), false, &expiry, &error), OK);
    assert_int_equal(expiry.files, 0);
    assert_true(is_live_or_kept(FILE_2));
}

static void many_are_deleted_by_few_requests_and_none_is_opened(void **state)
{
    (void)state;
    char path[64];
    for (int i = 0; i < 2500; i++) {
        snprintf(path, sizeof path, "hour=%d/f%d_1a2b3c4d.parquet", i % 24, i);
        if (i % 100 == 0)
            put(path, 10);
        doom(path, 10);
    }
    size_t opens = object_store_counts().opens;
    struct deletion_report report = finish();
    assert_int_equal(report.files, 2500);
    assert_int_equal(report.bytes, 25000);
    assert_int_equal(listed(), 0);
    assert_int_equal(object_store_counts().deletions, 3);
    assert_int_equal(object_store_counts().opens, opens);
    assert_int_equal(temp_count(folder, "hour=0", ""), 0);
}

static void what_went_before_a_failure_is_taken_off_the_list(void **state)
{
    (void)state;
    static const char *const paths[] = {"a_1a2b3c4d.parquet", "b_1a2b3c4d.parquet",
                                        "_lake/dead_letters/commit_12_1a2b3c4d.jsonl"};
    struct deletion_report report;
    for (size_t i = 0; i < 3; i++) {
        put(paths[i], 10);
        doom(paths[i], i == 2 ? 0 : 10);
    }
    object_store_fail_after(2);
    assert_int_equal(deletion_finish(&store, catalog, &report, &error), ERR_RETRY);
    assert_int_equal(report.files, 2);
    assert_int_equal(listed(), 1);
    assert_int_equal(finish().files, 1);
    assert_int_equal(listed(), 0);
    for (size_t i = 0; i < 3; i++)
        assert_false(store_exists(&store, paths[i]));
}

/* A catalog that somebody made, or changed. */
static void no_other_name_is_deleted_whatever_is_listed(void **state)
{
    (void)state;
    static const char *const paths[] = {"_lake/lake.json",
                                        "_lake/backups.json",
                                        "_lake/staging/commit_1_0.parquet.inprogress",
                                        "_lake/dead_letters/commit_1_1A2B3C4D.jsonl",
                                        "_lake/dead_letters/commit_1_1a2b3c4.jsonl",
                                        "_lake/dead_letters/commit_.jsonl",
                                        "year=2024/f1.parquet", /* a live one */
                                        "year=2024/notes.txt"};
    size_t count = sizeof paths / sizeof *paths;
    for (size_t i = 0; i < count; i++) {
        put(paths[i], 10);
        doom(paths[i], 10);
    }
    doom("../elsewhere/x.parquet", 10);
    doom("/etc/x.parquet", 10);
    struct deletion_report report = finish();
    assert_int_equal(report.files + report.missing, 0);
    assert_int_equal(report.left_alone, count + 2);
    for (size_t i = 0; i < count; i++)
        assert_true(store_exists(&store, paths[i]));
}

static void what_a_row_of_the_catalog_names_stays(void **state)
{
    (void)state;
    static const char *const names[] = {
        "UPDATE ducklake_data_file SET path = '" FILE_2 "' WHERE data_file_id = 0",
        "UPDATE ducklake_data_file SET path = 's3://bucket/lake/" FILE_2 "', path_is_relative = 0 "
        "WHERE data_file_id = 0",
        "INSERT INTO ducklake_files_scheduled_for_deletion VALUES(1, '" FILE_2 "', 1, '')",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)tear_down(NULL);
        (void)set_up(NULL);
        prune_commit_2();
        assert_int_equal(expire(), 1);
        fixture_change(database_path, names[i]);
        assert_int_equal(finish().left_alone, 1);
        assert_true(store_exists(&store, FILE_2));
        assert_int_equal(listed(), 1);
    }
}

static void nothing_is_deleted_because_it_lies_there(void **state)
{
    (void)state;
    put("_lake/replaced/year=2023/x.parquet.replaced", 10);
    assert_int_equal(deletion_list_strays(&store, catalog, &error), OK);
    assert_int_equal(listed(), 0);
}

static void commits_are_forgotten_without_a_request(void **state)
{
    (void)state;
    struct catalog_expiry expiry;
    uint64_t count;
    prune_commit_2();
    assert_int_equal(catalog_expire(catalog, 0, false, &expiry, &error), OK);
    assert_int_equal(deletion_forget_commits(&store, catalog, expiry.oldest_us, &count, &error),
                     OK);
    assert_int_equal(count, 0); /* its file is listed */
    (void)finish();
    size_t opens = object_store_counts().opens;
    assert_int_equal(deletion_forget_commits(&store, catalog, expiry.oldest_us, &count, &error),
                     OK);
    assert_int_equal(count, 1);
    assert_int_equal(object_store_counts().opens, opens);
}

/* A repair died between its copy and its record of it. */
static void what_was_set_aside_by_a_dead_process_is_recorded(void **state)
{
    (void)state;
    static const uint64_t commits[] = {2};
    assert_int_equal(fixture_take_out(catalog, commits, 1, &error), OK);
    assert_int_equal(store_move_aside(&store, FILE_2, NULL, &error), OK);
    assert_int_equal(retirement_finish(&store, catalog, &error), OK);
    assert_string_equal(fixture_query(database_path, "SELECT kept_path FROM ttp_set_aside"),
                        "_lake/damaged/f2.parquet.damaged");
    assert_int_equal(expire(), 1);
    assert_int_equal(finish().files, 1);
    assert_false(store_exists(&store, "_lake/damaged/f2.parquet.damaged"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_left_stays_where_it_is_until_its_snapshots_end),
        TEST(what_an_older_snapshot_needs_does_not_expire),
        TEST(many_are_deleted_by_few_requests_and_none_is_opened),
        TEST(what_went_before_a_failure_is_taken_off_the_list),
        TEST(no_other_name_is_deleted_whatever_is_listed),
        TEST(what_a_row_of_the_catalog_names_stays),
        TEST(nothing_is_deleted_because_it_lies_there),
        TEST(commits_are_forgotten_without_a_request),
        TEST(what_was_set_aside_by_a_dead_process_is_recorded),
    };
    return cmocka_run_group_tests_name("files that leave on object storage", tests, NULL, NULL);
}
