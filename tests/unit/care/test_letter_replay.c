// SPDX-License-Identifier: Apache-2.0
/* Dead letters that a later version can read become the rows that it would have stored. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "care/compact.h"
#include "care/letter_replay.h"
#include "lake/open.h"
#include "care/rebuild.h"
#include "care/repair.h"
#include "os/log.h"
#include "care/letter_lake.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES], truth[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;
static struct letter_replay_report report;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    snprintf(truth, sizeof truth, "%s", temp_path(folder, "truth"));
    options = stream_options(lake);
    letter_replay_report_init(&report);
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    letter_replay_report_release(&report);
    temp_folder_remove(folder);
    return 0;
}

static void make_both(void)
{
    struct sink_options later = options;
    temp_folder_remove(lake);
    temp_folder_remove(truth);
    later.output_path = truth;
    letter_lake_make(&options, false);
    letter_lake_make(&later, true);
}

static void replay(void)
{
    letter_replay_report_release(&report);
    letter_replay_report_init(&report);
    if (letter_replay_lake(&options, &report, &error) != OK)
        fail_msg("%s", error.message);
}

static struct catalog_totals totals_of(const char *path)
{
    struct catalog *catalog;
    struct catalog_totals totals;
    assert_int_equal(lake_open_catalog(&catalog, path, &error), OK);
    assert_int_equal(catalog_totals(catalog, &totals, &error), OK);
    catalog_close(catalog);
    return totals;
}

static void the_lake_becomes_what_the_later_program_makes(void **state)
{
    (void)state;
    make_both();
    letter_lake_verify(lake);
    struct catalog_totals before = totals_of(lake);
    assert_int_equal(before.dead_letters, letter_lake_unknown() + letter_lake_lost());
    replay();
    assert_int_equal(report.rows, letter_lake_unknown());
    assert_int_equal(report.letters, letter_lake_unknown() + letter_lake_lost());
    assert_false(report.is_damaged);
    letter_lake_compare(lake, truth, false);
    letter_lake_verify(lake);
    struct catalog_totals after = totals_of(lake);
    assert_int_equal(after.snapshots, before.snapshots + (int64_t)report.snapshots);
    assert_int_equal(after.commits, before.commits);
}

static void doing_it_again_does_nothing(void **state)
{
    (void)state;
    make_both();
    replay();
    struct catalog_totals before = totals_of(lake);
    replay();
    assert_int_equal(report.rows, 0);
    assert_int_equal(report.letters, letter_lake_lost());
    assert_int_equal(report.items.size_bytes, 0);
    struct catalog_totals after = totals_of(lake);
    assert_memory_equal(&before, &after, sizeof before);
}

static void looking_at_it_changes_nothing_and_says_the_same(void **state)
{
    (void)state;
    make_both();
    struct catalog_totals before = totals_of(lake);
    assert_int_equal(letter_replay_preview(lake, &report, &error), OK);
    struct catalog_totals after = totals_of(lake);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(report.rows, letter_lake_unknown());
    assert_int_equal(report.letters, letter_lake_unknown() + letter_lake_lost());
}

/* In 1.0.0 the place of a letter is not known where the rows of its ledger lie in several files. */
static void every_scheme_and_version_gets_its_rows(void **state)
{
    (void)state;
    for (int scheme = PARTITION_DATE; scheme <= PARTITION_SIMPLE; scheme++) {
        for (size_t version = 0; version < row_schema_count; version++) {
            options.scheme = (enum partitioning_scheme)scheme;
            options.schema_version = row_schemas[version].version;
            bool by_type = scheme == PARTITION_DATE_HOUR_TYPE && version == 0;
            make_both();
            replay();
            letter_lake_verify(lake);
            assert_true(report.rows > 0);
            if (by_type) {
                assert_true(report.rows < letter_lake_unknown());
                const struct letter_replay_item *item =
                    LIST_AT(&report.items, struct letter_replay_item, 0);
                assert_non_null(strstr(item->unplaced_reason, "its place is not known"));
                continue;
            }
            assert_int_equal(report.rows, letter_lake_unknown());
            letter_lake_compare(lake, truth, false);
        }
    }
}

static void compact(void)
{
    const struct compact_wish wish = {.partition = "", .max_file_size_bytes = UINT64_C(1) << 30};
    struct compact_report done;
    compact_report_init(&done);
    if (compact_lake(&options, &wish, &done, &error) != OK)
        fail_msg("%s", error.message);
    compact_report_release(&done);
}

static void rows_in_files_of_many_commits_get_their_neighbours(void **state)
{
    (void)state;
    for (size_t version = 0; version < row_schema_count; version++) {
        options.schema_version = row_schemas[version].version;
        make_both();
        compact();
        replay();
        assert_int_equal(report.rows, letter_lake_unknown());
        letter_lake_compare(lake, truth, false);
        letter_lake_verify(lake);
        compact();
        letter_lake_compare(lake, truth, false);
        letter_lake_verify(lake);
    }
}

static void a_changed_file_of_letters_is_left_alone(void **state)
{
    (void)state;
    make_both();
    char path[TEMP_PATH_BYTES];
    snprintf(path, sizeof path, "%s", temp_path(lake, "_lake/dead_letters/commit_1.jsonl"));
    temp_write(path, "{}\n", 3);
    replay();
    assert_true(report.is_damaged);
    assert_true(report.rows > 0 && report.rows < letter_lake_unknown());
    const struct letter_replay_item *item = LIST_AT(&report.items, struct letter_replay_item, 0);
    assert_int_equal(item->commit_no, 1);
    assert_non_null(strstr(item->fault, "changed since it was committed"));
}

static void a_commit_that_was_replayed_can_be_taken_out(void **state)
{
    (void)state;
    make_both();
    replay();
    struct repair_options wanted = {
        .output_path = lake, .ledgers = {LETTER_FIRST, LETTER_FIRST + 9}, .threads = 2};
    struct repair_report repaired = {0};
    if (repair_lake(&wanted, &repaired, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(ledger_set_ledgers(&repaired.refetch), 10);
    repair_report_release(&repaired);
    letter_lake_verify(lake);
}

/* ---- the catalog is lost ---- */

static void lose_catalog(void)
{
    unlink(temp_path(lake, "_lake/catalog.sqlite"));
    unlink(temp_path(lake, "_lake/catalog.sqlite-wal"));
    unlink(temp_path(lake, "_lake/catalog.sqlite-shm"));
}

static void rebuild(void)
{
    const struct rebuild_options wanted = {
        .output_path = lake, .data_path = "", .schema = row_schema_find(options.schema_version)};
    struct rebuild_report done;
    if (rebuild_lake(&wanted, &done, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(done.refetch.count, 0);
    rebuild_report_release(&done);
}

static void a_lost_catalog_is_made_anew_with_the_rows(void **state)
{
    (void)state;
    for (size_t version = 0; version < row_schema_count; version++) {
        options.schema_version = row_schemas[version].version;
        make_both();
        replay();
        lose_catalog();
        rebuild();
        letter_lake_verify(lake);
        letter_lake_compare(lake, truth, true);
        assert_int_equal(totals_of(lake).dead_letters, letter_lake_lost());
        compact();
        lose_catalog();
        rebuild();
        letter_lake_verify(lake);
        letter_lake_compare(lake, truth, true);
        replay();
        assert_int_equal(report.rows, 0);
        assert_int_equal(report.letters, letter_lake_lost());
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_lake_becomes_what_the_later_program_makes),
        TEST(doing_it_again_does_nothing),
        TEST(looking_at_it_changes_nothing_and_says_the_same),
        TEST(every_scheme_and_version_gets_its_rows),
        TEST(rows_in_files_of_many_commits_get_their_neighbours),
        TEST(a_changed_file_of_letters_is_left_alone),
        TEST(a_commit_that_was_replayed_can_be_taken_out),
        TEST(a_lost_catalog_is_made_anew_with_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
