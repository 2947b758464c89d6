// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/history.h"
#include "catalog/others.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static char database_path[TEMP_PATH_BYTES];
static struct catalog *catalog;
static char seen[1024];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "catalog.sqlite"));
    catalog = fixture_create(database_path, &fixture_table);
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    fixture_change(database_path, fixture_changes_of_others);
    seen[0] = '\0';
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

static void PRINTF_LIKE(1, 2) note(const char *format, ...)
{
    size_t used = strlen(seen);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(seen + used, sizeof seen - used, format, arguments);
    va_end(arguments);
}

static enum error_code see_delete(void *context, const struct catalog_delete *one,
                                  struct error *error)
{
    (void)context;
    (void)error;
    note("%s hides %d of file %d in %d to %d; ", one->path == NULL ? "the catalog" : one->path,
         (int)one->row_count, (int)one->data_file_id, (int)one->snapshots.first,
         (int)one->snapshots.last);
    return OK;
}

static enum error_code see_inlined(void *context, const struct catalog_inlined *one,
                                   struct error *error)
{
    (void)context;
    (void)error;
    note("%d of ledger %d; ", (int)one->row_count, (int)one->ledger);
    return OK;
}

static enum error_code see_displaced(void *context, const struct catalog_displaced *file,
                                     struct error *error)
{
    (void)context;
    (void)error;
    note("%s in %d to %d; ", file->path, (int)file->ended_by.first, (int)file->ended_by.last);
    return OK;
}

static enum error_code see_change(void *context, const struct catalog_change *change,
                                  struct error *error)
{
    (void)context;
    (void)error;
    note("%d %s; ", (int)change->snapshot_id, change->changes);
    return OK;
}

static enum error_code see_named(void *context, const struct catalog_named_file *file,
                                 struct error *error)
{
    static const char *const kinds[] = {"live", "ended", "scheduled"};
    (void)context;
    (void)error;
    note("%s %s%s; ", kinds[file->kind], file->path, file->path_is_absolute ? " absolute" : "");
    return OK;
}

static enum error_code see_object(void *context, bool is_view, const char *schema, const char *name,
                                  struct error *error)
{
    (void)context;
    (void)error;
    note("%s %s.%s; ", is_view ? "view" : "table", schema, name);
    return OK;
}

static void readers_see_live_files_less_deletes_and_the_rows_in_the_catalog(void **state)
{
    (void)state;
    struct catalog_visible visible;
    struct catalog_totals totals;
    assert_int_equal(catalog_visible_rows(catalog, &visible, NULL), OK);
    assert_int_equal(visible.deleted_rows, 4);
    assert_int_equal(visible.inlined_rows, 2);
    assert_int_equal(catalog_totals(catalog, &totals, NULL), OK);
    assert_int_equal(totals.rows, visible.file_rows - 4 + 2);
    assert_int_equal(totals.files, 2); /* those of other tables are none of the lake's */
}

static void deletes_and_inlined_rows_are_told_with_their_snapshots(void **state)
{
    (void)state;
    assert_int_equal(catalog_each_delete(catalog, see_delete, NULL, NULL), OK);
    assert_string_equal(seen, "d-delete.parquet hides 3 of file 0 in 6 to 6; the catalog hides 1 "
                              "of file 0 in 7 to 7; ");
    seen[0] = '\0';
    assert_int_equal(catalog_each_inlined(catalog, see_inlined, NULL, NULL), OK);
    assert_string_equal(seen, "2 of ledger 12; ");
}

static void snapshots_of_others_that_changed_rows_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(catalog_each_change(catalog, see_change, NULL, NULL), OK);
    assert_string_equal(seen, "6 deleted_from_table:1; 7 inlined_delete:1; 8 inlined_insert:1; 9 "
                              "created_table:\"main\".\"mine\",inserted_into_table:11,"
                              "inlined_delete:1; ");
}

static void files_and_tables_of_others_are_known_by_their_own_paths(void **state)
{
    (void)state;
    assert_int_equal(catalog_each_named_file(catalog, see_named, NULL, NULL), OK);
    assert_string_equal(seen, "live mine/m.parquet; ended dropped/o.parquet; live "
                              "d-delete.parquet; scheduled old.parquet; scheduled "
                              "/elsewhere/old.parquet absolute; ");
    seen[0] = '\0';
    assert_int_equal(catalog_each_other_object(catalog, see_object, NULL, NULL), OK);
    assert_string_equal(seen, "table main.mine; view main.seen; ");
}

static void files_of_commits_that_others_ended_are_displaced(void **state)
{
    (void)state;
    fixture_change(database_path, "UPDATE ducklake_data_file SET end_snapshot = 9 WHERE "
                                  "data_file_id = 0; DELETE FROM ducklake_data_file WHERE "
                                  "data_file_id = 1");
    assert_int_equal(catalog_each_displaced(catalog, see_displaced, NULL, NULL), OK);
    assert_string_equal(seen, "year=2024/f1.parquet in 6 to 9; year=2024/f2.parquet in 0 to 0; ");
}

static const char *state_of(const char *sql)
{
    return fixture_query(database_path, sql);
}

static void what_is_taken_out_ends_with_its_deletes_and_rows_in_the_catalog(void **state)
{
    (void)state;
    const uint64_t commits[] = {1};
    const struct ledger_range ledgers[] = {{10, 19}};
    struct catalog_removal removal = {.commit_nos = commits,
                                      .commit_count = 1,
                                      .inlined = ledgers,
                                      .inlined_count = 1,
                                      .reason = CATALOG_TAKEN_OUT_PREFIX "test",
                                      .decided_at = 8};
    int64_t snapshot = -1;
    bool taken_out;
    struct error error;
    assert_int_equal(catalog_take_out(catalog, &removal, &snapshot, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "meanwhile"));
    assert_string_equal(state_of("SELECT max(snapshot_id) FROM ducklake_snapshot"), "9");
    removal.decided_at = 9;
    assert_int_equal(catalog_take_out(catalog, &removal, &snapshot, &error), OK);
    assert_int_equal(snapshot, 10);
    assert_string_equal(state_of("SELECT group_concat(end_snapshot) FROM (SELECT end_snapshot FROM "
                                 "ducklake_data_file WHERE data_file_id = 0 UNION ALL SELECT "
                                 "end_snapshot FROM ducklake_delete_file)"),
                        "10,10");
    assert_string_equal(state_of("SELECT count(*) FROM ducklake_inlined_delete_1"), "0");
    assert_string_equal(state_of("SELECT group_concat(end_snapshot) FROM "
                                 "ducklake_inlined_data_1_4"),
                        "9,10,10");
    assert_string_equal(state_of("SELECT changes_made FROM ducklake_snapshot_changes WHERE "
                                 "snapshot_id = 10"),
                        "deleted_from_table:1,inlined_delete:1");
    assert_int_equal(catalog_path_is_taken_out(catalog, "year=2024/f1.parquet", &taken_out, NULL),
                     OK);
    assert_true(taken_out);
    /* What this program took out is no change of others. */
    assert_int_equal(catalog_each_change(catalog, see_change, NULL, NULL), OK);
    assert_null(strstr(seen, "10 deleted"));
}

static void a_data_file_of_no_commit_is_taken_out_by_its_id_only(void **state)
{
    (void)state;
    const int64_t ids[] = {9, 6}; /* the other table's file stays */
    struct catalog_removal removal = {.data_file_ids = ids,
                                      .data_file_count = 2,
                                      .reason = CATALOG_TAKEN_OUT_PREFIX "test",
                                      .decided_at = -1};
    int64_t snapshot;
    bool taken_out;
    fixture_change(database_path,
                   "INSERT INTO ducklake_data_file VALUES(9, 1, 8, NULL, NULL, 'x.parquet', 1, "
                   "'parquet', 5, 500, 200, 0, NULL, NULL, NULL, NULL)");
    assert_int_equal(catalog_take_out(catalog, &removal, &snapshot, NULL), OK);
    assert_string_equal(state_of("SELECT group_concat(data_file_id) FROM ducklake_data_file WHERE "
                                 "end_snapshot IS NULL"),
                        "0,1,6");
    assert_int_equal(catalog_path_is_taken_out(catalog, "x.parquet", &taken_out, NULL), OK);
    assert_true(taken_out);
}

static void more_deletes_than_rows_are_damage(void **state)
{
    (void)state;
    struct catalog_visible visible;
    fixture_change(database_path, "UPDATE ducklake_delete_file SET delete_count = 100000");
    assert_int_equal(catalog_visible_rows(catalog, &visible, NULL), ERR_CORRUPT);
    fixture_change(database_path, "UPDATE ducklake_delete_file SET delete_count = -1");
    assert_int_equal(catalog_each_delete(catalog, see_delete, NULL, NULL), ERR_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(readers_see_live_files_less_deletes_and_the_rows_in_the_catalog),
        TEST(deletes_and_inlined_rows_are_told_with_their_snapshots),
        TEST(snapshots_of_others_that_changed_rows_are_told_apart),
        TEST(files_and_tables_of_others_are_known_by_their_own_paths),
        TEST(files_of_commits_that_others_ended_are_displaced),
        TEST(what_is_taken_out_ends_with_its_deletes_and_rows_in_the_catalog),
        TEST(a_data_file_of_no_commit_is_taken_out_by_its_id_only),
        TEST(more_deletes_than_rows_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
