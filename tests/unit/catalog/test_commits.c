// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "catalog/place.h"
#include "catalog/handle.h"
#include "database/sqlite_session.h"
#include "support/catalog_fixture.h"
#include "support/fault_calls.h"
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

static void commit_numbers_rise_by_one(void **state)
{
    (void)state;
    uint64_t next;
    bool has;
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(catalog_next_commit_no(catalog, &next, NULL), OK);
        assert_int_equal(next, i);
        assert_int_equal(catalog_has_commit(catalog, i, &has, NULL), OK);
        assert_false(has);
        fixture_add(catalog, i, (uint32_t)i * 10, (uint32_t)i * 10 + 9);
        assert_int_equal(catalog_has_commit(catalog, i, &has, NULL), OK);
        assert_true(has);
    }
}

static void an_empty_commit_covers_its_range_without_a_snapshot(void **state)
{
    (void)state;
    struct ledger_set coverage = {0};
    struct catalog_commit commit = fixture_commit(1, 5, 9, NULL, 0);
    commit.digest_ledger = 0;
    assert_int_equal(catalog_add_commit(catalog, &commit, NULL), OK);
    assert_int_equal(catalog_coverage(catalog, &coverage, NULL), OK);
    assert_int_equal(coverage.count, 1);
    ledger_set_release(&coverage);
    assert_string_equal(
        fixture_query(database_path, "SELECT max(snapshot_id) FROM ducklake_snapshot"), "3");
    assert_string_equal(fixture_query(database_path, "SELECT snapshot_id FROM ttp_commits"), "");
}

static void totals_count_what_is_live(void **state)
{
    (void)state;
    struct catalog_totals totals;
    struct ledger_range unconfirmed[] = {{21, 23}, {25, 25}};
    fixture_add(catalog, 1, 10, 19);
    struct catalog_commit commit = fixture_commit(2, 20, 29, NULL, 0);
    commit.unconfirmed = unconfirmed;
    commit.unconfirmed_count = 2;
    commit.dead_letters_path = "dead_letters/commit_2.jsonl";
    commit.dead_letter_count = 4;
    commit.null_decimal_count = 5;
    commit.replaced_memo_count = 6;
    assert_int_equal(catalog_add_commit(catalog, &commit, NULL), OK);
    assert_int_equal(catalog_totals(catalog, &totals, NULL), OK);
    assert_int_equal(totals.commits, 2);
    assert_int_equal(totals.files, 1);
    assert_int_equal(totals.rows, 10);
    assert_int_equal(totals.file_bytes, 1000);
    assert_int_equal(totals.dead_letters, 4);
    assert_int_equal(totals.unconfirmed_ranges, 2);
    assert_int_equal(totals.unconfirmed_ledgers, 4);
    assert_int_equal(totals.null_decimals, 5);
    assert_int_equal(totals.replaced_memos, 6);
    assert_int_equal(totals.newest_close_us, 29 * 5000000);
    assert_int_equal(totals.snapshots, 5);
}

struct seen {
    char text[512];
};

static enum error_code see_file(void *context, const struct catalog_file *file, uint64_t commit_no,
                                struct error *error)
{
    struct seen *seen = context;
    (void)error;
    size_t length = strlen(seen->text);
    snprintf(seen->text + length, sizeof seen->text - length, "%s:%u-%u:%llu:%016llx ", file->path,
             file->range.first, file->range.last, (unsigned long long)commit_no,
             (unsigned long long)file->checksum);
    return OK;
}

static void files_come_by_first_ledger_also_those_that_duckdb_made(void **state)
{
    (void)state;
    struct seen seen = {""};
    fixture_add(catalog, 1, 30, 39);
    fixture_add(catalog, 2, 10, 19);
    sqlite3 *database;
    assert_int_equal(sqlite3_open(database_path, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(database,
                     "INSERT INTO ducklake_data_file VALUES(9,1,3,NULL,NULL,'merged',1,"
                     "'parquet',5,6,7,0,2,NULL,NULL,NULL);"
                     "INSERT INTO ducklake_file_column_stats VALUES(9,1,2,1,5,0,'20',"
                     "'29',NULL,NULL);"
                     "INSERT INTO ducklake_data_file VALUES(8,1,3,4,NULL,'ended',1,"
                     "'parquet',5,6,7,0,2,NULL,NULL,NULL)",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(database);
    assert_int_equal(catalog_each_file(catalog, see_file, &seen, NULL), OK);
    assert_string_equal(seen.text, "year=2024/f2.parquet:10-19:2:fedcba9876543210 "
                                   "merged:20-29:0:0000000000000000 "
                                   "year=2024/f1.parquet:30-39:1:fedcba9876543210 ");
}

/* As a catalog may say that was changed by hand: each file came once for each pair of them. */
static void a_file_comes_once_however_many_commits_say_its_snapshot(void **state)
{
    (void)state;
    struct seen seen = {""};
    for (uint32_t i = 1; i <= 4; i++)
        fixture_add(catalog, i, 10 * i, 10 * i + 9);
    sqlite3 *database;
    assert_int_equal(sqlite3_open(database_path, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(database,
                     "DELETE FROM ttp_commit_files WHERE commit_no > 1;"
                     "UPDATE ttp_commits SET snapshot_id = 4;"
                     "UPDATE ducklake_data_file SET begin_snapshot = 4, end_snapshot = CASE WHEN "
                     "path = 'year=2024/f2.parquet' THEN NULL ELSE 5 END",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(database);
    assert_int_equal(catalog_each_file(catalog, see_file, &seen, NULL), OK);
    assert_non_null(strstr(seen.text, "year=2024/f2.parquet:"));
    assert_null(strstr(strchr(seen.text, ' ') + 1, "year=2024/f2.parquet:"));
}

static void a_reader_sees_commits_of_a_writer_that_is_open(void **state)
{
    (void)state;
    struct error error;
    struct catalog_totals totals;
    struct catalog *reader;
    assert_int_equal(catalog_open(&reader, database_path, CATALOG_READ, NULL, &error), OK);
    fixture_add(catalog, 1, 10, 19);
    assert_int_equal(catalog_totals(reader, &totals, NULL), OK);
    assert_int_equal(totals.commits, 1);
    struct catalog_commit commit = fixture_commit(2, 20, 29, NULL, 0);
    assert_int_not_equal(catalog_add_commit(reader, &commit, &error), OK);
    catalog_close(reader);
}

static void the_wal_stays_after_a_clean_close_so_that_readers_need_not_write(void **state)
{
    (void)state;
    fixture_add(catalog, 1, 10, 19);
    catalog_close(catalog);
    catalog = NULL;
    assert_true(temp_exists(temp_path(folder, "catalog.sqlite-wal")));
    assert_true(temp_exists(temp_path(folder, "catalog.sqlite-shm")));
}

static void another_writer_makes_a_commit_wait_and_fail_as_retryable(void **state)
{
    (void)state;
    struct error error;
    sqlite3 *database;
    struct catalog_commit commit = fixture_commit(1, 20, 29, NULL, 0);
    assert_int_equal(sqlite3_open(database_path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_timeout(sqlite_session(&catalog->database)->handle, 10);
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), ERR_RETRY);
    assert_int_equal(error.system_errno, EBUSY);
    assert_int_equal(sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), OK);
}

static void what_is_not_a_catalog_is_said_so(void **state)
{
    (void)state;
    struct error error;
    struct catalog *none;
    static const char garbage[8192] = "this is no database";
    assert_int_equal(
        catalog_open(&none, temp_path(folder, "none.sqlite"), CATALOG_READ, NULL, &error),
        ERR_NOT_FOUND);
    temp_write(temp_path(folder, "garbage.sqlite"), garbage, sizeof garbage);
    assert_int_equal(
        catalog_open(&none, temp_path(folder, "garbage.sqlite"), CATALOG_WRITE, NULL, &error),
        ERR_CORRUPT);
    temp_write(temp_path(folder, "empty.sqlite"), "", 0);
    assert_int_equal(
        catalog_open(&none, temp_path(folder, "empty.sqlite"), CATALOG_WRITE, NULL, &error),
        ERR_CORRUPT);
    assert_null(none);
    assert_non_null(strstr(error.message, "empty.sqlite"));
}

static void newer_layouts_and_other_ducklake_versions_are_refused(void **state)
{
    (void)state;
    struct error error;
    static const char *const changes[][2] = {
        {"UPDATE ttp_lake SET value = '3' WHERE \"key\" = 'layout_version'", "layout 3"},
        {"UPDATE ttp_lake SET value = '1' WHERE \"key\" = 'layout_version';"
         "UPDATE ducklake_metadata SET value = '2.0' WHERE \"key\" = 'version'",
         "DuckLake 2.0"}};
    for (size_t i = 0; i < 2; i++) {
        sqlite3 *database;
        assert_int_equal(sqlite3_open(database_path, &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database, changes[i][0], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(database);
        struct catalog *none;
        assert_int_equal(catalog_open(&none, database_path, CATALOG_WRITE, NULL, &error),
                         ERR_CONFLICT);
        assert_non_null(strstr(error.message, changes[i][1]));
    }
}

static void data_path_changes_only_when_it_differs(void **state)
{
    (void)state;
    char *data_path;
    struct catalog_place before;
    assert_int_equal(catalog_set_place(catalog, "/data/lake/", "/data/lake", &before, NULL), OK);
    assert_int_equal(catalog_set_place(catalog, "/moved/", "/moved", &before, NULL), OK);
    assert_int_equal(catalog_data_path(catalog, &data_path, NULL), OK);
    assert_string_equal(data_path, "/moved/");
    mem_free(data_path);
}

/* A COMMIT that fails leaves nothing behind, or is found by settling; never half of it. */
static void a_failing_catalog_is_either_settled_as_in_or_as_out(void **state)
{
    (void)state;
    static const struct {
        enum fault_kind kind;
        int system_errno;
    } faults[] = {
        {FAULT_ERRNO, EIO}, {FAULT_ERRNO, ENOSPC}, {FAULT_ERRNO, EINTR}, {FAULT_SHORT, 0}};
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
        for (uint64_t n = 1;; n++) {
            struct error error;
            temp_folder_clear(folder);
            catalog_close(catalog);
            catalog = fixture_create(database_path, &fixture_table);
            fixture_add(catalog, 1, 1, 9);
            struct catalog_file file = fixture_file("x.parquet", 10, 19);
            struct catalog_commit commit = fixture_commit(2, 10, 19, &file, 1);
            struct fault_plan plan = {.kind = faults[f].kind,
                                      .scope = FAULT_LIBRARY,
                                      .system_errno = faults[f].system_errno,
                                      .first = n};
            fault_begin(&plan);
            enum error_code code = catalog_add_commit(catalog, &commit, &error);
            fault_end();
            bool committed = false, has = false;
            if (!fault_was_met()) {
                assert_int_equal(code, OK);
                assert_true(n > 2);
                break;
            }
            if (faults[f].system_errno == ENOSPC && code != OK && error.system_errno == ENOSPC)
                assert_int_equal(code, ERR_RETRY);
            if (faults[f].system_errno == EINTR)
                assert_int_equal(code, OK);
            assert_int_equal(catalog_settle_commit(catalog, 2, &committed, &error), OK);
            if (code == OK)
                assert_true(committed);
            /* What was settled stays so, also for one who recovers the WAL from the files. */
            char copy[TEMP_PATH_BYTES];
            snprintf(copy, sizeof copy, "%s", temp_path(folder, "copy"));
            catalog_close(catalog);
            catalog = NULL;
            remove(temp_path(folder, "catalog.sqlite-shm"));
            assert_int_equal(catalog_open(&catalog, database_path, CATALOG_WRITE, NULL, &error),
                             OK);
            assert_int_equal(catalog_has_commit(catalog, 2, &has, &error), OK);
            assert_int_equal(has, committed);
            assert_string_equal(fixture_query(database_path, "PRAGMA integrity_check"), "ok");
            if (!committed)
                assert_int_equal(catalog_add_commit(catalog, &commit, &error), OK);
        }
    }
}

/* A whole transaction that lies in the WAL without having been acknowledged: settling overwrites
 * it, so that a recovery of the database does not bring it back. */
static void a_transaction_whose_sync_failed_does_not_come_back(void **state)
{
    (void)state;
    struct error error;
    bool committed, has;
    struct catalog_file file = fixture_file("x.parquet", 10, 19);
    struct catalog_commit commit = fixture_commit(1, 10, 19, &file, 1);
    struct fault_plan plan = {.kind = FAULT_ERRNO,
                              .scope = FAULT_SYNCS,
                              .system_errno = EIO,
                              .first = 1,
                              .count = UINT64_MAX};
    fault_begin(&plan);
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), ERR_IO);
    fault_end();
    assert_int_equal(catalog_settle_commit(catalog, 1, &committed, &error), OK);
    assert_false(committed);
    /* As after a power loss: the WAL's index is made anew from the WAL. */
    char crashed[TEMP_PATH_BYTES];
    temp_folder_make(crashed);
    temp_folder_remove(crashed);
    temp_copy(folder, crashed);
    remove(temp_path(crashed, "catalog.sqlite-shm"));
    struct catalog *again;
    assert_int_equal(
        catalog_open(&again, temp_path(crashed, "catalog.sqlite"), CATALOG_WRITE, NULL, &error),
        OK);
    assert_int_equal(catalog_has_commit(again, 1, &has, &error), OK);
    assert_false(has);
    catalog_close(again);
    temp_folder_remove(crashed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(commit_numbers_rise_by_one),
        TEST(an_empty_commit_covers_its_range_without_a_snapshot),
        TEST(totals_count_what_is_live),
        TEST(files_come_by_first_ledger_also_those_that_duckdb_made),
        TEST(a_file_comes_once_however_many_commits_say_its_snapshot),
        TEST(a_reader_sees_commits_of_a_writer_that_is_open),
        TEST(the_wal_stays_after_a_clean_close_so_that_readers_need_not_write),
        TEST(another_writer_makes_a_commit_wait_and_fail_as_retryable),
        TEST(what_is_not_a_catalog_is_said_so),
        TEST(newer_layouts_and_other_ducklake_versions_are_refused),
        TEST(data_path_changes_only_when_it_differs),
        TEST(a_failing_catalog_is_either_settled_as_in_or_as_out),
        TEST(a_transaction_whose_sync_failed_does_not_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
