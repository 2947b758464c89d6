// SPDX-License-Identifier: Apache-2.0
/* The power fails at any operation of a run: what was committed is there, and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/log.h"
#include "support/sink_fixture.h"
#include "support/fault_calls.h"
#include "support/power_loss.h"
#include "support/temp_folder.h"

/* Two commits, at 13:00 and at the end, with dead letters. */
#define FIRST           710
#define NEW_HOUR        720
#define LAST            730
#define WITHOUT_LETTERS 716, 727
/* A ledger without events: a commit without files. */
#define EMPTY 707

#define PROMISES_MAX 16

static char folder[TEMP_PATH_BYTES];
static char lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct ledger_range wanted;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "a/lake")); /* its parents are new, too */
    options = stream_options(lake);
    wanted = (struct ledger_range){FIRST, LAST};
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

/* What a child told before the power failed: the ranges of its commits, and its end. */
struct promises {
    struct ledger_range ranges[PROMISES_MAX];
    size_t count;
    bool run_ended;
};

#define RUN_ENDED ((struct ledger_range){0, 0})

static void tell(int fd, struct ledger_range range)
{
    if (write(fd, &range, sizeof range) != (ssize_t)sizeof range)
        abort();
}

static void tell_commit(void *context, const struct sink_commit_info *info)
{
    tell(*(const int *)context, info->range);
}

static void read_promises(int fd, struct promises *promises)
{
    struct ledger_range range;
    *promises = (struct promises){.count = 0};
    while (read(fd, &range, sizeof range) == (ssize_t)sizeof range) {
        assert_true(promises->count < PROMISES_MAX);
        if (range.last == 0)
            promises->run_ended = true;
        else
            promises->ranges[promises->count++] = range;
    }
}

/* Sends and commits a part of the range; a failure is for others to mend. */
static void commit_part(struct sink *sink, uint32_t first, uint32_t last)
{
    struct ledger_range lost;
    struct error error;
    enum error_code code = stream_send(sink, &options, first, last, 10, &error);
    if (code == OK)
        code = sink_commit(sink, ROTATION_END_OF_RANGE, NULL);
    while (code != OK && sink_take_lost_range(sink, &lost))
        continue;
}

static _Noreturn void run_child(const struct power_loss_plan *plan, int report_fd)
{
    power_loss_begin(plan);
    struct sink *sink;
    struct error error;
    if (sink_open(&sink, &options, &error) != OK && /* the sync that fails met the new catalog */
        sink_open(&sink, &options, &error) != OK)
        _exit(1);
    sink_on_commit(sink, tell_commit, &report_fd);
    if (plan->fail_library_sync != 0) {
        /* What follows a commit that was withdrawn lies in another folder than its files did. */
        commit_part(sink, FIRST, NEW_HOUR - 1);
        commit_part(sink, NEW_HOUR, LAST);
    }
    bool filled = stream_fill(sink, &options, wanted.first, wanted.last, 3);
    sink_close(sink);
    if (!filled)
        _exit(1);
    tell(report_fd, RUN_ENDED);
    power_loss_strike();
}

/* Runs until the power fails, which is after its end at the latest. */
static void run_until_power_fails(const struct power_loss_plan *plan, struct promises *promises)
{
    int ends[2];
    power_loss_doubt(plan);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run_child(plan, ends[1]);
    close(ends[1]);
    read_promises(ends[0], promises);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), POWER_LOSS_EXIT_CODE);
}

static void check_promise(struct sink *sink, struct ledger_range promised)
{
    struct ledger_set missing = {0};
    assert_int_equal(catalog_uncovered(sink_catalog(sink),
                                       (struct ledger_range){promised.first, promised.last},
                                       &missing, NULL),
                     OK);
    if (missing.count != 0)
        fail_msg("ledgers %u to %u were committed and are lost", missing.ranges[0].first,
                 missing.ranges[0].last);
    ledger_set_release(&missing);
}

/* The next start finds a whole lake with all that was promised, and completes it. */
static void check_after(const struct promises *promises)
{
    struct error error;
    error_clear(&error);
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    stream_check(lake);
    for (size_t i = 0; i < promises->count; i++)
        check_promise(sink, promises->ranges[i]);
    assert_true(stream_fill(sink, &options, wanted.first, wanted.last, 1));
    sink_close(sink);
    stream_check_covers(lake, wanted.first, wanted.last);
    power_loss_doubt(NULL);
}

/* In one mode, the power fails at every `step`-th operation of a run. */
static void lose_power_everywhere(enum power_loss_mode mode, uint64_t fail_library_sync,
                                  uint64_t first, uint64_t step)
{
    uint64_t swept = 0;
    for (uint64_t at = first;; at += step) {
        struct promises promises;
        struct power_loss_plan plan = {.root = folder,
                                       .at = at,
                                       .mode = mode,
                                       .seed = at,
                                       .fail_library_sync = fail_library_sync};
        temp_folder_clear(folder);
        run_until_power_fails(&plan, &promises);
        check_after(&promises);
        swept++;
        if (promises.run_ended) {
            assert_true(at > 100);
            break;
        }
    }
    power_loss_tell_sweep(fail_library_sync == 0 ? "a run" : "a run with a commit withdrawn", mode,
                          swept);
}

static void a_power_loss_at_any_operation_of_a_run_loses_no_commit(void **state)
{
    (void)state;
    lose_power_everywhere(POWER_LOSS_FORGETS_ALL, 0, 1, fault_step(2));
    lose_power_everywhere(POWER_LOSS_FORGETS_DATA, 0, 1, fault_step(5));
    lose_power_everywhere(POWER_LOSS_FORGETS_NAMES, 0, 2, fault_step(5));
    lose_power_everywhere(POWER_LOSS_RANDOM, 0, 1, fault_step(5));
}

/* Nothing but its own syncs makes a new lake's folder durable then. */
static void a_power_loss_after_a_commit_without_files_does_not_lose_it(void **state)
{
    (void)state;
    wanted = (struct ledger_range){EMPTY, EMPTY};
    lose_power_everywhere(POWER_LOSS_FORGETS_ALL, 0, 2, fault_step(3));
}

/* Else rows of two networks could come together in one lake. */
static void a_power_loss_does_not_lose_the_network_that_commits_are_of(void **state)
{
    (void)state;
    char model[TEMP_PATH_BYTES];
    struct sink *sink;
    struct error error;
    struct promises promises = {.count = 0};
    snprintf(model, sizeof model, "%.4000s-model", folder);
    wanted = (struct ledger_range){WITHOUT_LETTERS}; /* their folder is in _lake */
    options.network = "";
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    sink_close(sink);
    temp_copy(folder, model);
    options.network = "testnet";
    for (uint64_t at = 1; !promises.run_ended; at += fault_step(7)) {
        struct power_loss_plan plan = {.root = folder, .at = at, .mode = POWER_LOSS_FORGETS_ALL};
        temp_folder_remove(folder);
        temp_copy(model, folder);
        run_until_power_fails(&plan, &promises);
        options.network = "pubnet";
        assert_true(promises.count == 0 || sink_open(&sink, &options, &error) != OK);
        options.network = "testnet";
        check_after(&promises);
    }
    temp_folder_remove(model);
}

/* SQLite's syncs of a run are those of the new catalog, then one a commit: the first commit's
 * fails, is withdrawn and made again. */
static void a_power_loss_after_a_withdrawn_commit_brings_nothing_back(void **state)
{
    (void)state;
    for (uint64_t sync = 1; sync <= 8; sync++) {
        enum power_loss_mode mode = (enum power_loss_mode)(sync % POWER_LOSS_MODE_COUNT);
        lose_power_everywhere(POWER_LOSS_FORGETS_ALL, sync, 1 + sync, fault_step(23));
        if (mode != POWER_LOSS_FORGETS_ALL)
            lose_power_everywhere(mode, sync, sync, fault_step(23));
    }
}

static void many_random_power_losses_are_survived(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 120 / fault_step(3); seed++) {
        struct promises promises;
        struct power_loss_plan plan = {.root = folder,
                                       .at = 1 + seed * 7919 % 260,
                                       .mode = POWER_LOSS_RANDOM,
                                       .seed = seed,
                                       .fail_library_sync = seed % 3 == 0 ? seed % 9 : 0};
        temp_folder_clear(folder);
        run_until_power_fails(&plan, &promises);
        check_after(&promises);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_power_loss_at_any_operation_of_a_run_loses_no_commit),
        TEST(a_power_loss_after_a_commit_without_files_does_not_lose_it),
        TEST(a_power_loss_does_not_lose_the_network_that_commits_are_of),
        TEST(a_power_loss_after_a_withdrawn_commit_brings_nothing_back),
        TEST(many_random_power_losses_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
