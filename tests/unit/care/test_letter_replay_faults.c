// SPDX-License-Identifier: Apache-2.0
/* Whatever fails while dead letters become rows, and wherever the power does: each commit is as it
 * was or as it becomes, and doing it again finishes. */
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

#include "care/letter_lake.h"
#include "care/letter_replay.h"
#include "os/log.h"
#include "support/allocation_sweep.h"
#include "support/fault_calls.h"
#include "support/power_loss.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES], made[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES],
    truth[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    snprintf(truth, sizeof truth, "%s", temp_path(folder, "truth"));
    options = stream_options(lake);
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    struct sink_options later = options;
    later.output_path = truth;
    letter_lake_make(&options, false);
    letter_lake_make(&later, true);
    temp_copy(lake, made);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    power_loss_tell();
    temp_folder_remove(folder);
    return 0;
}

static void take_a_fresh_copy(void)
{
    temp_folder_remove(lake);
    temp_copy(made, lake);
}

static enum error_code replay(void)
{
    struct letter_replay_report report;
    letter_replay_report_init(&report);
    error_clear(&error);
    enum error_code code = letter_replay_lake(&options, &report, &error);
    letter_replay_report_release(&report);
    return code;
}

/* The next writer ends what was begun; nothing is lost then, and all becomes what it should. */
static void check_and_complete(void)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    sink_close(sink);
    letter_lake_verify(lake);
    if (replay() != OK)
        fail_msg("%s", error.message);
    letter_lake_compare(lake, truth, false);
    assert_int_equal(temp_count(lake, "_lake/staging", ""), 0);
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
        if (replay() != OK || write(ends[1], "d", 1) != 1)
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
    power_loss_tell_sweep("a replay of dead letters", mode, swept);
}

static void a_power_loss_at_any_operation_leaves_all_or_nothing_of_a_commit(void **state)
{
    (void)state;
    sweep_power_loss(POWER_LOSS_FORGETS_ALL, 1, fault_step(13));
    sweep_power_loss(POWER_LOSS_FORGETS_DATA, 2, fault_step(29));
    sweep_power_loss(POWER_LOSS_FORGETS_NAMES, 3, fault_step(29));
    sweep_power_loss(POWER_LOSS_RANDOM, 1, fault_step(13));
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
        (void)replay();
        met = fault_was_met();
        fault_end();
        check_and_complete();
    }
    assert_true(swept > 1);
    fault_tell_sweep(system_errno == EIO
                         ? "a replay of dead letters, EIO at the operation"
                         : "a replay of dead letters, ENOSPC at the write, waited for",
                     swept);
}

static void a_failing_operation_leaves_all_or_nothing_of_a_commit(void **state)
{
    (void)state;
    sweep_failures(EIO, FAULT_ALL, fault_step(19));
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    sweep_failures(ENOSPC, FAULT_WRITES, fault_step(37));
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 977, .may_succeed = true};
    while (sweep_next(&sweep)) {
        take_a_fresh_copy();
        sweep_begin(&sweep);
        (void)sweep_end(&sweep, replay());
        check_and_complete();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_power_loss_at_any_operation_leaves_all_or_nothing_of_a_commit),
        TEST(a_failing_operation_leaves_all_or_nothing_of_a_commit),
        TEST(a_full_disk_is_waited_for),
        TEST(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
