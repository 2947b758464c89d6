// SPDX-License-Identifier: Apache-2.0
/* What is old leaves, all of it or nothing, and no more of the lake is read for it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "care/compact.h"
#include "care/prune.h"
#include "catalog/handle.h"
#include "database/query.h"
#include "lake/inventory.h"
#include "lake/open.h"
#include "os/log.h"
#include "support/fault_calls.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

/* A commit each 72 ledgers: ten an hour. Hours begin with the ledgers that divide by 720. */
#define FIRST  720
#define LAST   3599
#define COMMIT 72
#define HOUR   720

static char folder[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    options = stream_options(lake);
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void must(enum error_code code)
{
    if (code != OK)
        fail_msg("%s", error.message);
}

static void make_lake(void)
{
    struct sink *sink;
    must(sink_open(&sink, &options, &error));
    for (uint32_t at = FIRST; at <= LAST; at += COMMIT) {
        must(stream_send(sink, &options, at, at + COMMIT - 1, 10, &error));
        must(sink_commit(sink, ROTATION_AGE, &error));
    }
    sink_close(sink);
}

/* All hours but the last become a file each. */
static void compact(void)
{
    const struct compact_wish wish = {.max_file_size_bytes = UINT64_C(1) << 30};
    struct compact_report report;
    compact_report_init(&report);
    must(compact_lake(&options, &wish, &report, &error));
    assert_int_equal(LIST_COUNT(&report.items, struct compact_item), 3);
    compact_report_release(&report);
}

static void change(const char *sql)
{
    struct open_lake opened;
    must(open_lake_own(&opened, lake, &error));
    must(database_execute(&opened.catalog->database, sql, &error));
    open_lake_close(&opened);
}

struct counts {
    size_t commits, files, shares;
};

static struct counts early_of(uint32_t ledger)
{
    struct open_lake opened;
    struct inventory inventory;
    inventory_init(&inventory);
    must(open_lake_look(&opened, lake, &error));
    must(inventory_read_early(&inventory, opened.catalog, ledger, &error));
    struct counts counts = {LIST_COUNT(&inventory.commits, struct inventory_commit),
                            LIST_COUNT(&inventory.files, struct inventory_file),
                            LIST_COUNT(&inventory.shares, struct inventory_share)};
    inventory_release(&inventory);
    open_lake_close(&opened);
    return counts;
}

static void check_early(uint32_t ledger, size_t commits, size_t files, size_t shares)
{
    struct counts counts = early_of(ledger);
    assert_int_equal(counts.commits, commits);
    assert_int_equal(counts.files, files);
    assert_int_equal(counts.shares, shares);
}

static struct prune_report prune(const struct prune_cut *cut, bool dry_run)
{
    struct prune_report report;
    must(prune_lake(lake, cut, dry_run, &report, &error));
    return report;
}

/* What a cut at the ledger would take out of a lake of which all hours but the last have one file:
 * these whole, of the last one its commits. */
static void check_cut(uint32_t ledger, bool by_time)
{
    struct prune_cut cut = {.before_ledger = ledger};
    if (by_time)
        cut = (struct prune_cut){.before_us = stream_close_us(ledger)};
    struct prune_report report = prune(&cut, true);
    uint64_t hours = ledger < FIRST ? 0 : (ledger - FIRST) / HOUR;
    uint64_t commits = ledger < FIRST ? 0 : (ledger - FIRST) / COMMIT;
    uint64_t leaving = hours < 3 ? hours * 10 : commits;
    assert_int_equal(report.commits, leaving);
    assert_int_equal(report.tied_commits, commits - leaving);
    assert_int_equal(report.files, hours < 3 ? hours : commits - 30 + 3);
    assert_int_equal(report.ledgers.count, leaving > 0);
    if (leaving > 0) {
        assert_int_equal(report.ledgers.ranges[0].first, FIRST);
        assert_int_equal(report.ledgers.ranges[0].last, FIRST + leaving * COMMIT - 1);
    }
    prune_report_release(&report);
}

static void each_cut_takes_the_whole_commits_below_it_and_no_others(void **state)
{
    (void)state;
    make_lake();
    compact();
    for (uint32_t ledger = 1; ledger <= LAST + 1; ledger += 71) {
        check_cut(ledger, false);
        check_cut(ledger, stream_rows(ledger) > 0 && stream_rows(ledger - 1) > 0);
    }
}

static void only_what_is_old_is_read_of_the_lake(void **state)
{
    (void)state;
    make_lake();
    compact();
    check_early(FIRST - 1, 0, 0, 0);
    check_early(FIRST, 10, 1, 10); /* the others of the first hour's file with it */
    check_early(FIRST + HOUR - 1, 10, 1, 10);
    check_early(FIRST + HOUR, 20, 2, 20);
    check_early(LAST, 40, 13, 30);
}

static void pruned_ones_are_not_read_again(void **state)
{
    (void)state;
    const struct prune_cut cut = {.before_ledger = FIRST + 2 * HOUR};
    make_lake();
    compact();
    struct prune_report report = prune(&cut, false);
    assert_int_equal(report.commits, 20);
    prune_report_release(&report);
    check_early(FIRST + 2 * HOUR - 1, 0, 0, 0);
    stream_check_covers(lake, FIRST + 2 * HOUR, LAST);
}

/* A row that others hid in the first hour makes its commits a group, and they leave together. */
static void commits_that_others_touched_leave_as_in_the_whole_list(void **state)
{
    (void)state;
    const struct prune_cut cut = {.before_ledger = FIRST + HOUR};
    make_lake();
    compact();
    change("INSERT INTO ducklake_delete_file(delete_file_id, table_id, begin_snapshot, "
           "data_file_id, path, path_is_relative, format, delete_count, file_size_bytes) SELECT "
           "99999, d.table_id, d.begin_snapshot, d.data_file_id, 'x.parquet', TRUE, 'parquet', 1, "
           "10 FROM ducklake_data_file d JOIN ttp_file_commits m ON m.data_file_id = "
           "d.data_file_id WHERE d.end_snapshot IS NULL ORDER BY d.data_file_id LIMIT 1");
    struct prune_report report = prune(&cut, true);
    assert_int_equal(report.commits, 10);
    assert_int_equal(report.files, 1);
    prune_report_release(&report);
}

/* DuckDB put the files of two hours together: what is young keeps the old ones there. */
static void old_commits_stay_in_a_merged_file_with_young_ones(void **state)
{
    (void)state;
    const struct prune_cut cut = {.before_ledger = FIRST + HOUR};
    make_lake();
    compact();
    change("DELETE FROM ttp_file_commits WHERE commit_no <= 20;"
           "DELETE FROM ttp_commit_files WHERE data_file_id IN (SELECT data_file_id FROM "
           "ttp_commit_files WHERE first_ledger < 2160 AND commit_no > 40);"
           "DELETE FROM ducklake_data_file WHERE end_snapshot IS NULL AND data_file_id = (SELECT "
           "max(d.data_file_id) FROM ducklake_data_file d JOIN ducklake_file_column_stats s ON "
           "s.data_file_id = d.data_file_id AND s.column_id = 2 WHERE d.end_snapshot IS NULL AND "
           "CAST(s.min_value AS BIGINT) BETWEEN 1440 AND 2159);"
           "UPDATE ducklake_file_column_stats SET max_value = '2159' WHERE column_id = 2 AND "
           "CAST(min_value AS BIGINT) < 1440 AND data_file_id IN (SELECT data_file_id FROM "
           "ducklake_data_file WHERE end_snapshot IS NULL)");
    struct prune_report report = prune(&cut, true);
    assert_int_equal(report.commits, 0);
    assert_int_equal(report.tied_commits, 10);
    prune_report_release(&report);
}

/* ---- faults ---- */

#define SMALL_LAST (FIRST + 29)
#define SMALL_CUT  (FIRST + 20)

static char made[TEMP_PATH_BYTES];
static size_t files_kept; /* in _lake/replaced, once all is done */

/* Three commits, the first of them pruned: so the second is found among the early ones. */
static void make_small(void)
{
    struct sink *sink;
    struct prune_report report;
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    must(sink_open(&sink, &options, &error));
    for (uint32_t at = FIRST; at <= SMALL_LAST; at += 10) {
        must(stream_send(sink, &options, at, at + 9, 10, &error));
        must(sink_commit(sink, ROTATION_AGE, &error));
    }
    sink_close(sink);
    report = prune(&(struct prune_cut){.before_ledger = FIRST + 10}, false);
    assert_int_equal(report.commits, 1);
    prune_report_release(&report);
    files_kept = temp_count(lake, "_lake/replaced", "") + 1;
    temp_copy(lake, made);
}

static enum error_code prune_small(void)
{
    const struct prune_cut cut = {.before_ledger = SMALL_CUT};
    struct prune_report report;
    enum error_code code = prune_lake(lake, &cut, false, &report, &error);
    prune_report_release(&report);
    return code;
}

/* All or nothing left; done once more, it is done wholly, and its ledgers are not fetched again. */
static void finish_and_check(void)
{
    struct sink *sink;
    must(prune_small());
    assert_int_equal(temp_count(lake, "_lake/replaced", ""), files_kept);
    stream_check_covers(lake, SMALL_CUT, SMALL_LAST);
    must(sink_open(&sink, &options, &error));
    assert_true(stream_fill(sink, &options, FIRST, SMALL_LAST, 1));
    sink_close(sink);
    stream_check_covers(lake, SMALL_CUT, SMALL_LAST);
}

static void anew(void)
{
    temp_folder_remove(lake);
    temp_copy(made, lake);
}

static void fail_everywhere(int system_errno, uint64_t step)
{
    uint64_t failures = 0, swept = 0;
    bool met = true;
    for (uint64_t at = 1; met; at += step, swept++) {
        struct fault_plan plan = {
            .kind = FAULT_ERRNO, .scope = FAULT_ALL, .system_errno = system_errno, .first = at};
        anew();
        fault_begin(&plan);
        failures += prune_small() != OK;
        met = fault_was_met();
        (void)fault_end();
        finish_and_check();
    }
    assert_true(failures > 1);
    fault_tell_sweep(system_errno == EIO ? "a prune, EIO" : "a prune, ENOSPC", swept);
}

static void a_file_operation_that_fails_leaves_all_or_nothing(void **state)
{
    (void)state;
    make_small();
    fail_everywhere(EIO, fault_step(2));
    fail_everywhere(ENOSPC, fault_step(3));
}

static void die_everywhere(enum fault_kind kind, uint64_t step)
{
    uint64_t swept = 0;
    bool died = true;
    for (uint64_t at = 1; died; at += step, swept++) {
        struct fault_plan plan = {.kind = kind, .scope = FAULT_ALL, .first = at};
        int status;
        anew();
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            fault_begin(&plan);
            _exit(prune_small() == OK ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        died = WEXITSTATUS(status) == FAULT_EXIT_CODE;
        assert_true(died || WEXITSTATUS(status) == 0);
        finish_and_check();
    }
    assert_true(swept > 1);
    fault_tell_sweep("a prune, death", swept);
}

static void a_death_at_any_file_operation_leaves_all_or_nothing(void **state)
{
    (void)state;
    make_small();
    die_everywhere(FAULT_DIE_BEFORE, fault_step(2));
    die_everywhere(FAULT_DIE_AFTER, fault_step(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_cut_takes_the_whole_commits_below_it_and_no_others,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_is_old_is_read_of_the_lake, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pruned_ones_are_not_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commits_that_others_touched_leave_as_in_the_whole_list,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_commits_stay_in_a_merged_file_with_young_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_operation_that_fails_leaves_all_or_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_death_at_any_file_operation_leaves_all_or_nothing, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
