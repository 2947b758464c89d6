// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "lake/ledger_order.h"

static void assert_whole(uint64_t *ordinals, size_t count)
{
    char fault[LEDGER_FAULT_BYTES];
    assert_true(ledger_ordinals_are_whole(ordinals, count, fault));
}

static void assert_fault(uint64_t *ordinals, size_t count, const char *expected)
{
    char fault[LEDGER_FAULT_BYTES] = "";
    assert_false(ledger_ordinals_are_whole(ordinals, count, fault));
    assert_string_equal(fault, expected);
}

static void each_ledger_counts_its_events_from_0_in_any_order(void **state)
{
    (void)state;
    uint64_t good[] = {ledger_ordinal(8, 0), ledger_ordinal(7, 1), ledger_ordinal(7, 0),
                       ledger_ordinal(8, 1), ledger_ordinal(7, 2)};
    assert_whole(NULL, 0);
    assert_whole(good, 5);
}

static void a_missing_and_a_repeated_event_are_named(void **state)
{
    (void)state;
    uint64_t first[] = {ledger_ordinal(7, 0), ledger_ordinal(8, 1), ledger_ordinal(8, 2)};
    uint64_t middle[] = {ledger_ordinal(7, 0), ledger_ordinal(7, 1), ledger_ordinal(7, 3)};
    uint64_t twice[] = {ledger_ordinal(7, 0), ledger_ordinal(7, 1), ledger_ordinal(7, 1)};
    assert_fault(first, 3, "ledger 8: after event_index -1 comes 1");
    assert_fault(middle, 3, "ledger 7: after event_index 1 comes 3");
    assert_fault(twice, 3, "ledger 7: after event_index 1 comes 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ledger_counts_its_events_from_0_in_any_order),
        cmocka_unit_test(a_missing_and_a_repeated_event_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
