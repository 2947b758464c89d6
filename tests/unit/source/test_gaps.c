// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "source/gaps.h"

/* `of` ledgers, of which each `period`-th is empty; 0: none. */
static struct gaps gaps_of(unsigned of, unsigned period)
{
    struct gaps gaps;
    gaps_init(&gaps, false);
    for (unsigned i = 1; i <= of; i++) {
        if (period != 0 && i % period == 0)
            gaps_add_empty(&gaps, 1);
        else
            gaps_add_full(&gaps);
    }
    return gaps;
}

static void at_the_start_each_gap_is_asked_for_and_none_is_loud(void **state)
{
    (void)state;
    struct gaps gaps;
    gaps_init(&gaps, true);
    assert_true(gaps.are_fatal);
    assert_true(gaps_must_ask(&gaps, 1));
    assert_false(gaps_are_loud(&gaps));
    gaps = gaps_of(GAPS_KNOWN_MIN - 1, 0);
    assert_false(gaps_are_loud(&gaps));
    gaps_add_full(&gaps);
    assert_true(gaps_are_loud(&gaps));
}

static void where_nearly_each_ledger_has_events_each_gap_is_asked_for_and_loud(void **state)
{
    (void)state;
    struct gaps gaps = gaps_of(1000, 20); /* five in a hundred are empty */
    assert_true(gaps_must_ask(&gaps, 1));
    assert_true(gaps_are_loud(&gaps));
    gaps = gaps_of(1000, 16); /* six */
    assert_false(gaps_must_ask(&gaps, 1));
    assert_false(gaps_are_loud(&gaps));
}

static void where_ledgers_are_often_empty_only_a_gap_beyond_chance_is_asked_for(void **state)
{
    (void)state;
    struct gaps gaps = gaps_of(1000, 2);
    assert_false(gaps_must_ask(&gaps, 19)); /* 2^-19 */
    assert_true(gaps_must_ask(&gaps, 20));
    gaps = gaps_of(1000, 10);
    assert_false(gaps_must_ask(&gaps, 5));
    assert_true(gaps_must_ask(&gaps, 7));
    gaps_add_empty(&gaps, UINT32_MAX); /* and that at once */
    assert_false(gaps_must_ask(&gaps, 1000));
    assert_true(gaps_must_ask(&gaps, 1500));
    assert_false(gaps_are_loud(&gaps));
}

static void a_network_that_becomes_busy_is_busy_a_hundred_ledgers_later(void **state)
{
    (void)state;
    struct gaps gaps = gaps_of(1000, 2);
    for (unsigned i = 0; i < GAPS_WINDOW; i++)
        gaps_add_full(&gaps);
    assert_true(gaps_are_loud(&gaps));
    assert_int_equal(gaps.full_count, GAPS_WINDOW);
}

static void the_newest_gaps_are_kept_and_all_are_counted(void **state)
{
    (void)state;
    struct gaps gaps;
    gaps_init(&gaps, false);
    for (uint32_t i = 0; i < SOURCE_GAPS_KEPT + 3; i++)
        gaps_tell(&gaps, 100 * i, 100 * i + 1, 1000 + i);
    assert_int_equal(gaps.told.count, SOURCE_GAPS_KEPT + 3);
    assert_int_equal(gaps.told.ledger_count, 2 * (SOURCE_GAPS_KEPT + 3));
    assert_int_equal(gaps.told.last_us, 1000 + SOURCE_GAPS_KEPT + 2);
    assert_int_equal(gaps.told.kept_count, SOURCE_GAPS_KEPT);
    assert_int_equal(gaps.told.kept[0].first, 300);
    assert_int_equal(gaps.told.kept[SOURCE_GAPS_KEPT - 1].last, 100 * (SOURCE_GAPS_KEPT + 2) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_the_start_each_gap_is_asked_for_and_none_is_loud),
        cmocka_unit_test(where_nearly_each_ledger_has_events_each_gap_is_asked_for_and_loud),
        cmocka_unit_test(where_ledgers_are_often_empty_only_a_gap_beyond_chance_is_asked_for),
        cmocka_unit_test(a_network_that_becomes_busy_is_busy_a_hundred_ledgers_later),
        cmocka_unit_test(the_newest_gaps_are_kept_and_all_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
