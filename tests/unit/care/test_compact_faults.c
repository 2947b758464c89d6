// SPDX-License-Identifier: Apache-2.0
/* Whatever fails in a compaction, and wherever the power does: each row is in the lake once, before
 * and after the next writer came, and a second compaction does what the first one did not. */
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

#include "care/compact.h"
#include "os/log.h"
#include "support/allocation_sweep.h"
#include "support/fault_calls.h"
#include "support/power_loss.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

#define FIRST 700
#define LAST  730

static char folder[TEMP_PATH_BYTES], made[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    options = stream_options(lake);
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    power_loss_tell();
    temp_folder_remove(folder);
    return 0;
}

static struct sink *must_open(void)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    return sink;
}

/* Six commits, of two hours. */
static void make_lake(void)
{
    struct sink *sink = must_open();
    for (uint32_t at = FIRST; at <= LAST; at += 6) {
        uint32_t end = at + 5 < LAST ? at + 5 : LAST;
        assert_int_equal(stream_send(sink, &options, at, end, 10, &error), OK);
        assert_int_equal(sink_commit(sink, ROTATION_AGE, &error), OK);
    }
    sink_close(sink);
    temp_copy(lake, made);
}

static void take_a_fresh_copy(void)
{
    temp_folder_remove(lake);
    temp_copy(made, lake);
}

static enum error_code compact(void)
{
    const struct compact_wish wish = {.partition = "", .max_file_size_bytes = UINT64_C(1) << 30};
    struct compact_report report;
    compact_report_init(&report);
    error_clear(&error);
    enum error_code code = compact_lake(&options, &wish, &report, &error);
    compact_report_release(&report);
    return code;
}

/* The next writer finds all of it, and ends what was begun. */
static void check_and_complete(void)
{
    sink_close(must_open());
    stream_check_covers(lake, FIRST, LAST);
    if (compact() != OK)
        fail_msg("%s", error.message);
    stream_check_covers(lake, FIRST, LAST);
    assert_int_equal(temp_count(lake, "", ".parquet"), 2);
}

static bool lose_power(const struct power_loss_plan *plan)
{
    int ends[2];
    char done = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        power_loss_begin(plan);
        if (compact() != OK || write(ends[1], "d", 1) != 1)
            _exit(1);
        power_loss_strike();
    }
    close(ends[1]);
    bool was_done = read(ends[0], &done, 1) == 1;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), POWER_LOSS_EXIT_CODE);
    return was_done;
}

static void sweep_power_loss(enum power_loss_mode mode, uint64_t first, uint64_t step)
{
    bool done = false;
    uint64_t swept = 0;
    for (uint64_t at = first; !done; at += step, swept++) {
        struct power_loss_plan plan = {.root = lake, .at = at, .mode = mode, .seed = at};
        take_a_fresh_copy();
        power_loss_doubt(&plan);
        done = lose_power(&plan);
        check_and_complete();
        power_loss_doubt(NULL);
        assert_true(!done || at > 40);
    }
    power_loss_tell_sweep("a compaction", mode, swept);
}

static void a_power_loss_at_any_operation_loses_and_doubles_no_row(void **state)
{
    (void)state;
    make_lake();
    sweep_power_loss(POWER_LOSS_FORGETS_ALL, 1, fault_step(5));
    sweep_power_loss(POWER_LOSS_FORGETS_DATA, 2, fault_step(11));
    sweep_power_loss(POWER_LOSS_FORGETS_NAMES, 3, fault_step(11));
    sweep_power_loss(POWER_LOSS_RANDOM, 1, fault_step(5));
}

static void sweep_failures(int system_errno, enum fault_scope scope, uint64_t step)
{
    uint64_t swept = 0;
    bool met = true;
    for (uint64_t at = 1; met; at += step, swept++) {
        const struct fault_plan plan = {
            .kind = FAULT_ERRNO, .scope = scope, .system_errno = system_errno, .first = at};
        take_a_fresh_copy();
        fault_begin(&plan);
        (void)compact();
        met = fault_was_met();
        fault_end();
        check_and_complete();
    }
    assert_true(swept > 1);
    fault_tell_sweep(system_errno == EIO ? "a compaction, EIO at the operation"
                                         : "a compaction, ENOSPC at the write, waited for",
                     swept);
}

static void a_failing_operation_loses_and_doubles_no_row(void **state)
{
    (void)state;
    make_lake();
    sweep_failures(EIO, FAULT_ALL, fault_step(7));
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    make_lake();
    sweep_failures(ENOSPC, FAULT_WRITES, fault_step(17));
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 211, .may_succeed = true};
    make_lake();
    while (sweep_next(&sweep)) {
        take_a_fresh_copy();
        sweep_begin(&sweep);
        (void)sweep_end(&sweep, compact());
        check_and_complete();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_power_loss_at_any_operation_loses_and_doubles_no_row),
        TEST(a_failing_operation_loses_and_doubles_no_row),
        TEST(a_full_disk_is_waited_for),
        TEST(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
