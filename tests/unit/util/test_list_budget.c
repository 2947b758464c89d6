// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/list_budget.h"

static void entries_beyond_the_most_are_counted(void **state)
{
    (void)state;
    struct list_budget budget = {0};
    for (size_t i = 0; i < LIST_ENTRIES_MAX; i++)
        assert_true(list_budget_take(&budget, 0));
    assert_false(list_budget_take(&budget, 0));
    assert_false(list_budget_take(&budget, 0));
    assert_int_equal(budget.kept, LIST_ENTRIES_MAX);
    assert_int_equal(budget.left_out, 2);
}

static void a_text_that_is_too_long_is_left_out_and_shorter_ones_still_fit(void **state)
{
    (void)state;
    struct list_budget budget = {0};
    assert_true(list_budget_take(&budget, 10));
    assert_false(list_budget_take(&budget, LIST_TEXT_BYTES - 9));
    assert_false(list_budget_take(&budget, SIZE_MAX));
    assert_true(list_budget_take(&budget, LIST_TEXT_BYTES - 10));
    assert_false(list_budget_take(&budget, 1));
    assert_true(list_budget_take(&budget, 0));
    assert_int_equal(budget.kept, 3);
    assert_int_equal(budget.left_out, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_beyond_the_most_are_counted),
        cmocka_unit_test(a_text_that_is_too_long_is_left_out_and_shorter_ones_still_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
