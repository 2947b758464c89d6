// SPDX-License-Identifier: Apache-2.0
/* Pruned ledgers and retired files, as the catalog keeps them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/history.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

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

static enum error_code prune(const uint64_t *commits, size_t count, int64_t *snapshot_id)
{
    const struct catalog_removal removal = {.commit_nos = commits,
                                            .commit_count = count,
                                            .reason = CATALOG_PRUNED_PREFIX "test",
                                            .prunes = true,
                                            .decided_at = -1};
    return catalog_take_out(catalog, &removal, snapshot_id, NULL);
}

static void assert_pruned(const char *expected)
{
    struct ledger_set pruned = {0};
    char text[LEDGER_SET_TEXT_BYTES];
    assert_int_equal(catalog_pruned(catalog, &pruned, NULL), OK);
    ledger_set_text(&pruned, text);
    assert_string_equal(text, expected);
    ledger_set_release(&pruned);
}

static void assert_uncovered(struct ledger_range within, const char *expected)
{
    struct ledger_set uncovered = {0};
    char text[LEDGER_SET_TEXT_BYTES];
    assert_int_equal(catalog_uncovered(catalog, within, &uncovered, NULL), OK);
    ledger_set_text(&uncovered, text);
    assert_string_equal(text, expected);
    ledger_set_release(&uncovered);
}

static void a_lake_that_nobody_cared_for_has_no_tables_of_care(void **state)
{
    (void)state;
    assert_pruned("");
    assert_string_equal(
        fixture_query(database_path,
                      "SELECT \"value\" FROM ttp_lake WHERE \"key\" = 'layout_version'"),
        "1");
    assert_int_equal(catalog_care_begin(catalog, NULL), OK);
    assert_int_equal(catalog_care_begin(catalog, NULL), OK);
    assert_string_equal(
        fixture_query(database_path,
                      "SELECT \"value\" FROM ttp_lake WHERE \"key\" = 'layout_version'"),
        "2");
    assert_pruned("");
}

static void pruned_ledgers_are_neither_covered_nor_asked_for(void **state)
{
    (void)state;
    static const uint64_t commits[] = {1, 2};
    int64_t snapshot_id;
    assert_int_equal(catalog_care_begin(catalog, NULL), OK);
    assert_int_equal(prune(commits, 2, &snapshot_id), OK);
    assert_int_equal(snapshot_id, 7);
    assert_pruned("10-29");
    assert_uncovered((struct ledger_range){5, 45}, "5-9, 40-45");
    assert_string_equal(
        fixture_query(database_path,
                      "SELECT record_count FROM ducklake_table_stats WHERE table_id = 1"),
        "10");
    assert_int_equal(catalog_forget_pruned(catalog, (struct ledger_range){15, 24}, NULL), OK);
    assert_pruned("10-14, 25-29");
    assert_uncovered((struct ledger_range){10, 39}, "15-24");
}

static enum error_code note_path(void *context, const struct catalog_retired *file,
                                 struct error *error)
{
    char *text = context;
    (void)error;
    size_t length = strlen(text);
    snprintf(text + length, 256 - length, "%s:%lld ", file->path, (long long)file->size_bytes);
    return OK;
}

static void files_of_pruned_commits_are_kept_for_older_snapshots(void **state)
{
    (void)state;
    static const uint64_t commits[] = {2};
    char unmoved[256] = "", expected[256], path[128];
    int64_t snapshot_id;
    snprintf(path, sizeof path, "%s",
             fixture_query(database_path, "SELECT path FROM ttp_commit_files WHERE commit_no = 2"));
    assert_int_equal(catalog_each_unmoved(catalog, note_path, unmoved, NULL), OK);
    assert_string_equal(unmoved, "");
    assert_int_equal(catalog_care_begin(catalog, NULL), OK);
    assert_int_equal(prune(commits, 1, &snapshot_id), OK);
    assert_int_equal(catalog_each_unmoved(catalog, note_path, unmoved, NULL), OK);
    snprintf(expected, sizeof expected, "%s:1000 ", path);
    assert_string_equal(unmoved, expected);
    snprintf(expected, sizeof expected, CATALOG_RETIRED_PREFIX "%s" CATALOG_RETIRED_SUFFIX, path);
    assert_string_equal(fixture_query(database_path, "SELECT path FROM ducklake_data_file WHERE "
                                                     "end_snapshot = 7"),
                        expected);
    assert_int_equal(catalog_set_moved(catalog, NULL), OK);
    unmoved[0] = '\0';
    assert_int_equal(catalog_each_unmoved(catalog, note_path, unmoved, NULL), OK);
    assert_string_equal(unmoved, "");
    bool known;
    assert_int_equal(catalog_path_is_known(catalog, path, &known, NULL), OK);
    assert_true(known);
}

static void files_that_stayed_where_they_were_are_named_as_moved_in_a_copy(void **state)
{
    (void)state;
    static const uint64_t commits[] = {2};
    char expected[512], path[128];
    int64_t snapshot_id;
    snprintf(path, sizeof path, "%s",
             fixture_query(database_path, "SELECT path FROM ttp_commit_files WHERE commit_no = 2"));
    assert_int_equal(catalog_name_kept(catalog, NULL), OK);
    assert_int_equal(catalog_care_begin(catalog, NULL), OK);
    assert_int_equal(prune(commits, 1, &snapshot_id), OK);
    snprintf(expected, sizeof expected,
             "UPDATE ttp_retired SET is_moved = 2; UPDATE ducklake_data_file SET path = '%s' WHERE "
             "end_snapshot = 7; CREATE TABLE ttp_doomed(path, size_bytes)",
             path);
    fixture_change(database_path, expected);
    fixture_change(database_path, "INSERT INTO ttp_doomed VALUES('a_1a2b3c4d.parquet', 1), "
                                  "('_lake/damaged/a.damaged', 1)");
    assert_int_equal(catalog_name_kept(catalog, NULL), OK);
    snprintf(expected, sizeof expected, CATALOG_RETIRED_PREFIX "%s" CATALOG_RETIRED_SUFFIX, path);
    assert_string_equal(fixture_query(database_path, "SELECT path FROM ducklake_data_file WHERE "
                                                     "end_snapshot = 7"),
                        expected);
    assert_string_equal(fixture_query(database_path, "SELECT group_concat(is_moved) FROM "
                                                     "ttp_retired"),
                        "1");
    assert_string_equal(fixture_query(database_path, "SELECT group_concat(path) FROM ttp_doomed"),
                        "_lake/damaged/a.damaged");
}

static void dead_letters_of_pruned_commits_are_listed_with_their_snapshot(void **state)
{
    (void)state;
    static const uint64_t commits[] = {4};
    int64_t snapshot_id;
    struct catalog_commit commit = fixture_commit(4, 40, 49, NULL, 0);
    commit.dead_letters_path = "dead_letters/commit_4.jsonl";
    commit.dead_letter_count = 1;
    assert_int_equal(catalog_add_commit(catalog, &commit, NULL), OK);
    assert_int_equal(catalog_care_begin(catalog, NULL), OK);
    assert_int_equal(prune(commits, 1, &snapshot_id), OK);
    assert_string_equal(fixture_query(database_path, "SELECT path || ':' || snapshot_id || ':' || "
                                                     "is_moved FROM ttp_retired"),
                        "_lake/dead_letters/commit_4.jsonl:7:1");
    assert_pruned("40-49");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lake_that_nobody_cared_for_has_no_tables_of_care, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pruned_ledgers_are_neither_covered_nor_asked_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(files_of_pruned_commits_are_kept_for_older_snapshots,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            files_that_stayed_where_they_were_are_named_as_moved_in_a_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            dead_letters_of_pruned_commits_are_listed_with_their_snapshot, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
