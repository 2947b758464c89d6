// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "status/stages.h"

static void several_streams_are_told_as_one(void **state)
{
    (void)state;
    struct stream_stats total = {.events_accepted = 10,
                                 .retries = 1,
                                 .current_ledger = 70,
                                 .current_close_us = 700,
                                 .last_event_us = 5,
                                 .streaming_since_us = 9,
                                 .connected = true,
                                 .asked = "ledger 70",
                                 .failure = {.at_us = 3, .words = "later"},
                                 .gaps = {.count = 1, .ledger_count = 4, .last_us = 1}};
    const struct stream_stats other = {
        .events_accepted = 5,
        .retries = 2,
        .current_ledger = 60,
        .current_close_us = 600,
        .last_event_us = 8,
        .first_ledger = 55,
        .outage = true,
        .failure = {.at_us = 2, .words = "before"},
        .gaps = {.count = 2, .ledger_count = 3, .last_us = 6, .kept_count = 1, .kept = {{7, 9}}}};
    struct stream_stats same = other;
    stream_stats_add(&same, &total);
    stream_stats_add(&total, &other);
    assert_memory_equal(&same, &total, sizeof same); /* the order means nothing */
    assert_int_equal(total.events_accepted, 15);
    assert_int_equal(total.retries, 3);
    assert_int_equal(total.current_ledger, 70);
    assert_int_equal(total.current_close_us, 700);
    assert_int_equal(total.last_event_us, 8);
    assert_int_equal(total.first_ledger, 55);
    assert_int_equal(total.streaming_since_us, 9);
    assert_true(total.connected && total.outage && !total.degraded);
    assert_string_equal(total.asked, "ledger 70");
    assert_string_equal(total.failure.words, "later");
    assert_int_equal(total.gaps.count, 3);
    assert_int_equal(total.gaps.ledger_count, 7);
    assert_int_equal(total.gaps.kept_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(several_streams_are_told_as_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
