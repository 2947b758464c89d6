// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pb/event.h"
#include "serve/generator.h"
#include "serve/recording.h"
#include "serve/serve_test.h"
#include "serve/shape.h"
#include "support/generated.h"

#define START_US INT64_C(1781828514000000)
#define WINDOW   4u   /* ledgers, as many as the real recording has */
#define WINDOWS  100u /* measured of each seed */
#define ALLOWED  0.20

static struct generator *generator_of(uint64_t seed, uint32_t first, uint32_t ledgers,
                                      uint64_t events)
{
    const struct generator_options options = {.seed = seed,
                                              .first_ledger = first,
                                              .ledger_count = ledgers,
                                              .event_count = events,
                                              .start_time_us = START_US};
    struct generator *generator;
    struct error error = {0};
    if (generator_new(&generator, &options, &error) != OK)
        fail_msg("%s", error.message);
    return generator;
}

static void load(struct generator *generator, uint32_t sequence, struct buffer *framed)
{
    buffer_reset(framed);
    assert_int_equal(generator_load(generator, sequence, framed, NULL), OK);
}

static void events_are_encoded_as_the_protobuf_room_encodes_them(void **state)
{
    (void)state;
    struct generator *generator = generator_of(1, 63092993, 300, 0);
    struct buffer framed, again;
    buffer_init(&framed);
    buffer_init(&again);
    unsigned types[EVENT_TYPE_COUNT] = {0}, no_asset = 0, huge = 0, memos[4] = {0};
    for (uint32_t ledger = 63092993; ledger < 63093293; ledger++) {
        load(generator, ledger, &framed);
        struct bytes_view rest = buffer_view(&framed), message;
        while (feed_next_message(&rest, &message)) {
            struct event_view event;
            assert_int_equal(event_decode(message, &event, NULL), OK);
            buffer_reset(&again);
            assert_int_equal(event_encode(&event, &again), OK);
            assert_true(bytes_equal(buffer_view(&again), message));
            assert_int_equal(event.ledger_sequence, ledger);
            assert_true(utf8_is_valid(event.memo) || event.memo_kind == MEMO_HASH);
            types[event.type]++;
            memos[event.memo_kind]++;
            no_asset += event.asset_kind == ASSET_NONE;
            huge += event.amount.size_bytes > 19;
            assert_true(event.amount.size_bytes <= 39);
        }
    }
    assert_int_equal(types[EVENT_NONE], 0);
    for (unsigned type = EVENT_TRANSFER; type < EVENT_TYPE_COUNT; type++)
        assert_true(types[type] > 0);
    for (unsigned kind = MEMO_NONE; kind <= MEMO_HASH; kind++)
        assert_true(memos[kind] > 0);
    assert_true(no_asset > 0 && huge > 0 && huge < no_asset);
    buffer_release(&framed);
    buffer_release(&again);
    generator_free(generator);
}

/* 0: fees, 1: operations, 2: refunds. */
static int phase_of(const struct event_view *event)
{
    if (event->type != EVENT_FEE)
        return 1;
    return event->amount.data[0] == '-' ? 2 : 0;
}

static void ledger_is_fees_then_operations_then_refunds(void **state)
{
    (void)state;
    struct generator *generator = generator_of(2, 1000, 50, 0);
    struct buffer framed;
    buffer_init(&framed);
    for (uint32_t ledger = 1000; ledger < 1050; ledger++) {
        load(generator, ledger, &framed);
        struct bytes_view rest = buffer_view(&framed), message;
        int phase = 0;
        uint32_t tx_index = 0, operation_index = 0;
        while (feed_next_message(&rest, &message)) {
            struct event_view event;
            assert_int_equal(event_decode(message, &event, NULL), OK);
            assert_true(phase_of(&event) >= phase);
            if (phase_of(&event) != phase)
                tx_index = 0;
            phase = phase_of(&event);
            assert_int_equal(event.has_operation_index, phase == 1);
            if (phase == 0)
                assert_int_equal(event.transaction_index, tx_index + 1);
            assert_true(event.transaction_index >= tx_index);
            if (event.transaction_index != tx_index)
                operation_index = 0;
            assert_true(event.operation_index >= operation_index);
            tx_index = event.transaction_index;
            operation_index = event.operation_index;
        }
        assert_int_equal(phase, 2);
    }
    buffer_release(&framed);
    generator_free(generator);
}

static void any_ledger_is_the_same_in_any_order_and_from_any_first_ledger(void **state)
{
    (void)state;
    struct generator *forward = generator_of(3, 500, 20, 0);
    struct generator *open = generator_of(3, 500, 0, 0);
    struct generator *other_seed = generator_of(4, 500, 20, 0);
    struct buffer a, b, c;
    buffer_init(&a);
    buffer_init(&b);
    buffer_init(&c);
    for (uint32_t ledger = 500; ledger < 520; ledger++) {
        load(forward, ledger, &a);
        load(open, 1019 - ledger, &b);
        load(open, ledger, &b);
        load(other_seed, ledger, &c);
        assert_true(bytes_equal(buffer_view(&a), buffer_view(&b)));
        assert_false(bytes_equal(buffer_view(&a), buffer_view(&c)));
    }
    assert_int_equal(generator_last_ledger(open), UINT32_MAX);
    buffer_release(&a);
    buffer_release(&b);
    buffer_release(&c);
    generator_free(forward);
    generator_free(open);
    generator_free(other_seed);
}

static void event_count_is_exact_and_cuts_the_last_ledger(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 200, 631, 10000, 12345};
    struct buffer framed;
    buffer_init(&framed);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct generator *generator = generator_of(5, 7, 0, counts[i]);
        uint64_t total = 0;
        for (uint32_t ledger = 7; ledger <= generator_last_ledger(generator); ledger++) {
            load(generator, ledger, &framed);
            struct bytes_view rest = buffer_view(&framed), message;
            while (feed_next_message(&rest, &message))
                total++;
        }
        assert_int_equal(total, counts[i]);
        generator_free(generator);
    }
    buffer_release(&framed);
}

static void ledgers_close_every_five_to_six_seconds(void **state)
{
    (void)state;
    struct generator *generator = generator_of(6, 100, 1001, 0);
    int64_t close_us = generated_close_us(generator, 100);
    assert_int_equal(close_us, START_US);
    for (uint32_t ledger = 101; ledger <= 1100; ledger++) {
        int64_t gap_us = generated_close_us(generator, ledger) - close_us;
        assert_true(gap_us == 5000000 || gap_us == 6000000);
        close_us += gap_us;
    }
    assert_int_equal(close_us - START_US, 5800000000);
    generator_free(generator);
}

static void impossible_options_are_refused_with_the_reason(void **state)
{
    (void)state;
    struct generator *generator;
    struct error error;
    struct generator_options options = {.seed = 1, .start_time_us = START_US};
    assert_int_equal(generator_new(&generator, &options, &error), ERR_INVALID);
    options.first_ledger = UINT32_MAX - 10;
    options.ledger_count = 20;
    assert_int_equal(generator_new(&generator, &options, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "20 ledgers"));
    options.ledger_count = 0;
    options.event_count = 1000000;
    assert_int_equal(generator_new(&generator, &options, &error), ERR_INVALID);
    options = (struct generator_options){.first_ledger = 1, .start_time_us = -1};
    assert_int_equal(generator_new(&generator, &options, &error), ERR_INVALID);
    options.start_time_us = INT64_C(253402300799) * 1000000;
    options.ledger_count = 100;
    assert_int_equal(generator_new(&generator, &options, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "9999"));
    assert_null(generator);
}

static void real_figures(double figures[SHAPE_FIGURE_COUNT])
{
    const char *path = DATA("pubnet-63092993-63092996.events");
    struct recording *recording;
    assert_int_equal(recording_open(&recording, &path, 1, NULL), OK);
    struct shape_window *window = shape_window_new();
    struct buffer framed;
    buffer_init(&framed);
    for (uint32_t ledger = 0; recording_find(recording, ledger, &ledger); ledger++) {
        buffer_reset(&framed);
        assert_int_equal(recording_load(recording, ledger, &framed, NULL), OK);
        shape_window_add(window, buffer_view(&framed));
    }
    shape_window_finish(window, figures);
    buffer_release(&framed);
    recording_free(recording);
}

/* The mean figures of many windows. */
static void generated_figures(uint64_t seed, double means[SHAPE_FIGURE_COUNT])
{
    struct generator *generator = generator_of(seed, 63092993, WINDOW * WINDOWS, 0);
    struct buffer framed;
    buffer_init(&framed);
    memset(means, 0, sizeof(double) * SHAPE_FIGURE_COUNT);
    uint32_t ledger = 63092993;
    for (unsigned number = 0; number < WINDOWS; number++) {
        struct shape_window *window = shape_window_new();
        for (unsigned i = 0; i < WINDOW; i++) {
            load(generator, ledger++, &framed);
            shape_window_add(window, buffer_view(&framed));
        }
        double figures[SHAPE_FIGURE_COUNT];
        shape_window_finish(window, figures);
        for (unsigned figure = 0; figure < SHAPE_FIGURE_COUNT; figure++)
            means[figure] += figures[figure] / WINDOWS;
    }
    buffer_release(&framed);
    generator_free(generator);
}

static void figures_are_those_of_the_real_ledgers_within_a_fifth(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {1, 2, 20240115};
    double real[SHAPE_FIGURE_COUNT];
    real_figures(real);
    assert_true(real[SHAPE_EVENTS] == 2531 && real[SHAPE_DISTINCT_FROM] == 862);
    unsigned failures = 0;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        double means[SHAPE_FIGURE_COUNT];
        generated_figures(seeds[i], means);
        printf("# seed %llu, means of %u windows of %u ledgers\n", (unsigned long long)seeds[i],
               WINDOWS, WINDOW);
        printf("# %-30s %10s %10s %8s\n", "figure", "real", "generated", "off");
        for (unsigned figure = 0; figure < SHAPE_FIGURE_COUNT; figure++) {
            double off = means[figure] / real[figure] - 1;
            bool is_good = fabs(off) <= ALLOWED;
            failures += !is_good;
            printf("# %-30s %10.0f %10.1f %+7.1f%%%s\n", shape_names[figure], real[figure],
                   means[figure], off * 100, is_good ? "" : "  <- more than allowed");
        }
    }
    assert_int_equal(failures, 0);
}

static enum error_code make_and_load(void *context)
{
    (void)context;
    const struct generator_options options = {
        .seed = 1, .first_ledger = 1, .event_count = 5000, .start_time_us = 0};
    struct generator *generator;
    struct error error;
    struct buffer framed;
    buffer_init(&framed);
    enum error_code code = generator_new(&generator, &options, &error);
    if (code == OK)
        code = generator_load(generator, 3, &framed, &error);
    buffer_release(&framed);
    generator_free(generator);
    return code;
}

static void each_failed_allocation_is_out_of_memory(void **state)
{
    (void)state;
    sweep_allocations(make_and_load, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_encoded_as_the_protobuf_room_encodes_them),
        cmocka_unit_test(ledger_is_fees_then_operations_then_refunds),
        cmocka_unit_test(any_ledger_is_the_same_in_any_order_and_from_any_first_ledger),
        cmocka_unit_test(event_count_is_exact_and_cuts_the_last_ledger),
        cmocka_unit_test(ledgers_close_every_five_to_six_seconds),
        cmocka_unit_test(impossible_options_are_refused_with_the_reason),
        cmocka_unit_test(figures_are_those_of_the_real_ledgers_within_a_fifth),
        cmocka_unit_test(each_failed_allocation_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
