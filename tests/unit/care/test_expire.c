// SPDX-License-Identifier: Apache-2.0
/* An expiry whose file operations fail, or that is killed at one: nothing that is needed is gone,
 * and the next one finishes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/doomed.h"
#include "care/expire.h"
#include "lake/open.h"
#include "care/prune.h"
#include "care/repair.h"
#include "os/log.h"
#include "support/fault_calls.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

#define FIRST 700
#define LAST  719

static char folder[TEMP_PATH_BYTES], made[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;
static size_t data_files;

static void fill(void)
{
    struct sink *sink;
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
    sink_close(sink);
}

/* Two commits, the first repaired and then pruned. */
static int set_up(void **state)
{
    (void)state;
    struct repair_options named = {
        .output_path = lake, .threads = 1, .ledgers = {FIRST, FIRST + 5}};
    const struct prune_cut cut = {.before_ledger = FIRST + 6};
    struct repair_report repaired;
    struct prune_report pruned;
    struct sink *sink;
    temp_folder_make(folder);
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    options = stream_options(lake);
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    assert_int_equal(stream_send(sink, &options, FIRST, FIRST + 5, 10, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    sink_close(sink);
    fill();
    assert_int_equal(repair_lake(&named, &repaired, &error), OK);
    repair_report_release(&repaired);
    fill();
    assert_int_equal(prune_lake(lake, &cut, false, &pruned, &error), OK);
    prune_report_release(&pruned);
    data_files = temp_count(lake, "year", ".parquet");
    assert_true(temp_count(lake, "_lake/replaced", "") > 0);
    assert_true(temp_count(lake, "_lake/damaged", "") > 0);
    temp_copy(lake, made);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static enum error_code expire(struct expire_report *report)
{
    return expire_lake(lake, 0, false, report, &error);
}

/* Done once more, it is done wholly, and the lake is as it was for everybody. */
static void finish_and_check(void)
{
    struct expire_report report;
    struct catalog_doomed_totals doomed;
    struct open_lake opened;
    assert_int_equal(temp_count(lake, "year", ".parquet"), data_files);
    if (expire(&report) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(report.expiry.snapshots_left, 1);
    assert_int_equal(temp_count(lake, "_lake/replaced", ""), 0);
    assert_int_equal(temp_count(lake, "_lake/damaged", ""), 0);
    assert_int_equal(temp_count(lake, "year", ".parquet"), data_files);
    assert_int_equal(open_lake_look(&opened, lake, &error), OK);
    assert_int_equal(catalog_doomed_totals(opened.catalog, &doomed, &error), OK);
    assert_int_equal(doomed.files, 0);
    open_lake_close(&opened);
    stream_check(lake);
    fill();
    assert_int_equal(temp_count(lake, "year", ".parquet"), data_files);
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
        struct expire_report report;
        anew();
        fault_begin(&plan);
        failures += expire(&report) != OK;
        met = fault_was_met();
        (void)fault_end();
        finish_and_check();
    }
    assert_true(failures > 1);
    fault_tell_sweep(system_errno == EIO ? "an expiry, EIO" : "an expiry, ENOSPC", swept);
}

static void a_file_operation_that_fails_loses_nothing(void **state)
{
    (void)state;
    fail_everywhere(EIO, fault_step(5));
    fail_everywhere(ENOSPC, fault_step(7));
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
            struct expire_report report;
            fault_begin(&plan);
            _exit(expire(&report) == OK ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        died = WEXITSTATUS(status) == FAULT_EXIT_CODE;
        assert_true(died || WEXITSTATUS(status) == 0);
        finish_and_check();
    }
    assert_true(swept > 1);
    fault_tell_sweep("an expiry, death", swept);
}

static void a_death_at_any_file_operation_loses_nothing(void **state)
{
    (void)state;
    die_everywhere(FAULT_DIE_BEFORE, fault_step(5));
    die_everywhere(FAULT_DIE_AFTER, fault_step(7));
}

static void a_dry_run_changes_nothing_and_says_what_will_be_done(void **state)
{
    (void)state;
    struct expire_report would, did;
    size_t files = temp_count(lake, "", "");
    assert_int_equal(expire_lake(lake, 0, true, &would, &error), OK);
    assert_int_equal(temp_count(lake, "", ""), files);
    assert_int_equal(expire(&did), OK);
    assert_int_equal(would.expiry.files, did.deleted.files);
    assert_int_equal(would.expiry.bytes, did.expiry.bytes);
    assert_int_equal(would.expiry.snapshots, did.expiry.snapshots);
    assert_true(did.commits_forgotten > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_operation_that_fails_loses_nothing),
        TEST(a_death_at_any_file_operation_loses_nothing),
        TEST(a_dry_run_changes_nothing_and_says_what_will_be_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
