// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/clock.h"
#include "serve/fetch.h"
#include "serve/generator.h"
#include "serve/recording.h"
#include "serve/serve_test.h"

#define FIRST  63092993u
#define LAST   63092996u
#define SECOND INT64_C(1000000)

static struct recording *recording;
static struct buffer truth; /* all of it, framed */

static int open_recording(void **state)
{
    (void)state;
    const char *path = DATA("pubnet-63092993-63092996.events");
    buffer_init(&truth);
    if (recording_open(&recording, &path, 1, NULL) != OK)
        return 1;
    for (uint32_t ledger = FIRST; ledger <= LAST; ledger++) {
        if (recording_load(recording, ledger, &truth, NULL) != OK)
            return 1;
    }
    return 0;
}

static int close_recording(void **state)
{
    (void)state;
    recording_free(recording);
    buffer_release(&truth);
    return 0;
}

#define START(running, script)                                                                     \
    struct running_server running;                                                                 \
    do {                                                                                           \
        struct feed feed_ = recording_feed(recording);                                             \
        server_start(&running, &feed_, (script), 0);                                               \
    } while (0)

/* One call for all of the recording. */
static struct fetched fetch_all(const struct running_server *running)
{
    struct fetched fetched;
    fetch(running, FIRST, LAST, 20 * SECOND, 0, &fetched);
    return fetched;
}

static void expect_truth(struct fetched *fetched)
{
    assert_true(fetched->is_over && fetched->has_status);
    assert_int_equal(fetched->end, GRPC_END_STATUS);
    assert_int_equal(fetched->code, GRPC_OK);
    assert_int_equal(fetched->event_count, 2531);
    assert_true(bytes_equal(buffer_view(&fetched->framed), buffer_view(&truth)));
    fetched_release(fetched);
}

static void bounded_request_gets_every_event_and_ok(void **state)
{
    (void)state;
    START(running, NULL);
    struct fetched fetched = fetch_all(&running);
    expect_truth(&fetched);
    struct server_stats stats;
    server_end(&running, &stats);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.requests, 1);
    assert_int_equal(stats.events_sent, 2531);
    assert_int_equal(stats.connections_open, 0);
    assert_int_equal(stats.requests_open, 0);
    assert_true(stats.bytes_sent > truth.size_bytes);
}

static void small_window_splits_frames_anywhere_and_loses_nothing(void **state)
{
    (void)state;
    START(running, NULL);
    struct fetched fetched;
    fetch(&running, FIRST, LAST, 20 * SECOND, 65535, &fetched);
    expect_truth(&fetched);
    server_end(&running, NULL);
}

static void ranges_end_as_the_design_says(void **state)
{
    (void)state;
    static const struct {
        uint32_t start, end;
        uint64_t events;
        bool ends;
    } cases[] = {
        {0, LAST, 2531, true}, /* START 0: from the first recorded ledger */
        {0, 0, 2531, false},   /* open: for ever */
        {FIRST + 1, FIRST + 1, 659, true},
        {1, FIRST, 528, true},   /* begins before the recording */
        {LAST, LAST, 689, true}, /* the recording's end counts as a later ledger */
        {LAST, LAST + 1, 689, false},
        {LAST + 1, LAST + 2, 0, false},
        {LAST + 1, 0, 0, false},
        {FIRST, FIRST - 1, 0, true}, /* END < START: OK and nothing */
        {1, 5, 0, true},             /* before the recording: nothing there */
    };
    START(running, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetched fetched;
        fetch(&running, cases[i].start, cases[i].end, cases[i].ends ? 20 * SECOND : SECOND / 3, 0,
              &fetched);
        assert_int_equal(fetched.event_count, cases[i].events);
        assert_int_equal(fetched.is_over, cases[i].ends);
        assert_true(fetched.has_headers);
        if (cases[i].ends) {
            assert_int_equal(fetched.end, GRPC_END_STATUS);
            assert_int_equal(fetched.code, GRPC_OK);
        }
        fetched_release(&fetched);
    }
    server_end(&running, NULL);
}

struct one_of_many {
    const struct running_server *running;
    struct os_thread thread;
    struct fetched fetched;
};

static void *fetch_on_thread(void *context)
{
    struct one_of_many *one = context;
    one->fetched = fetch_all(one->running);
    return NULL;
}

static void many_clients_at_once_get_everything(void **state)
{
    (void)state;
    enum { CLIENTS = 8 };
    static struct one_of_many many[CLIENTS];
    START(running, NULL);
    for (unsigned i = 0; i < CLIENTS; i++) {
        many[i].running = &running;
        assert_int_equal(
            os_thread_start(&many[i].thread, "client", fetch_on_thread, &many[i], NULL), OK);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        os_thread_join(&many[i].thread);
        expect_truth(&many[i].fetched);
    }
    server_end(&running, NULL);
}

static void live_ledgers_close_one_a_pace(void **state)
{
    (void)state;
    struct running_server running;
    struct feed feed = recording_feed(recording);
    server_start(&running, &feed, NULL, SECOND / 4);
    struct fetched fetched;
    fetch(&running, FIRST, LAST, 20 * SECOND, 0, &fetched);
    assert_true(fetched.end_us > SECOND / 2);
    assert_true(fetched.first_event_us < SECOND / 2);
    expect_truth(&fetched);
    /* All have closed: the next client gets them at once. */
    fetched = fetch_all(&running);
    assert_true(fetched.end_us < SECOND / 2);
    expect_truth(&fetched);
    server_end(&running, NULL);
}

static void live_bounded_request_waits_for_a_later_ledger(void **state)
{
    (void)state;
    struct running_server running;
    struct feed feed = recording_feed(recording);
    server_start(&running, &feed, NULL, SECOND / 2);
    struct fetched fetched;
    fetch(&running, FIRST, FIRST, 20 * SECOND, 0, &fetched);
    assert_int_equal(fetched.event_count, 528);
    assert_true(fetched.first_event_us < SECOND / 4);
    assert_true(fetched.end_us > SECOND / 4);
    assert_int_equal(fetched.code, GRPC_OK);
    fetched_release(&fetched);
    server_end(&running, NULL);
}

static void pace_without_live_spreads_each_stream(void **state)
{
    (void)state;
    struct running_server running;
    struct feed feed = recording_feed(recording);
    server_start(&running, &feed, NULL, -SECOND / 10);
    for (unsigned i = 0; i < 2; i++) {
        struct fetched fetched = fetch_all(&running);
        assert_true(fetched.end_us >= 3 * SECOND / 10);
        expect_truth(&fetched);
    }
    server_end(&running, NULL);
}

static void generated_ledgers_are_served_from_anywhere(void **state)
{
    (void)state;
    const struct generator_options options = {
        .seed = 9, .first_ledger = 1000, .start_time_us = 1700000000 * SECOND};
    struct generator *generator;
    assert_int_equal(generator_new(&generator, &options, NULL), OK);
    struct running_server running;
    struct feed feed = generator_feed(generator);
    server_start(&running, &feed, NULL, 0);
    struct fetched fetched;
    fetch(&running, 5000000, 5000099, 20 * SECOND, 0, &fetched);
    server_end(&running, NULL);
    assert_int_equal(fetched.code, GRPC_OK);
    struct buffer wanted;
    buffer_init(&wanted);
    for (uint32_t ledger = 5000000; ledger < 5000100; ledger++)
        assert_int_equal(generator_load(generator, ledger, &wanted, NULL), OK);
    assert_true(bytes_equal(buffer_view(&fetched.framed), buffer_view(&wanted)));
    buffer_release(&wanted);
    fetched_release(&fetched);
    generator_free(generator);
}

/* What a script makes of the first call; the second one, after it, must be whole. */
struct scenario {
    const char *script;
    uint64_t events; /* UINT64_MAX: any */
    enum {
        ENDS_OK,      /* with OK; other events than recorded, or more, or fewer */
        ENDS_SAME,    /* with OK and exactly the truth */
        ENDS_STATUS,  /* with `code` */
        ENDS_RESET,   /* the stream alone */
        ENDS_CUT,     /* the connection */
        ENDS_REFUSED, /* by our own engine: protocol error or limit */
        ENDS_PLAIN,   /* an HTTP answer */
        ENDS_NEVER    /* within a third of a second */
    } ending;
    enum grpc_code code;
};

static const struct scenario scenarios[] = {
    {"event=100 reset=CANCEL", 100, ENDS_RESET, 0},
    {"event=100 close", 100, ENDS_CUT, 0},
    {"event=100 abort", UINT64_MAX, ENDS_CUT, 0},
    {"event=100 goaway", 100, ENDS_CUT, 0},
    {"event=100 goaway-graceful=10s", 2531, ENDS_SAME, 0},
    {"event=100 status=UNAVAILABLE", 100, ENDS_STATUS, GRPC_UNAVAILABLE},
    {"ledger=63092994 status=13", 528, ENDS_STATUS, GRPC_INTERNAL},
    {"byte=0 status=5", 0, ENDS_STATUS, GRPC_NOT_FOUND},
    {"event=0 status-only=8", 0, ENDS_STATUS, GRPC_RESOURCE_EXHAUSTED},
    {"ledger=63092993 status-only", 0, ENDS_STATUS, GRPC_UNAVAILABLE},
    {"event=100 end-stream", 100, ENDS_RESET, 0},
    {"event=100 silence", 100, ENDS_NEVER, 0},
    {"event=100 silence=50ms", 2531, ENDS_SAME, 0},
    {"event=100 slow-drip=10KiB delay=1ms", 2531, ENDS_SAME, 0},
    {"event=100 half-message", 100, ENDS_CUT, 0},
    {"event=100 wrong-length", UINT64_MAX, ENDS_REFUSED, 0},
    {"event=100 compressed", 100, ENDS_REFUSED, 0},
    {"event=100 oversize", 100, ENDS_REFUSED, 0},
    {"event=100 oversize=1MiB", 2531, ENDS_OK, 0},
    {"event=100 invalid-protobuf", 2531, ENDS_OK, 0},
    {"event=100 damaged-event", 2531, ENDS_OK, 0},
    {"event=100 unknown-event-type", 2531, ENDS_OK, 0},
    {"event=100 unknown-fields", 2531, ENDS_OK, 0},
    {"event=100 missing-meta", 2531, ENDS_OK, 0},
    {"ledger=63092994 repeat-ledger", 2531 + 659, ENDS_OK, 0},
    {"ledger=63092994 old-ledger", 2532, ENDS_OK, 0},
    {"ledger=63092994 cut-ledger=9", 2531 - 9, ENDS_OK, 0},
    {"ledger=63092994 cut-ledger=100000", 2531 - 659, ENDS_OK, 0},
    {"ledger=63092994 skip-ledger", 2531 - 659, ENDS_OK, 0},
    {"ledger=63092996 jump=2", 2531 - 689, ENDS_OK, 0},
    {"ledger=63092993 jump=3", 689, ENDS_OK, 0},
    {"ledger=63092996 events-after-end", 2531 + 689, ENDS_OK, 0},
    {"ledger=63092996 events-after-end=2", 2531 + 2 * 689, ENDS_OK, 0},
    {"event=0 no-settings", 0, ENDS_NEVER, 0},
    {"event=0 http1", 0, ENDS_REFUSED, 0},
    {"event=0 late-headers=50ms", 2531, ENDS_SAME, 0},
    {"event=0 content-type", 0, ENDS_PLAIN, 0},
    {"event=0 http-status=503", 0, ENDS_PLAIN, 0},
    {"event=0 ping-flood=500", 2531, ENDS_SAME, 0},
    {"event=0 settings-flood=500", 2531, ENDS_SAME, 0},
    {"event=100 ping-flood=50000", 100, ENDS_REFUSED, 0},
    {"event=100 settings-flood=200000", 100, ENDS_REFUSED, 0},
    {"event=100 header-flood", 100, ENDS_RESET, 0},
    {"event=100 continuation-flood", 100, ENDS_REFUSED, 0},
    {"event=100 reset-flood", 100, ENDS_RESET, 0},
};

static void expect_ending(const struct scenario *scenario, const struct fetched *fetched)
{
    bool is_truth = bytes_equal(buffer_view(&fetched->framed), buffer_view(&truth));
    if (scenario->events != UINT64_MAX && fetched->event_count != scenario->events)
        fail_msg("%llu events; over %d, cut %d, refused %d (%s), code %d, words %s",
                 (unsigned long long)fetched->event_count, fetched->is_over, fetched->is_cut,
                 fetched->is_refused, fetched->error.message, (int)fetched->code, fetched->words);
    switch (scenario->ending) {
    case ENDS_OK:
    case ENDS_SAME:
        assert_true(fetched->is_over && fetched->has_status && fetched->code == GRPC_OK);
        assert_int_equal(is_truth, scenario->ending == ENDS_SAME);
        break;
    case ENDS_STATUS:
        assert_true(fetched->is_over && fetched->has_status);
        assert_int_equal(fetched->code, scenario->code);
        break;
    case ENDS_RESET:
        assert_true(fetched->is_over && !fetched->has_status && fetched->end == GRPC_END_CUT);
        break;
    case ENDS_CUT: assert_true(fetched->is_cut && !fetched->has_status); break;
    case ENDS_REFUSED: assert_true(fetched->is_refused && !fetched->has_status); break;
    case ENDS_PLAIN: assert_true(fetched->is_over && fetched->end == GRPC_END_NOT_GRPC); break;
    case ENDS_NEVER: assert_true(!fetched->is_over && !fetched->is_cut); break;
    }
}

static void every_fault_does_what_it_says_once_and_then_no_more(void **state)
{
    (void)state;
    bool seen[FAULT_KIND_COUNT] = {false};
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        START(running, scenarios[i].script);
        seen[running.faults.faults[0].kind] = true;
        struct fetched fetched;
        print_message("# %s\n", scenarios[i].script);
        fetch(&running, FIRST, LAST, scenarios[i].ending == ENDS_NEVER ? SECOND / 3 : 20 * SECOND,
              0, &fetched);
        expect_ending(&scenarios[i], &fetched);
        fetched_release(&fetched);
        fetched = fetch_all(&running);
        expect_truth(&fetched);
        struct server_stats stats;
        server_end(&running, &stats);
        assert_int_equal(stats.faults_fired, 1);
    }
    /* These have tests of their own. */
    seen[FAULT_SHRUNKEN_LEDGER] = seen[FAULT_OUTAGE] = seen[FAULT_WINDOW_STALL] = true;
    for (unsigned kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        if (!seen[kind])
            fail_msg("no scenario for %s", fault_table[kind].name);
    }
}

static void shrunken_ledger_comes_whole_then_with_fewer_events_then_whole(void **state)
{
    (void)state;
    START(running, "ledger=63092994 shrunken-ledger=3");
    struct fetched fetched = fetch_all(&running);
    assert_int_equal(fetched.event_count, 528 + 659);
    assert_true(fetched.is_over && !fetched.has_status);
    fetched_release(&fetched);
    fetched = fetch_all(&running);
    assert_int_equal(fetched.event_count, 2531 - 3);
    assert_int_equal(fetched.code, GRPC_OK);
    fetched_release(&fetched);
    fetched = fetch_all(&running);
    expect_truth(&fetched);
    server_end(&running, NULL);
}

static void outage_answers_internal_until_it_is_over(void **state)
{
    (void)state;
    START(running, "ledger=63092995 outage=400ms");
    int64_t begin_us = os_monotonic_us();
    struct fetched fetched = fetch_all(&running);
    assert_int_equal(fetched.event_count, 528 + 659);
    assert_int_equal(fetched.code, GRPC_INTERNAL);
    fetched_release(&fetched);
    for (;;) {
        fetched = fetch_all(&running);
        if (fetched.code == GRPC_OK)
            break;
        assert_int_equal(fetched.code, GRPC_INTERNAL);
        assert_int_equal(fetched.event_count, 0);
        fetched_release(&fetched);
    }
    assert_true(os_monotonic_us() - begin_us >= 400000);
    expect_truth(&fetched);
    server_end(&running, NULL);
}

static void stalled_window_stops_the_stream_until_it_is_let_go(void **state)
{
    (void)state;
    struct fetched fetched;
    {
        START(running, "event=0 window-stall=300ms");
        fetch(&running, FIRST, LAST, 20 * SECOND, 65535, &fetched);
        assert_true(fetched.end_us >= 300000);
        expect_truth(&fetched);
        server_end(&running, NULL);
    }
    START(running, "event=0 window-stall");
    fetch(&running, FIRST, LAST, SECOND / 3, 65535, &fetched);
    assert_false(fetched.is_over);
    assert_true(fetched.framed.size_bytes > 0 && fetched.framed.size_bytes <= 65535);
    fetched_release(&fetched);
    server_end(&running, NULL);
}

static void counts_and_always_are_kept_over_all_streams(void **state)
{
    (void)state;
    START(running, "ledger=63092994 status=INTERNAL count=2\nledger=63092996 status=14 always");
    static const uint64_t wanted[] = {528, 528, 528 + 659 + 655, 528 + 659 + 655};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct fetched fetched = fetch_all(&running);
        assert_int_equal(fetched.event_count, wanted[i]);
        fetched_release(&fetched);
    }
    /* A request that does not cover the ledger does not meet the fault. */
    struct fetched fetched;
    fetch(&running, FIRST, FIRST + 2, 20 * SECOND, 0, &fetched);
    assert_int_equal(fetched.code, GRPC_OK);
    fetched_release(&fetched);
    server_end(&running, NULL);
}

static void delay_waits_before_the_fault_and_after_the_events_before_it(void **state)
{
    (void)state;
    START(running, "event=100 status=INTERNAL delay=300ms");
    struct fetched fetched = fetch_all(&running);
    assert_int_equal(fetched.event_count, 100);
    assert_true(fetched.first_event_us < 200000);
    assert_true(fetched.end_us >= 300000);
    fetched_release(&fetched);
    server_end(&running, NULL);
}

static void address_that_is_taken_or_none_is_refused(void **state)
{
    (void)state;
    START(running, NULL);
    struct feed feed = recording_feed(recording);
    struct server_options options = {.listen = server_address(running.server)};
    struct server *server;
    struct error error;
    assert_int_equal(server_new(&server, &options, &feed, &error), ERR_CONFLICT);
    assert_null(server);
    assert_non_null(strstr(error.message, server_address(running.server)));
    options.listen = "nonsense";
    assert_int_equal(server_new(&server, &options, &feed, &error), ERR_INVALID);
    server_end(&running, NULL);
}

static enum error_code make_server(void *context)
{
    struct feed feed = recording_feed(recording);
    const struct server_options options = {.listen = "127.0.0.1:0"};
    struct server *server;
    (void)context;
    enum error_code code = server_new(&server, &options, &feed, NULL);
    server_free(server);
    return code;
}

static void each_failed_allocation_is_out_of_memory(void **state)
{
    (void)state;
    sweep_allocations(make_server, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounded_request_gets_every_event_and_ok),
        cmocka_unit_test(small_window_splits_frames_anywhere_and_loses_nothing),
        cmocka_unit_test(ranges_end_as_the_design_says),
        cmocka_unit_test(many_clients_at_once_get_everything),
        cmocka_unit_test(live_ledgers_close_one_a_pace),
        cmocka_unit_test(live_bounded_request_waits_for_a_later_ledger),
        cmocka_unit_test(pace_without_live_spreads_each_stream),
        cmocka_unit_test(generated_ledgers_are_served_from_anywhere),
        cmocka_unit_test(every_fault_does_what_it_says_once_and_then_no_more),
        cmocka_unit_test(shrunken_ledger_comes_whole_then_with_fewer_events_then_whole),
        cmocka_unit_test(outage_answers_internal_until_it_is_over),
        cmocka_unit_test(stalled_window_stops_the_stream_until_it_is_let_go),
        cmocka_unit_test(counts_and_always_are_kept_over_all_streams),
        cmocka_unit_test(delay_waits_before_the_fault_and_after_the_events_before_it),
        cmocka_unit_test(address_that_is_taken_or_none_is_refused),
        cmocka_unit_test(each_failed_allocation_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, open_recording, close_recording);
}
