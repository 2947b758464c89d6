// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "status/run_history.h"
#include "util/memory.h"

#define SECOND INT64_C(1000000)

static int set_up(void **state)
{
    struct error error;
    return run_history_new((struct run_history **)state, &error) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    run_history_free(*state);
    return 0;
}

static void commit(struct run_history *history, uint64_t number, uint32_t first, uint32_t last)
{
    struct status_commit entry = {.commit_no = number, .range = {first, last}};
    run_history_add_commit(history, &entry);
}

static struct status_snapshot look(struct run_history *history)
{
    struct status_snapshot snapshot;
    memset(&snapshot, 0, sizeof(snapshot));
    run_history_fill(history, &snapshot);
    return snapshot;
}

static void expect_range(const struct status_snapshot *snapshot, size_t i, uint32_t first,
                         uint32_t last)
{
    assert_true(i < snapshot->coverage_count);
    assert_int_equal(snapshot->coverage[i].first, first);
    assert_int_equal(snapshot->coverage[i].last, last);
}

static void the_newest_commits_come_first_and_the_oldest_go(void **state)
{
    for (uint64_t n = 1; n <= STATUS_COMMITS_MAX + 5; n++)
        commit(*state, n, (uint32_t)n * 10, (uint32_t)n * 10 + 9);
    struct status_snapshot snapshot = look(*state);
    assert_int_equal(snapshot.commit_count, STATUS_COMMITS_MAX);
    for (size_t i = 0; i < STATUS_COMMITS_MAX; i++)
        assert_int_equal(snapshot.last_commits[i].commit_no, STATUS_COMMITS_MAX + 5 - i);
}

static void commits_join_the_coverage_they_touch(void **state)
{
    struct ledger_range before[] = {{10, 19}, {30, 39}, {60, 69}};
    run_history_set_coverage(*state, &(struct ledger_set){.ranges = before, .count = 3});
    commit(*state, 1, 20, 24);
    struct status_snapshot snapshot = look(*state);
    assert_int_equal(snapshot.coverage_count, 3);
    expect_range(&snapshot, 0, 10, 24);
    commit(*state, 2, 25, 29); /* fills the gap between two ranges */
    snapshot = look(*state);
    assert_int_equal(snapshot.coverage_count, 2);
    expect_range(&snapshot, 0, 10, 39);
    commit(*state, 3, 50, 54); /* touches nothing */
    commit(*state, 4, 1, 2);
    snapshot = look(*state);
    assert_int_equal(snapshot.coverage_count, 4);
    expect_range(&snapshot, 0, 1, 2);
    expect_range(&snapshot, 1, 10, 39);
    expect_range(&snapshot, 2, 50, 54);
    expect_range(&snapshot, 3, 60, 69);
    assert_int_equal(snapshot.coverage_ledgers, 2 + 30 + 5 + 10);
    assert_int_equal(snapshot.coverage_first, 1);
    assert_int_equal(snapshot.coverage_total, 4);
}

static void ledgers_at_the_end_of_their_numbers_do_not_overflow(void **state)
{
    commit(*state, 1, UINT32_MAX - 1, UINT32_MAX);
    commit(*state, 2, 1, 1);
    struct status_snapshot snapshot = look(*state);
    assert_int_equal(snapshot.coverage_count, 2);
    expect_range(&snapshot, 1, UINT32_MAX - 1, UINT32_MAX);
    assert_int_equal(snapshot.coverage_ledgers, 3);
}

static void thousands_of_ranges_are_summed_up_and_the_newest_shown(void **state)
{
    enum { RANGES = 3000 };
    for (uint32_t i = 0; i < RANGES; i++)
        commit(*state, i + 1, 100 + i * 10, 100 + i * 10 + 4);
    commit(*state, 9999, 5, 9); /* below all */
    struct status_snapshot snapshot = look(*state);
    assert_int_equal(snapshot.coverage_count, STATUS_RANGES_MAX);
    assert_int_equal(snapshot.coverage_total, RANGES + 1);
    assert_int_equal(snapshot.coverage_ledgers, RANGES * 5 + 5);
    assert_int_equal(snapshot.coverage_first, 5);
    expect_range(&snapshot, STATUS_RANGES_MAX - 1, 100 + (RANGES - 1) * 10,
                 100 + (RANGES - 1) * 10 + 4);
}

static void the_same_problem_is_counted_and_the_newest_comes_first(void **state)
{
    run_history_add_problem(*state, false, "a warning", 1 * SECOND);
    run_history_add_problem(*state, true, "an error", 2 * SECOND);
    run_history_add_problem(*state, false, "a warning", 3 * SECOND);
    struct status_snapshot snapshot = look(*state);
    assert_int_equal(snapshot.problem_count, 2);
    assert_string_equal(snapshot.problems[0].message, "a warning");
    assert_int_equal(snapshot.problems[0].count, 2);
    assert_int_equal(snapshot.problems[0].first_us, 1 * SECOND);
    assert_int_equal(snapshot.problems[0].last_us, 3 * SECOND);
    assert_string_equal(snapshot.problems[1].message, "an error");
    assert_string_equal(snapshot.last_error, "an error");
    assert_int_equal(snapshot.last_error_us, 2 * SECOND);
}

static void many_problems_push_out_the_oldest_and_long_ones_are_cut(void **state)
{
    char message[2 * STATUS_MESSAGE_BYTES];
    for (int i = 0; i < 20; i++) {
        snprintf(message, sizeof(message), "problem %d", i);
        run_history_add_problem(*state, true, message, i);
    }
    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    run_history_add_problem(*state, true, message, 99);
    struct status_snapshot snapshot = look(*state);
    assert_int_equal(snapshot.problem_count, STATUS_PROBLEMS_MAX);
    assert_int_equal(strlen(snapshot.problems[0].message), STATUS_MESSAGE_BYTES - 1);
    assert_string_equal(snapshot.problems[1].message, "problem 19");
}

static void the_rate_is_that_of_the_last_slots(void **state)
{
    uint64_t events = 0;
    for (int second = 0; second <= 100; second++) {
        run_history_sample(*state, second * SECOND, second * SECOND, events, false);
        events += second < 50 ? 10 : 400;
    }
    struct status_snapshot snapshot = look(*state);
    assert_int_equal(snapshot.rate_count, 10);
    assert_float_equal(snapshot.rates[0], 10, 0.01);
    assert_float_equal(snapshot.rates[9], 400, 0.01);
    assert_float_equal(snapshot.events_per_second, 400, 0.01);
}

static void the_first_seconds_have_a_rate_too(void **state)
{
    run_history_sample(*state, SECOND, SECOND, 0, false);
    struct status_snapshot snapshot = {.now_monotonic_us = 3 * SECOND,
                                       .stream.events_accepted = 500};
    run_history_fill(*state, &snapshot);
    assert_float_equal(snapshot.events_per_second, 250, 0.01);
}

static void the_rate_s_history_forgets_its_beginning(void **state)
{
    for (int slot = 0; slot < STATUS_RATES_MAX + 30; slot++)
        run_history_sample(*state, 1, slot * STATUS_RATE_SLOT_US, (uint64_t)(slot * slot) * 5,
                           false);
    struct status_snapshot snapshot = look(*state);
    assert_int_equal(snapshot.rate_count, STATUS_RATES_MAX);
    assert_true(snapshot.rates[0] > 20);
}

static void the_time_of_the_last_new_event_is_that_of_the_last_rise(void **state)
{
    run_history_sample(*state, 1 * SECOND, 1, 0, false);
    assert_int_equal(look(*state).last_new_event_us, 0);
    run_history_sample(*state, 2 * SECOND, 2, 5, false);
    run_history_sample(*state, 3 * SECOND, 3, 5, false);
    assert_int_equal(look(*state).last_new_event_us, 2 * SECOND);
}

static void a_closed_window_is_remembered(void **state)
{
    run_history_sample(*state, 7 * SECOND, 1, 0, true);
    run_history_sample(*state, 8 * SECOND, 2, 0, false);
    assert_int_equal(look(*state).last_throttled_us, 7 * SECOND);
}

static void without_memory_there_is_no_board(void **state)
{
    (void)state;
    struct error error;
    struct run_history *none;
    mem_fail_after(1);
    assert_int_equal(run_history_new(&none, &error), ERR_NO_MEMORY);
    mem_fail_after(0);
    assert_null(none);
}

struct listed {
    size_t count;
    char first[STATUS_MESSAGE_BYTES], last[STATUS_MESSAGE_BYTES];
    uint64_t first_count;
};

static void list(void *context, const struct status_problem *problem)
{
    struct listed *listed = context;
    if (listed->count++ == 0) {
        memcpy(listed->first, problem->message, sizeof(listed->first));
        listed->first_count = problem->count;
    }
    memcpy(listed->last, problem->message, sizeof(listed->last));
}

static void the_first_problems_of_a_run_are_kept_beside_the_newest(void **state)
{
    char message[64];
    struct listed listed = {.count = 0};
    for (int i = 0; i < 100; i++) {
        snprintf(message, sizeof(message), "problem %d", i);
        run_history_add_problem(*state, i % 2 == 0, message, i);
    }
    run_history_add_problem(*state, true, "problem 0", 100);
    run_history_each_problem(*state, list, &listed);
    assert_int_equal(listed.count, 32);
    assert_string_equal(listed.first, "problem 0");
    assert_int_equal(listed.first_count, 2);
    assert_string_equal(listed.last, "problem 99");
    struct status_snapshot snapshot = look(*state);
    assert_string_equal(snapshot.problems[0].message, "problem 0");
    assert_string_equal(snapshot.problems[1].message, "problem 99");
    assert_int_equal(snapshot.problem_count, STATUS_PROBLEMS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_problems_of_a_run_are_kept_beside_the_newest,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_commits_come_first_and_the_oldest_go, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(commits_join_the_coverage_they_touch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ledgers_at_the_end_of_their_numbers_do_not_overflow, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(thousands_of_ranges_are_summed_up_and_the_newest_shown,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_problem_is_counted_and_the_newest_comes_first,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_problems_push_out_the_oldest_and_long_ones_are_cut,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rate_is_that_of_the_last_slots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_seconds_have_a_rate_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rate_s_history_forgets_its_beginning, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_time_of_the_last_new_event_is_that_of_the_last_rise,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_closed_window_is_remembered, set_up, tear_down),
        cmocka_unit_test(without_memory_there_is_no_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
