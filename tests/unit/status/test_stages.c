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
        .streaming_since_us = 12,
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
    assert_true(total.connected && total.degraded && !total.outage); /* one of them goes on */
    assert_string_equal(total.asked, "ledger 70");
    assert_string_equal(total.failure.words, "later");
    assert_int_equal(total.gaps.count, 3);
    assert_int_equal(total.gaps.ledger_count, 7);
    assert_int_equal(total.gaps.kept_count, 1);
}

static void an_outage_is_one_when_all_that_ask_have_it(void **state)
{
    static const struct {
        int64_t since_us[2];
        bool is_out[2], all_are_out;
    } cases[] = {
        {{1, 1}, {true, true}, true},  {{1, 1}, {true, false}, false},
        {{1, 0}, {true, false}, true}, {{0, 1}, {true, false}, false},
        {{0, 0}, {true, false}, true}, {{0, 0}, {false, false}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stream_stats total = {.streaming_since_us = cases[i].since_us[0],
                                     .outage = cases[i].is_out[0]};
        const struct stream_stats one = {.streaming_since_us = cases[i].since_us[1],
                                         .outage = cases[i].is_out[1]};
        stream_stats_add(&total, &one);
        assert_int_equal(total.outage, cases[i].all_are_out);
    }
}

static void the_sinks_of_a_lake_are_told_as_one(void **state)
{
    struct sink_stats total = {.rows_committed = 5,
                               .last_commit_us = 8,
                               .last_ledger = 90,
                               .next_commit_us = 30,
                               .rotations[ROTATION_SIZE] = 1};
    const struct sink_stats one = {.rows_committed = 7,
                                   .last_commit_us = 9,
                                   .last_ledger = 40,
                                   .next_commit_us = 20,
                                   .failing = true,
                                   .rotations[ROTATION_SIZE] = 2};
    (void)state;
    sink_stats_add(&total, &one);
    assert_int_equal(total.rows_committed, 12);
    assert_int_equal(total.last_ledger, 40); /* of the newest commit */
    assert_int_equal(total.next_commit_us, 20);
    assert_int_equal(total.rotations[ROTATION_SIZE], 3);
    assert_true(total.failing);
}

static void a_streams_state_is_a_word(void **state)
{
    static const struct {
        struct stream_view view;
        const char *word;
    } cases[] = {
        {{.connected = true}, "idle"},
        {{.range = {5, 9}}, "connecting"},
        {{.range = {5, 0}, .connected = true}, "streaming"},
        {{.range = {5, 9}, .connected = true, .throttled = true}, "waiting for the writer"},
        {{.range = {5, 9}, .degraded = true}, "reconnecting"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(stream_view_state(&cases[i].view), cases[i].word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_streams_are_told_as_one),
        cmocka_unit_test(an_outage_is_one_when_all_that_ask_have_it),
        cmocka_unit_test(the_sinks_of_a_lake_are_told_as_one),
        cmocka_unit_test(a_streams_state_is_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
