// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sink/rotation.h"
#include "sink/sink.h"
#include "util/text.h"

#define MIB (UINT64_C(1) << 20)

static void the_first_row_group_is_measured_at_half_the_limit(void **state)
{
    (void)state;
    struct size_estimate estimate = {0};
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 0, 0), SIZE_GO_ON);
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 0, 40 * MIB), SIZE_GO_ON);
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 0, 50 * MIB), SIZE_CLOSE_ROW_GROUP);
    size_estimate_learn(&estimate, 50 * MIB, 25 * MIB);
    /* 25 MiB are there; 1.1 times half the estimate is expected to come. */
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 25 * MIB, 100 * MIB), SIZE_GO_ON);
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 25 * MIB, 140 * MIB),
                     SIZE_CLOSE_ROW_GROUP);
}

static void a_file_is_cut_where_it_is_nearly_full_and_nothing_is_open(void **state)
{
    (void)state;
    struct size_estimate estimate = {.tail_share = 0.25, .tail_data_bytes = 1};
    /* Of 100 MiB, 80 are for row groups; from nine tenths of that on it is enough. */
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 71 * MIB, 0), SIZE_GO_ON);
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 73 * MIB, 0), SIZE_CUT);
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 80 * MIB, 5), SIZE_CUT);
}

static void tiny_files_say_little_of_what_follows_the_row_groups(void **state)
{
    (void)state;
    struct size_estimate estimate = {0};
    size_estimate_learn_tail(&estimate, 100 * MIB, 5 * MIB);
    for (int i = 0; i < 4; i++)
        size_estimate_learn_tail(&estimate, 900, 3600);
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 85 * MIB, 0), SIZE_GO_ON);
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 96 * MIB, 0), SIZE_CUT);
    for (int i = 0; i < 20; i++)
        size_estimate_learn_tail(&estimate, 100 * MIB, 50 * MIB);
    assert_int_equal(rotation_by_size(&estimate, 100 * MIB, 67 * MIB, 0), SIZE_CUT);
}

static void estimates_follow_the_last_row_groups(void **state)
{
    (void)state;
    struct size_estimate estimate = {0};
    assert_int_equal(size_estimate_of(&estimate, 7, 1000), 1007);
    for (int i = 0; i < 20; i++)
        size_estimate_learn(&estimate, 100 * MIB, 50 * MIB);
    assert_in_range(size_estimate_of(&estimate, 0, 100 * MIB), 50 * MIB, 51 * MIB);
    for (int i = 0; i < 20; i++)
        size_estimate_learn(&estimate, 100 * MIB, 200 * MIB);
    assert_in_range(size_estimate_of(&estimate, 0, 100 * MIB), 199 * MIB, 201 * MIB);
}

static void age_is_counted_on_the_monotonic_clock(void **state)
{
    (void)state;
    struct rotation_age age = {.opened_us = 1000, .max_age_us = 60 * US_PER_SECOND};
    assert_int_equal(rotation_age_wait_us(&age, 1000, 0), 60 * US_PER_SECOND);
    assert_int_equal(rotation_age_wait_us(&age, 1000 + 59 * US_PER_SECOND, 0), US_PER_SECOND);
    assert_int_equal(rotation_age_wait_us(&age, 1000 + 60 * US_PER_SECOND, 0), 0);
    assert_int_equal(rotation_age_wait_us(&age, 1000 + 600 * US_PER_SECOND, INT64_MIN / 2), 0);
}

static void two_minutes_after_its_partition_a_commit_is_left_to_the_next_ledger(void **state)
{
    (void)state;
    struct rotation_age age = {
        .max_age_us = 1, .has_partition = true, .partition_end_us = 1000 * US_PER_SECOND};
    assert_int_equal(rotation_age_wait_us(&age, 10, 999 * US_PER_SECOND), 0);
    assert_int_equal(rotation_age_wait_us(&age, 10, 1000 * US_PER_SECOND), 120 * US_PER_SECOND);
    assert_int_equal(rotation_age_wait_us(&age, 10, 1119 * US_PER_SECOND), US_PER_SECOND);
    assert_int_equal(rotation_age_wait_us(&age, 10, 1120 * US_PER_SECOND), 0);
}

static void every_reason_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < ROTATION_REASON_COUNT; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(rotation_reason_name((enum rotation_reason)a),
                                    rotation_reason_name((enum rotation_reason)b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_row_group_is_measured_at_half_the_limit),
        cmocka_unit_test(a_file_is_cut_where_it_is_nearly_full_and_nothing_is_open),
        cmocka_unit_test(tiny_files_say_little_of_what_follows_the_row_groups),
        cmocka_unit_test(estimates_follow_the_last_row_groups),
        cmocka_unit_test(age_is_counted_on_the_monotonic_clock),
        cmocka_unit_test(two_minutes_after_its_partition_a_commit_is_left_to_the_next_ledger),
        cmocka_unit_test(every_reason_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
