// SPDX-License-Identifier: Apache-2.0
/* Ending snapshots: what leaves the catalog with them, and which files nothing needs any more. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/doomed.h"
#include "catalog/expiry.h"
#include "catalog/history.h"
#include "support/allocation_sweep.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

#define DAY_US INT64_C(86400000000)

static char folder[TEMP_PATH_BYTES];
static char database_path[TEMP_PATH_BYTES];
static struct catalog *catalog;
static struct error error;

/* A snapshot a day, long ago: 0 to 3 made the lake, 4 to 6 are its commits. */
static void set_times(void)
{
    fixture_change(database_path,
                   "UPDATE ducklake_snapshot SET snapshot_time = strftime('%Y-%m-%d %H:%M:%S+00', "
                   "1700000000 + (snapshot_id - 1) * 86400, 'unixepoch')");
}

static int set_up(void **state)
{
    (void)state;
    error_clear(&error);
    temp_folder_make(folder);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "catalog.sqlite"));
    catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 20, 29);
    fixture_add(catalog, 3, 30, 39);
    set_times();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_close(catalog);
    temp_folder_remove(folder);
    return 0;
}

static void prune(uint64_t commit_no)
{
    const struct catalog_removal removal = {.commit_nos = &commit_no,
                                            .commit_count = 1,
                                            .reason = CATALOG_PRUNED_PREFIX "test",
                                            .prunes = true,
                                            .decided_at = -1};
    int64_t snapshot_id;
    assert_int_equal(catalog_care_begin(catalog, &error), OK);
    assert_int_equal(catalog_take_out(catalog, &removal, &snapshot_id, &error), OK);
    assert_int_equal(catalog_set_moved(catalog, &error), OK);
    set_times();
}

static void repair(uint64_t commit_no)
{
    assert_int_equal(fixture_take_out(catalog, &commit_no, 1, &error), OK);
    set_times();
}

static struct catalog_expiry expire(int64_t days)
{
    struct catalog_expiry would, did;
    assert_int_equal(catalog_expire(catalog, days * DAY_US, true, &would, &error), OK);
    if (catalog_expire(catalog, days * DAY_US, false, &did, &error) != OK)
        fail_msg("%s", error.message);
    would.before_us = did.before_us;               /* now has moved on where it counts */
    assert_memory_equal(&would, &did, sizeof did); /* a dry run says what will be done */
    return did;
}

#define ASSERT_QUERY(expected, sql)                                                                \
    assert_string_equal(fixture_query(database_path, "SELECT coalesce(group_concat(x, ' '), '') "  \
                                                     "FROM (" sql ")"),                            \
                        expected)

static void assert_doomed(const char *expected)
{
    struct catalog_doomed_totals totals;
    assert_int_equal(catalog_doomed_totals(catalog, &totals, &error), OK);
    if (totals.files == 0)
        assert_string_equal(expected, "");
    else
        ASSERT_QUERY(expected,
                     "SELECT path || ':' || size_bytes AS x FROM ttp_doomed ORDER BY path");
}

#define F2 "year=2024/f2.parquet"

/* ---- which snapshots end ---- */

static void snapshots_older_than_the_age_end(void **state)
{
    (void)state;
    struct catalog_expiry expiry = expire(2);
    assert_int_equal(expiry.snapshots, 4);
    assert_int_equal(expiry.snapshots_left, 3);
    assert_int_equal(expiry.oldest_snapshot, 4);
    assert_int_equal(expiry.oldest_us, INT64_C(1700000000000000) + 3 * DAY_US);
    assert_int_equal(expiry.before_us, expiry.oldest_us);
    assert_int_equal(expiry.files + expiry.scheduled, 0);
    ASSERT_QUERY("4 5 6", "SELECT snapshot_id AS x FROM ducklake_snapshot ORDER BY 1");
    ASSERT_QUERY("4 5 6", "SELECT snapshot_id AS x FROM ducklake_snapshot_changes ORDER BY 1");
}

static void the_newest_snapshot_stays_however_old_it_is(void **state)
{
    (void)state;
    struct catalog_expiry expiry = expire(0);
    assert_int_equal(expiry.snapshots, 6);
    assert_int_equal(expiry.oldest_snapshot, 6);
    assert_int_equal(expire(0).snapshots, 0);
    fixture_add(catalog, 4, 40, 49); /* and the next one is as it would have been */
    ASSERT_QUERY("6 7", "SELECT snapshot_id AS x FROM ducklake_snapshot ORDER BY 1");
}

static void a_clock_that_is_wrong_ends_nothing_that_is_young(void **state)
{
    (void)state;
    /* For the lake's own clock all of them are years old. */
    assert_int_equal(expire(30).snapshots, 0);
    /* One from the time to come ends nothing before its time. */
    fixture_change(database_path, "UPDATE ducklake_snapshot SET snapshot_time = '2999-01-01 "
                                  "00:00:00+00' WHERE snapshot_id = 6");
    struct catalog_expiry expiry = expire(1);
    assert_int_equal(expiry.snapshots, 6);
    assert_true(expiry.before_us < INT64_C(32000000000000000));
}

static void a_snapshot_whose_time_cannot_be_read_stays(void **state)
{
    (void)state;
    fixture_change(database_path,
                   "UPDATE ducklake_snapshot SET snapshot_time = 'soon' WHERE snapshot_id = 1");
    struct catalog_expiry expiry = expire(0);
    assert_int_equal(expiry.oldest_snapshot, 1);
    assert_int_equal(expiry.oldest_us, 0);
    ASSERT_QUERY("1 6", "SELECT snapshot_id AS x FROM ducklake_snapshot ORDER BY 1");
}

static void times_of_other_zones_are_read_as_what_they_are(void **state)
{
    (void)state;
    /* An hour after the cut, and an hour before it. */
    fixture_change(database_path, "UPDATE ducklake_snapshot SET snapshot_time = '2023-11-18 "
                                  "08:13:20+09' WHERE snapshot_id = 3;"
                                  "UPDATE ducklake_snapshot SET snapshot_time = '2023-11-17 "
                                  "16:13:20-05' WHERE snapshot_id = 2;"
                                  "UPDATE ducklake_snapshot SET snapshot_time = '2023-11-19 "
                                  "22:13:20+00' WHERE snapshot_id = 6");
    assert_int_equal(expire(2).snapshots, 3);
    ASSERT_QUERY("3 4 5 6", "SELECT snapshot_id AS x FROM ducklake_snapshot ORDER BY 1");
}

/* ---- files that left ---- */

static void a_pruned_file_is_doomed_when_no_snapshot_sees_it_any_more(void **state)
{
    (void)state;
    prune(2); /* by snapshot 7 */
    assert_int_equal(expire(1).files, 0);
    ASSERT_QUERY("6 7", "SELECT snapshot_id AS x FROM ducklake_snapshot ORDER BY 1");
    assert_doomed("");
    struct catalog_expiry expiry = expire(0);
    assert_int_equal(expiry.files, 1);
    assert_int_equal(expiry.bytes, 1000);
    assert_int_equal(expiry.scheduled, 0);
    assert_doomed("_lake/replaced/" F2 ".replaced:1000");
    ASSERT_QUERY("0 2", "SELECT data_file_id AS x FROM ducklake_data_file ORDER BY 1");
    ASSERT_QUERY("0 2", "SELECT DISTINCT data_file_id AS x FROM ducklake_file_column_stats");
    ASSERT_QUERY("0 2", "SELECT DISTINCT data_file_id AS x FROM ducklake_file_partition_value");
    ASSERT_QUERY("", "SELECT path AS x FROM ttp_retired");
}

static void a_file_that_was_not_moved_yet_is_doomed_after_it_was(void **state)
{
    (void)state;
    prune(2);
    fixture_change(database_path, "UPDATE ttp_retired SET is_moved = 0");
    assert_int_equal(expire(0).files, 0);
    assert_doomed("");
    assert_int_equal(catalog_set_moved(catalog, &error), OK);
    assert_int_equal(expire(0).files, 1);
    assert_doomed("_lake/replaced/" F2 ".replaced:1000");
}

static void dead_letters_go_with_the_snapshots_before_their_end(void **state)
{
    (void)state;
    struct catalog_commit commit = fixture_commit(4, 40, 49, NULL, 0);
    commit.dead_letters_path = "dead_letters/commit_4.jsonl";
    commit.dead_letter_count = 1;
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), OK);
    commit = fixture_commit(5, 50, 59, NULL, 0);
    commit.dead_letters_path = "dead_letters/commit_5.jsonl";
    commit.dead_letter_count = 1;
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), OK);
    prune(4);
    repair(5);
    assert_int_equal(expire(2).files, 0);
    assert_int_equal(expire(1).files, 1);
    assert_doomed("_lake/dead_letters/commit_4.jsonl:0");
    assert_int_equal(expire(0).files, 1);
    assert_doomed("_lake/dead_letters/commit_4.jsonl:0 _lake/dead_letters/commit_5.jsonl:0");
}

static void a_repaired_file_is_doomed_where_it_was_put_and_never_under_its_name(void **state)
{
    (void)state;
    repair(2);
    assert_int_equal(
        catalog_set_aside(catalog, F2, "_lake/damaged/f2.parquet.damaged-2", 77, &error), OK);
    assert_int_equal(expire(1).files, 0);
    struct catalog_expiry expiry = expire(0);
    assert_int_equal(expiry.files, 1);
    assert_int_equal(expiry.bytes, 77);
    assert_int_equal(expiry.scheduled, 0);
    assert_doomed("_lake/damaged/f2.parquet.damaged-2:77");
    ASSERT_QUERY("", "SELECT path AS x FROM ducklake_files_scheduled_for_deletion");
    ASSERT_QUERY("0 2", "SELECT data_file_id AS x FROM ducklake_data_file ORDER BY 1");
}

static void a_repaired_file_of_which_nobody_knows_where_it_is_is_left_alone(void **state)
{
    (void)state;
    repair(2); /* by an earlier version, or the process died */
    struct catalog_expiry expiry = expire(0);
    assert_int_equal(expiry.files + expiry.scheduled, 0);
    ASSERT_QUERY("", "SELECT path AS x FROM ducklake_files_scheduled_for_deletion");
}

/* ---- files of others ---- */

/* The lake of fixture_changes_of_others, with a snapshot a day: 4 and 5 are its commits. */
static void make_lake_of_others(void)
{
    catalog_close(catalog);
    temp_folder_clear(folder);
    catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    fixture_change(database_path, fixture_changes_of_others);
}

static void files_of_others_are_left_to_duckdb_once(void **state)
{
    (void)state;
    make_lake_of_others();
    /* A delete file that ended, a data file that somebody registered and dropped, one below the
     * lake by its whole path, one that DuckDB has listed already. */
    fixture_change(
        database_path,
        "UPDATE ducklake_delete_file SET end_snapshot = 8;"
        "INSERT INTO ducklake_data_file(data_file_id, table_id, begin_snapshot, end_snapshot, "
        "path, "
        "path_is_relative) VALUES(20, 1, 6, 7, '/elsewhere/a.parquet', 0), (21, 1, 6, 7, "
        "'/data/lake/b.parquet', 0), (22, 1, 6, 7, 'old.parquet', 1)");
    set_times();
    assert_int_equal(expire(3).scheduled, 0);
    struct catalog_expiry expiry = expire(0);
    assert_int_equal(expiry.snapshots, 3);
    assert_int_equal(expiry.files, 0);
    assert_int_equal(expiry.scheduled, 5);
    ASSERT_QUERY("2:old.parquet:1 3:/elsewhere/old.parquet:0 7:dropped/o.parquet:1 "
                 "20:/elsewhere/a.parquet:0 21:b.parquet:1 5:d-delete.parquet:1",
                 "SELECT data_file_id || ':' || path || ':' || path_is_relative AS x FROM "
                 "ducklake_files_scheduled_for_deletion");
    ASSERT_QUERY("0 1 6", "SELECT data_file_id AS x FROM ducklake_data_file ORDER BY 1");
    ASSERT_QUERY("1 11", "SELECT table_id AS x FROM ducklake_table ORDER BY 1");
    assert_int_equal(expire(0).scheduled, 0);
}

static void a_retired_file_that_duckdb_expired_is_duckdbs_as_long_as_it_lists_it(void **state)
{
    (void)state;
    prune(1);
    prune(2);
    fixture_change(database_path, "DELETE FROM ducklake_snapshot WHERE snapshot_id < 8;"
                                  "DELETE FROM ducklake_data_file WHERE end_snapshot <= 8;"
                                  "INSERT INTO ducklake_files_scheduled_for_deletion VALUES(1, "
                                  "'_lake/replaced/" F2 ".replaced', 1, '')");
    struct catalog_expiry expiry = expire(0);
    assert_int_equal(expiry.files, 1);
    assert_doomed("_lake/replaced/year=2024/f1.parquet.replaced:1000");
    ASSERT_QUERY("", "SELECT path AS x FROM ttp_retired");
    ASSERT_QUERY("_lake/replaced/" F2 ".replaced",
                 "SELECT path AS x FROM ducklake_files_scheduled_for_deletion");
}

static void what_a_dropped_table_left_in_the_catalog_goes_with_it(void **state)
{
    (void)state;
    make_lake_of_others();
    fixture_change(
        database_path,
        "CREATE TABLE ducklake_inlined_data_10_2(row_id BIGINT);"
        "CREATE TABLE ducklake_inlined_delete_10(file_id BIGINT);"
        "INSERT INTO ducklake_inlined_data_tables VALUES(10, 'ducklake_inlined_data_10_2', 2);"
        "INSERT INTO ducklake_column(column_id, table_id) VALUES(1, 10);"
        "INSERT INTO ducklake_column_mapping VALUES(1, 10, ''), (2, 11, '');"
        "INSERT INTO ducklake_name_mapping(mapping_id) VALUES(1), (2);"
        "INSERT INTO ducklake_macro VALUES(0, 1, 'm', 3, 4), (0, 2, 'n', 3, 9);"
        "INSERT INTO ducklake_macro_impl(macro_id) VALUES(1), (2);"
        "INSERT INTO ducklake_macro_parameters(macro_id) VALUES(1), (2);"
        "INSERT INTO ducklake_schema VALUES(7, '', 3, 4, 's', 's/', 1);"
        "INSERT INTO ducklake_tag VALUES(1, 3, 4, 'k', 'v'), (1, 3, NULL, 'k', 'w');"
        "UPDATE ducklake_view SET begin_snapshot = 4, end_snapshot = 5 WHERE view_id = 12");
    set_times();
    (void)expire(1);
    ASSERT_QUERY("", "SELECT name AS x FROM sqlite_master WHERE name LIKE '%inlined%10%'");
    ASSERT_QUERY("ducklake_inlined_data_1_4 ducklake_inlined_delete_1",
                 "SELECT name AS x FROM sqlite_master WHERE name LIKE '%inlined%1_4' OR name LIKE "
                 "'%inlined_delete%' ORDER BY name");
    ASSERT_QUERY("1 11", "SELECT DISTINCT table_id AS x FROM ducklake_inlined_data_tables");
    ASSERT_QUERY("1", "SELECT DISTINCT table_id AS x FROM ducklake_column");
    ASSERT_QUERY("2", "SELECT mapping_id AS x FROM ducklake_name_mapping");
    ASSERT_QUERY("2", "SELECT macro_id AS x FROM ducklake_macro");
    ASSERT_QUERY("2 2", "SELECT macro_id AS x FROM ducklake_macro_impl UNION ALL SELECT macro_id "
                        "FROM ducklake_macro_parameters");
    ASSERT_QUERY("0", "SELECT schema_id AS x FROM ducklake_schema");
    ASSERT_QUERY("w", "SELECT \"value\" AS x FROM ducklake_tag");
    ASSERT_QUERY("", "SELECT view_id AS x FROM ducklake_view WHERE view_id = 12");
}

/* ---- what is remembered of commits ---- */

static enum error_code note_forgettable(void *context, uint64_t commit_no, const char *path,
                                        struct error *failure)
{
    char *text = context;
    size_t length = strlen(text);
    (void)failure;
    snprintf(text + length, 256 - length, "%llu:%s ", (unsigned long long)commit_no,
             path == NULL ? "" : path);
    return OK;
}

static void assert_forgettable(int64_t oldest_us, const char *expected)
{
    char text[256] = "";
    assert_int_equal(catalog_each_forgettable(catalog, oldest_us, note_forgettable, text, &error),
                     OK);
    assert_string_equal(text, expected);
}

static void a_commit_is_forgotten_when_the_catalog_names_none_of_its_files(void **state)
{
    (void)state;
    static const char *const doomed[] = {"_lake/replaced/" F2 ".replaced"};
    static const uint64_t commits[] = {2};
    uint64_t next, forgotten;
    bool known;
    prune(2);
    assert_forgettable(INT64_MAX, ""); /* older snapshots read it */
    (void)expire(0);
    assert_forgettable(INT64_MAX, ""); /* it is to be deleted */
    assert_int_equal(catalog_path_is_known(catalog, F2, &known, &error), OK);
    assert_true(known);
    assert_int_equal(catalog_unlist_doomed(catalog, doomed, 1, &error), OK);
    assert_forgettable(0, ""); /* a snapshot from before its end is left */
    assert_forgettable(INT64_MAX, "2:" F2 " ");
    assert_int_equal(catalog_forget_commits(catalog, commits, 1, &error), OK);
    assert_forgettable(INT64_MAX, "");
    ASSERT_QUERY("1 3", "SELECT commit_no AS x FROM ttp_commits ORDER BY 1");
    ASSERT_QUERY("1 3", "SELECT commit_no AS x FROM ttp_commit_files ORDER BY 1");
    assert_int_equal(catalog_path_is_known(catalog, F2, &known, &error), OK);
    assert_false(known);
    assert_int_equal(catalog_forgotten_commit(catalog, &forgotten, &error), OK);
    assert_int_equal(forgotten, 2);
    assert_int_equal(catalog_next_commit_no(catalog, &next, &error), OK);
    assert_int_equal(next, 4);
}

static void the_highest_number_does_not_come_back(void **state)
{
    (void)state;
    uint64_t forgotten;
    repair(3);
    repair(2);
    (void)expire(0);
    assert_forgettable(INT64_MAX, ""); /* its file is still to be set aside */
    assert_int_equal(catalog_forget_leaving(catalog, F2, &error), OK);
    assert_int_equal(catalog_forget_leaving(catalog, "year=2024/f3.parquet", &error), OK);
    assert_forgettable(INT64_MAX, "2:" F2 " ");
    assert_int_equal(catalog_forgotten_commit(catalog, &forgotten, &error), OK);
    assert_int_equal(forgotten, 0);
}

static void a_path_that_duckdb_is_to_delete_is_not_used_again(void **state)
{
    (void)state;
    bool known;
    repair(2);
    fixture_change(database_path, "INSERT INTO ducklake_files_scheduled_for_deletion VALUES(1, "
                                  "'" F2 "', 1, '');"
                                  "DELETE FROM ducklake_data_file WHERE data_file_id = 1");
    assert_forgettable(INT64_MAX, "");
    fixture_change(database_path, "DELETE FROM ttp_commit_files WHERE commit_no = 2");
    assert_int_equal(catalog_path_is_known(catalog, F2, &known, &error), OK);
    assert_true(known);
}

/* ---- names ---- */

static enum error_code note_name(void *context, const char *path, bool is_absolute,
                                 struct error *failure)
{
    char *text = context;
    size_t length = strlen(text);
    (void)failure;
    snprintf(text + length, 512 - length, "%s%s ", is_absolute ? "!" : "", path);
    return OK;
}

static void all_that_the_catalog_names_below_lake_is_told(void **state)
{
    (void)state;
    char text[512] = "";
    prune(2);
    fixture_change(
        database_path,
        "INSERT INTO ducklake_schema VALUES(7, '', 3, NULL, '_lake', '_lake/', 1);"
        "INSERT INTO ducklake_table VALUES(11, 'u', 3, NULL, 7, 'replaced', 'replaced/', 1);"
        "INSERT INTO ducklake_data_file(data_file_id, table_id, path, path_is_relative) "
        "VALUES(20, 11, 'a.parquet', 1), (21, 1, '/data/lake/_lake/damaged/b', 0);"
        "INSERT INTO ducklake_files_scheduled_for_deletion VALUES(9, '_lake/c', 1, '')");
    assert_int_equal(
        catalog_set_aside(catalog, "d.parquet", "_lake/damaged/d.parquet.damaged", 7, &error), OK);
    assert_int_equal(catalog_each_name_in_lake_folder(catalog, note_name, text, &error), OK);
    assert_string_equal(text, "_lake/replaced/" F2 ".replaced _lake/replaced/a.parquet "
                              "!/data/lake/_lake/damaged/b _lake/c "
                              "_lake/replaced/" F2 ".replaced _lake/damaged/d.parquet.damaged ");
}

/* ---- memory ---- */

static void an_expiry_without_memory_changes_nothing(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 7, .may_succeed = true};
    prune(2);
    repair(1);
    catalog_close(catalog);
    while (sweep_next(&sweep)) {
        struct catalog_expiry expiry;
        assert_int_equal(catalog_open(&catalog, database_path, CATALOG_WRITE, NULL, &error), OK);
        sweep_begin(&sweep);
        enum error_code code = catalog_expire(catalog, 400 * DAY_US, false, &expiry, &error);
        (void)sweep_end(&sweep, code);
        catalog_close(catalog);
        ASSERT_QUERY("0 1 2", "SELECT data_file_id AS x FROM ducklake_data_file ORDER BY 1");
    }
    assert_true(sweep.failures > 0);
    assert_int_equal(catalog_open(&catalog, database_path, CATALOG_WRITE, NULL, &error), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(snapshots_older_than_the_age_end),
        TEST(the_newest_snapshot_stays_however_old_it_is),
        TEST(a_clock_that_is_wrong_ends_nothing_that_is_young),
        TEST(a_snapshot_whose_time_cannot_be_read_stays),
        TEST(times_of_other_zones_are_read_as_what_they_are),
        TEST(a_pruned_file_is_doomed_when_no_snapshot_sees_it_any_more),
        TEST(a_file_that_was_not_moved_yet_is_doomed_after_it_was),
        TEST(dead_letters_go_with_the_snapshots_before_their_end),
        TEST(a_repaired_file_is_doomed_where_it_was_put_and_never_under_its_name),
        TEST(a_repaired_file_of_which_nobody_knows_where_it_is_is_left_alone),
        TEST(files_of_others_are_left_to_duckdb_once),
        TEST(a_retired_file_that_duckdb_expired_is_duckdbs_as_long_as_it_lists_it),
        TEST(what_a_dropped_table_left_in_the_catalog_goes_with_it),
        TEST(a_commit_is_forgotten_when_the_catalog_names_none_of_its_files),
        TEST(the_highest_number_does_not_come_back),
        TEST(a_path_that_duckdb_is_to_delete_is_not_used_again),
        TEST(all_that_the_catalog_names_below_lake_is_told),
        TEST(an_expiry_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
