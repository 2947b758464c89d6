// SPDX-License-Identifier: Apache-2.0
/* A rebuild that dies or fails anywhere leaves the old catalog, none, or the new one, and running
 * it again finishes; lakes that lose their catalog in any state of a run come back whole. */
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

#include "commit/exchange.h"
#include "util/json_text.h"
#include "store/layout.h"
#include "lake/inventory.h"
#include "care/rebuild.h"
#include "os/calls.h"
#include "os/file.h"
#include "os/log.h"
#include "support/sink_fixture.h"
#include "support/allocation_sweep.h"
#include "support/fault_calls.h"
#include "support/temp_folder.h"
#include "catalog/files.h"

/* Three commits of several files: up to 13:00, up to a gap, and the rest; with dead letters and
 * left-out ledgers. */
#define FIRST 700
#define LAST  740

static char folder[TEMP_PATH_BYTES], made[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

static struct sink *must_open(void)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    return sink;
}

/* Deletes the first data file of the lake: its commit is not whole any more. */
static enum error_code delete_it(void *context, const char *relative_path, uint64_t size_bytes,
                                 struct error *problem)
{
    bool *done = context;
    (void)size_bytes;
    (void)problem;
    if (!*done && strstr(relative_path, ".parquet") != NULL)
        *done = unlink(temp_path(lake, relative_path)) == 0;
    return OK;
}

static int set_up(void **state)
{
    bool done = false;
    (void)state;
    temp_folder_make(folder);
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    options = stream_options(lake);
    options.scheme = PARTITION_DATE_HOUR_TYPE;
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    struct sink *sink = must_open();
    assert_int_equal(stream_send(sink, &options, FIRST, FIRST + 9, 10, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
    sink_close(sink);
    assert_int_equal(
        os_walk(lake, &(struct os_walker){.context = &done, .visit = delete_it}, &error), OK);
    assert_true(done);
    temp_copy(lake, made);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_calls_set(NULL);
    temp_folder_remove(folder);
    return 0;
}

static void take_a_fresh_copy(void)
{
    temp_folder_remove(lake);
    temp_copy(made, lake);
}

static enum error_code rebuild(void)
{
    struct rebuild_report report;
    struct rebuild_options wanted = {
        .output_path = lake, .data_path = "", .schema = row_schema_find("1.1.0")};
    enum error_code code = rebuild_lake(&wanted, &report, &error);
    rebuild_report_release(&report);
    return code;
}

static void must_rebuild(void)
{
    if (rebuild() != OK)
        fail_msg("%s", error.message);
}

/* The lake is whole as it is, and a run completes it. */
static void check_and_complete(void)
{
    assert_false(temp_exists(temp_path(lake, CATALOG_NEW)));
    stream_check(lake);
    struct sink *sink = must_open();
    assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
    sink_close(sink);
    stream_check_covers(lake, FIRST, LAST);
}

/* In a child; whether it died. */
static bool die_while(enum error_code (*work)(void), uint64_t operation, enum fault_kind kind)
{
    struct fault_plan plan = {.kind = kind, .scope = FAULT_ALL, .first = operation};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fault_begin(&plan);
        _exit(work() == OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT_CODE);
    return WEXITSTATUS(status) == FAULT_EXIT_CODE;
}

static void a_whole_rebuild_leaves_the_incomplete_commit_out(void **state)
{
    (void)state;
    struct rebuild_report report;
    struct rebuild_options wanted = {
        .output_path = lake, .data_path = "", .schema = row_schema_find("1.1.0")};
    assert_int_equal(rebuild_lake(&wanted, &report, &error), OK);
    assert_true(report.commits >= 2);
    assert_true(report.kept_old_catalog);
    assert_false(report.lake_file_is_new);
    assert_int_equal(report.refetch.count, 1);
    assert_int_equal(report.recovered.outcome, RECOVERY_NOTHING);
    rebuild_report_release(&report);
    check_and_complete();
}

/* The catalog that is there after a crash is one of the two, whole: nobody can take it for another.
 */
static void check_catalog_if_there(void)
{
    if (!temp_exists(temp_path(lake, LAKE_CATALOG)))
        return;
    struct catalog *catalog;
    if (catalog_open(&catalog, temp_path(lake, LAKE_CATALOG), CATALOG_READ, NULL, &error) != OK)
        fail_msg("%s", error.message);
    struct catalog_totals totals;
    assert_int_equal(catalog_totals(catalog, &totals, &error), OK);
    assert_true(totals.commits >= 2);
    catalog_close(catalog);
}

static void dying_at_any_operation_it_can_be_run_again(void **state)
{
    (void)state;
    bool died = true;
    uint64_t swept = 0;
    for (uint64_t n = 1; died; n += fault_step(5), swept += died) {
        take_a_fresh_copy();
        died = die_while(rebuild, n, n % 2 == 1 ? FAULT_DIE_BEFORE : FAULT_DIE_AFTER);
        check_catalog_if_there();
        must_rebuild();
        check_and_complete();
        assert_true(died || n > 60);
    }
    fault_tell_sweep("a rebuild, killed before or after the operation", swept);
}

static void failing_at_any_operation_it_can_be_run_again(void **state)
{
    (void)state;
    uint64_t swept = 0;
    for (uint64_t n = 1;; n += fault_step(7), swept++) {
        struct fault_plan plan = {
            .kind = FAULT_ERRNO, .scope = FAULT_ALL, .system_errno = EIO, .first = n};
        take_a_fresh_copy();
        fault_begin(&plan);
        enum error_code code = rebuild();
        fault_end();
        assert_true(code == OK || error.message[0] != '\0');
        if (!fault_was_met()) {
            assert_int_equal(code, OK);
            assert_true(n > 60);
            break;
        }
        check_catalog_if_there();
        must_rebuild();
        check_and_complete();
    }
    fault_tell_sweep("a rebuild, EIO", swept);
}

static enum error_code run(void)
{
    struct sink *sink;
    bool filled =
        sink_open(&sink, &options, &error) == OK && stream_fill(sink, &options, FIRST, LAST, 1);
    sink_close(sink);
    return filled ? OK : ERR_IO;
}

/* The process dies anywhere in a run, intents and half of a commit's renames included, and the
 * catalog is lost on top of that. */
static void a_catalog_lost_in_any_state_of_a_run_comes_back(void **state)
{
    (void)state;
    static const char *const parts[] = {LAKE_CATALOG, LAKE_CATALOG "-wal", LAKE_CATALOG "-shm"};
    bool died = true;
    uint64_t swept = 0;
    for (uint64_t n = 1; died; n += fault_step(7), swept += died) {
        temp_folder_remove(lake);
        died = die_while(run, n, FAULT_DIE_BEFORE);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            unlink(temp_path(lake, parts[i]));
        if (!temp_exists(temp_path(lake, LAKE_FILE)))
            continue; /* the lake was not made yet */
        must_rebuild();
        check_and_complete();
    }
    fault_tell_sweep("a run, killed before the operation, and then its catalog lost", swept);
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 211, .may_succeed = true};
    json_text_use_our_memory();
    while (sweep_next(&sweep)) {
        take_a_fresh_copy();
        sweep_begin(&sweep);
        bool done = sweep_end(&sweep, rebuild());
        if (!done && sweep.number % 8 == 0)
            must_rebuild();
        if (done || sweep.number % 8 == 0)
            check_and_complete();
    }
    assert_true(sweep.failures > 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_whole_rebuild_leaves_the_incomplete_commit_out),
        TEST(dying_at_any_operation_it_can_be_run_again),
        TEST(failing_at_any_operation_it_can_be_run_again),
        TEST(a_catalog_lost_in_any_state_of_a_run_comes_back),
        TEST(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
