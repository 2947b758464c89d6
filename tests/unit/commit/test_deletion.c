// SPDX-License-Identifier: Apache-2.0
/* What is deleted, and what is not: only what is listed, lies there as it was listed, has a name
 * that something of ours gave, and is named by nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/care.h"
#include "catalog/expiry.h"
#include "catalog/history.h"
#include "commit/backup_lock.h"
#include "commit/deletion.h"
#include "commit/retirement.h"
#include "os/log.h"
#include "support/catalog_fixture.h"
#include "support/fault_calls.h"
#include "support/temp_folder.h"

#define REPLACED "_lake/replaced/year=2024/f2.parquet.replaced"

static char folder[TEMP_PATH_BYTES], database_path[TEMP_PATH_BYTES];
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
    assert_int_equal(store_at(&store, folder, &error), OK);
    assert_int_equal(store_make_folder(&store, &error), OK);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "_lake/catalog.sqlite"));
    catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 20, 29);
    fixture_add(catalog, 3, 30, 39);
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

static void what_is_listed_is_deleted_and_taken_off_the_list(void **state)
{
    (void)state;
    static const char *const paths[] = {REPLACED, "_lake/damaged/f2.parquet.damaged",
                                        "_lake/damaged/f2.parquet.damaged-2",
                                        "_lake/dead_letters/commit_12.jsonl"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        put(paths[i], 1000 + i);
        doom(paths[i], i == 3 ? 0 : (int64_t)(1000 + i)); /* that of dead letters is not known */
    }
    doom("_lake/replaced/gone.parquet.replaced", 7);
    struct deletion_report report = finish();
    assert_int_equal(report.files, 4);
    assert_int_equal(report.bytes, 4006);
    assert_int_equal(report.missing, 1);
    assert_int_equal(report.left_alone, 0);
    assert_int_equal(listed(), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_false(store_exists(&store, paths[i]));
    assert_int_equal(finish().files, 0);
}

static void many_files_are_deleted(void **state)
{
    (void)state;
    char path[64];
    for (int i = 0; i < 1200; i++) {
        snprintf(path, sizeof path, "_lake/replaced/hour=%d/f%d.parquet.replaced", i % 24, i);
        put(path, 10);
        doom(path, i == 700 ? 11 : 10);
    }
    struct deletion_report report = finish();
    assert_int_equal(report.files, 1199);
    assert_int_equal(report.left_alone, 1);
    assert_int_equal(listed(), 1);
}

/* A catalog that somebody made, or changed. */
static void no_other_name_is_deleted_whatever_is_listed(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "year=2024/f1.parquet",
        "_lake/lake.json",
        "_lake/replaced/year=2024/f1.parquet",
        "_lake/replaced/f1.replaced",
        "_lake/replaced/../../f1.parquet.replaced",
        "_lake/replaced/_lake/f1.parquet.replaced",
        "_lake/damaged/a/f1.parquet.damaged",
        "_lake/damaged/f1.parquet",
        "_lake/dead_letters/commit_x.jsonl",
        "_lake/dead_letters/commit_1.jsonl.old",
        "_lake/staging/commit_1_0.parquet.inprogress",
    };
    size_t count = sizeof paths / sizeof *paths;
    for (size_t i = 0; i < count; i++) {
        if (strstr(paths[i], "..") == NULL)
            put(paths[i], 10);
        doom(paths[i], 10);
    }
    put("f1.parquet.replaced", 10);
    doom("/etc/passwd", 10);
    doom("", 10);
    struct deletion_report report = finish();
    assert_int_equal(report.files + report.missing, 0);
    assert_int_equal(report.left_alone, count + 1); /* "" is behind nothing */
    for (size_t i = 0; i < count; i++)
        assert_true(strstr(paths[i], "..") != NULL || store_exists(&store, paths[i]));
    assert_true(store_exists(&store, "f1.parquet.replaced"));
}

static void a_file_that_the_catalog_names_stays(void **state)
{
    (void)state;
    static const char *const names[] = {
        /* A live file of the table, by a relative and an absolute path; one of another table. */
        "UPDATE ducklake_data_file SET path = '" REPLACED "' WHERE data_file_id = 0",
        "UPDATE ducklake_data_file SET path = '/data/lake/" REPLACED "', path_is_relative = 0 "
        "WHERE data_file_id = 0",
        "INSERT INTO ducklake_schema VALUES(7, '', 3, NULL, '_lake', '_lake/', 1);"
        "INSERT INTO ducklake_table VALUES(11, 'u', 3, NULL, 7, 'replaced', 'replaced/', 1);"
        "INSERT INTO ducklake_delete_file(delete_file_id, table_id, path, path_is_relative) "
        "VALUES(20, 11, 'year=2024/f2.parquet.replaced', 1)",
        "INSERT INTO ducklake_files_scheduled_for_deletion VALUES(1, '" REPLACED "', 1, '')",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)tear_down(NULL);
        (void)set_up(NULL);
        put(REPLACED, 10);
        doom(REPLACED, 10);
        fixture_change(database_path, names[i]);
        assert_int_equal(finish().left_alone, 1);
        assert_true(store_exists(&store, REPLACED));
        assert_int_equal(listed(), 1);
    }
}

static void what_is_no_regular_file_stays(void **state)
{
    (void)state;
    put("elsewhere", 10);
    put("_lake/damaged/x", 1);
    assert_int_equal(symlink(temp_path(folder, "elsewhere"),
                             temp_path(folder, "_lake/damaged/a.parquet.damaged")),
                     0);
    assert_int_equal(mkfifo(temp_path(folder, "_lake/damaged/b.parquet.damaged"), 0600), 0);
    assert_int_equal(mkdir(temp_path(folder, "_lake/damaged/c.parquet.damaged"), 0700), 0);
    doom("_lake/damaged/a.parquet.damaged", 10);
    doom("_lake/damaged/b.parquet.damaged", 0);
    doom("_lake/damaged/c.parquet.damaged", 0);
    assert_int_equal(finish().left_alone, 3);
    assert_true(store_exists(&store, "elsewhere"));
}

static void a_running_backup_is_waited_for(void **state)
{
    (void)state;
    struct backup_lock backup;
    put(REPLACED, 10);
    doom(REPLACED, 10);
    assert_int_equal(backup_lock_share(&backup, &store, "/backup", &error), OK);
    struct deletion_report report = finish();
    assert_int_equal(report.files, 0);
    assert_int_equal(report.waiting_files, 1);
    assert_int_equal(report.waiting_bytes, 10);
    assert_non_null(strstr(report.waits_for, "a backup of the lake is running"));
    assert_true(store_exists(&store, REPLACED));
    backup_lock_release(&backup);
    assert_int_equal(finish().files, 1);
    assert_false(store_exists(&store, REPLACED));
}

static void a_file_that_left_is_not_moved_while_a_backup_runs(void **state)
{
    (void)state;
    static const uint64_t commits[] = {2};
    const struct catalog_removal removal = {.commit_nos = commits,
                                            .commit_count = 1,
                                            .reason = CATALOG_PRUNED_PREFIX "test",
                                            .prunes = true,
                                            .decided_at = -1};
    struct backup_lock backup;
    int64_t snapshot_id;
    put("year=2024/f2.parquet", 1000);
    assert_int_equal(catalog_care_begin(catalog, &error), OK);
    assert_int_equal(catalog_take_out(catalog, &removal, &snapshot_id, &error), OK);
    assert_int_equal(backup_lock_share(&backup, &store, "/backup", &error), OK);
    assert_int_equal(retirement_finish(&store, catalog, &error), OK);
    assert_true(store_exists(&store, "year=2024/f2.parquet"));
    backup_lock_release(&backup);
    assert_int_equal(retirement_finish(&store, catalog, &error), OK);
    assert_false(store_exists(&store, "year=2024/f2.parquet"));
    assert_true(store_exists(&store, REPLACED));
}

static void each_file_operation_may_fail_and_is_done_again(void **state)
{
    (void)state;
    static const char *const paths[] = {REPLACED, "_lake/replaced/g.parquet.replaced",
                                        "_lake/damaged/f2.parquet.damaged"};
    uint64_t operations = 0, failures = 0;
    for (uint64_t at = 1; at == 1 || at <= operations; at++) {
        struct fault_plan plan = {
            .kind = FAULT_ERRNO, .scope = FAULT_ALL, .system_errno = EIO, .first = at};
        struct deletion_report report;
        (void)tear_down(NULL);
        (void)set_up(NULL);
        for (size_t i = 0; i < 3; i++) {
            put(paths[i], 10);
            doom(paths[i], 10);
        }
        fault_begin(&plan);
        enum error_code code = deletion_finish(&store, catalog, &report, &error);
        operations = at == 1 ? 100 : operations;
        uint64_t count = fault_end();
        operations = code == OK && !fault_was_met() ? count : operations;
        failures += code != OK;
        (void)finish();
        assert_int_equal(listed(), 0);
        for (size_t i = 0; i < 3; i++)
            assert_false(store_exists(&store, paths[i]));
    }
    assert_true(failures > 5);
}

/* ---- files that nobody knows ---- */

static void replaced_files_that_a_rebuild_left_are_deleted(void **state)
{
    (void)state;
    put("_lake/replaced/year=2023/x.parquet.replaced", 10); /* nobody's */
    put(REPLACED, 10);                   /* its place is a live file's: an older catalog */
    put("_lake/replaced/x.parquet", 10); /* no name of ours */
    put("_lake/replaced/note", 10);
    put("_lake/replaced/year=2024/f9.parquet.replaced", 10); /* that another table names */
    fixture_change(database_path,
                   "INSERT INTO ducklake_schema VALUES(7, '', 3, NULL, '_lake', '_lake/', 1);"
                   "INSERT INTO ducklake_table VALUES(11, 'u', 3, NULL, 7, 'replaced', 'replaced/',"
                   " 1);"
                   "INSERT INTO ducklake_data_file(data_file_id, table_id, path, path_is_relative) "
                   "VALUES(20, 11, 'year=2024/f9.parquet.replaced', 1)");
    assert_int_equal(deletion_list_strays(&store, catalog, &error), OK);
    assert_int_equal(listed(), 1);
    assert_int_equal(finish().files, 1);
    assert_false(store_exists(&store, "_lake/replaced/year=2023/x.parquet.replaced"));
    assert_int_equal(temp_count(folder, "_lake/replaced", ""), 4);
}

/* ---- commits ---- */

static void a_commit_whose_file_still_lies_there_is_remembered(void **state)
{
    (void)state;
    static const uint64_t commits[] = {1, 2};
    struct catalog_expiry expiry;
    uint64_t count;
    bool has;
    put("year=2024/f2.parquet", 1000); /* a repair of version 0.1.0 died before it moved it */
    assert_int_equal(fixture_take_out(catalog, commits, 2, &error), OK);
    assert_int_equal(catalog_forget_leaving(catalog, "year=2024/f1.parquet", &error), OK);
    assert_int_equal(catalog_forget_leaving(catalog, "year=2024/f2.parquet", &error), OK);
    assert_int_equal(catalog_expire(catalog, 0, false, &expiry, &error), OK);
    assert_int_equal(deletion_forget_commits(&store, catalog, expiry.oldest_us, &count, &error),
                     OK);
    assert_int_equal(count, 1);
    assert_int_equal(catalog_has_commit(catalog, 1, &has, &error), OK);
    assert_false(has);
    assert_int_equal(catalog_path_is_taken_out(catalog, "year=2024/f2.parquet", &has, &error), OK);
    assert_true(has);
    assert_int_equal(store_remove(&store, "year=2024/f2.parquet", &error), OK);
    assert_int_equal(deletion_forget_commits(&store, catalog, expiry.oldest_us, &count, &error),
                     OK);
    assert_int_equal(count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_listed_is_deleted_and_taken_off_the_list),
        TEST(many_files_are_deleted),
        TEST(no_other_name_is_deleted_whatever_is_listed),
        TEST(a_file_that_the_catalog_names_stays),
        TEST(what_is_no_regular_file_stays),
        TEST(a_running_backup_is_waited_for),
        TEST(a_file_that_left_is_not_moved_while_a_backup_runs),
        TEST(each_file_operation_may_fail_and_is_done_again),
        TEST(replaced_files_that_a_rebuild_left_are_deleted),
        TEST(a_commit_whose_file_still_lies_there_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
