// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "source/script_server.h"
#include "source/source.h"
#include "source/stream.h"
#include "util/text.h"

#define MAX_LEDGERS 4096
#define DEADLINES   10

/* What a consumer would keep: the events of each complete ledger. */
struct taker {
    uint32_t counts[MAX_LEDGERS]; /* by ledger, complete ones */
    uint32_t current, current_count;
    uint32_t covered_to;
    uint32_t dropped, skips, skipped;
    uint32_t unreadable;
    uint32_t seam_ledger, seam_events, seam_verdicts;
    enum source_seam_verdict verdict;
    struct source_result result;
    uint32_t closed_rooms; /* has_room says no as often, every 100 events */
    uint32_t no_room_left;
    int64_t full_for_us; /* has_room says no for so long, once, from an event on */
    uint64_t full_from_event;
    int64_t full_until_us; /* monotonic */
    uint32_t pushed_back;  /* on_event says ERR_AGAIN once in 7 events */
    bool pushes_back;
    uint64_t event_count;
    uint32_t stop_after_events;
    _Atomic bool must_stop;
    int64_t deadline_us; /* monotonic */
    unsigned deadline_count;
};

static enum error_code take_event(void *context, const struct event_view *event,
                                  uint32_t event_index, struct bytes_view message, bool *is_stored,
                                  struct error *error)
{
    struct taker *taker = context;
    (void)message;
    (void)error;
    *is_stored = true;
    if (taker->pushes_back && ++taker->pushed_back % 7 == 0)
        return ERR_AGAIN;
    if (taker->current != event->ledger_sequence) {
        assert_int_equal(taker->current, 0);
        taker->current = event->ledger_sequence;
    }
    assert_int_equal(event_index, taker->current_count);
    taker->current_count++;
    if (++taker->event_count % 100 == 0)
        taker->no_room_left = taker->closed_rooms;
    if (taker->stop_after_events != 0 && taker->event_count == taker->stop_after_events)
        taker->must_stop = true;
    return OK;
}

static enum error_code take_unreadable(void *context, uint32_t ledger, uint32_t event_index,
                                       const char *reason, struct bytes_view message,
                                       struct error *error)
{
    struct taker *taker = context;
    (void)reason;
    (void)message;
    (void)error;
    if (taker->current == 0)
        taker->current = ledger;
    assert_int_equal(taker->current, ledger);
    assert_int_equal(event_index, taker->current_count);
    taker->current_count++;
    taker->unreadable++;
    return OK;
}

static void take_drop(void *context)
{
    struct taker *taker = context;
    taker->dropped++;
    taker->current = 0;
    taker->current_count = 0;
}

static enum error_code take_complete(void *context, uint32_t covered_to, struct error *error)
{
    struct taker *taker = context;
    (void)error;
    assert_true(covered_to > taker->covered_to);
    taker->covered_to = covered_to;
    if (taker->current != 0 && taker->current < MAX_LEDGERS) {
        assert_true(taker->current <= covered_to);
        assert_int_equal(taker->counts[taker->current], 0);
        taker->counts[taker->current] = taker->current_count;
    }
    taker->current = 0;
    taker->current_count = 0;
    return OK;
}

static enum error_code take_skip(void *context, uint32_t ledger, const char *words,
                                 struct error *error)
{
    struct taker *taker = context;
    (void)error;
    assert_non_null(strstr(words, "INTERNAL"));
    taker->skips++;
    taker->skipped = ledger;
    return OK;
}

static bool has_room(void *context)
{
    struct taker *taker = context;
    if (taker->full_for_us != 0 && taker->event_count >= taker->full_from_event) {
        taker->full_until_us = os_monotonic_us() + taker->full_for_us;
        taker->full_for_us = 0;
    }
    if (os_monotonic_us() < taker->full_until_us)
        return false;
    if (taker->no_room_left == 0)
        return true;
    taker->no_room_left--;
    return false;
}

static bool must_stop(void *context)
{
    struct taker *taker = context;
    return taker->must_stop;
}

static enum error_code take_seam_event(void *context, const struct event_view *event,
                                       uint32_t event_index, struct bytes_view message,
                                       struct error *error)
{
    struct taker *taker = context;
    (void)message;
    (void)error;
    if (event_index == 0)
        taker->seam_events = 0;
    assert_int_equal(event_index, taker->seam_events);
    taker->seam_events++;
    taker->seam_ledger = event->ledger_sequence;
    return OK;
}

static enum error_code take_seam(void *context, uint32_t ledger, enum source_seam_verdict *verdict,
                                 struct error *error)
{
    struct taker *taker = context;
    (void)error;
    assert_int_equal(ledger, taker->seam_ledger);
    taker->seam_verdicts++;
    *verdict = taker->verdict;
    return OK;
}

/* Every 20 ms; at the last one the taker has an error of its own. */
static int64_t deadline_us(void *context)
{
    struct taker *taker = context;
    return taker->deadline_us;
}

static enum error_code take_deadline(void *context, struct error *error)
{
    struct taker *taker = context;
    assert_true(os_monotonic_us() >= taker->deadline_us);
    taker->deadline_us = os_monotonic_us() + 20000;
    if (++taker->deadline_count < DEADLINES)
        return OK;
    return error_set(error, ERR_LIMIT, "enough");
}

static struct source_handler handler_of(struct taker *taker)
{
    return (struct source_handler){.context = taker,
                                   .on_event = take_event,
                                   .on_unreadable = take_unreadable,
                                   .on_ledger_dropped = take_drop,
                                   .on_complete_to = take_complete,
                                   .on_skip = take_skip,
                                   .has_room = has_room,
                                   .must_stop = must_stop,
                                   .on_seam_event = take_seam_event,
                                   .on_seam_complete = take_seam};
}

static struct source_options options_of(const struct script_server *server)
{
    return (struct source_options){.endpoint = server->endpoint,
                                   .connect_timeout_us = 300000,
                                   .idle_timeout_us = 300000,
                                   .retry_initial_us = 1000,
                                   .retry_max_us = 5000,
                                   .max_attempts = 3,
                                   .max_message_bytes = 1 << 20,
                                   .window_bytes = 1 << 20,
                                   .user_agent = "ttp-parquet-consumer/test"};
}

/* Runs a range against a server that answers as the test says. */
static enum error_code run_against(struct script_server *server, const struct source_options *more,
                                   const struct source_request *request, struct taker *taker,
                                   struct stream_stats *stats, struct error *error)
{
    struct source_options options = more != NULL ? *more : options_of(server);
    options.endpoint = server->endpoint;
    const struct source_handler handler = handler_of(taker);
    struct source *source;
    assert_int_equal(source_new(&source, &options, error), OK);
    enum error_code code = source_run(source, request, &handler, &taker->result, error);
    if (code == OK)
        assert_true(taker->result.stopped || taker->result.complete);
    if (stats != NULL)
        source_get_stats(source, stats);
    source_free(source);
    return code;
}

static void answer_plainly(struct script_server *server, struct grpc_server_call *call,
                           unsigned call_number, const struct get_events_request *request)
{
    (void)server;
    (void)call_number;
    script_send_ledgers(call, request->start_ledger, request->end_ledger, 5);
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
}

static void assert_range(const struct taker *taker, uint32_t first, uint32_t last, uint32_t events)
{
    for (uint32_t ledger = first; ledger <= last; ledger++)
        assert_int_equal(taker->counts[ledger], events);
    assert_int_equal(taker->covered_to, last);
}

static void a_bounded_range_comes_completely(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct stream_stats stats;
    struct error error;
    script_server_start(&server, answer_plainly, NULL);
    enum error_code code =
        run_against(&server, NULL, &(struct source_request){.first = 100, .last = 1100}, &taker,
                    &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_range(&taker, 100, 1100, 5);
    assert_int_equal(stats.events_accepted, 1001 * 5);
    assert_int_equal(stats.ledgers_completed, 1001);
    assert_int_equal(stats.connects, 1);
    assert_int_equal(stats.current_ledger, 1100);
}

static void a_queue_without_room_holds_everything_back_and_loses_nothing(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {.closed_rooms = 2, .pushes_back = true};
    struct source_options options = options_of(&server);
    struct error error;
    options.window_bytes = 65535;
    script_server_start(&server, answer_plainly, NULL);
    enum error_code code =
        run_against(&server, &options, &(struct source_request){.first = 100, .last = 300}, &taker,
                    NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_range(&taker, 100, 300, 5);
    assert_true(taker.pushed_back > 1000);
}

/* While we take nothing the server can send nothing: neither that nor how long no message was
 * finished may be held against it. */
static void a_queue_that_is_full_for_longer_than_idle_timeout_is_no_silence(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct source_options options = options_of(&server);
    struct taker taker = {.full_for_us = (SOURCE_DRIP_TIMES + 1) * options.idle_timeout_us,
                          .full_from_event = 100};
    struct stream_stats stats;
    struct error error;
    options.window_bytes = 65535;
    script_server_start(&server, answer_plainly, NULL);
    enum error_code code =
        run_against(&server, &options, &(struct source_request){.first = 100, .last = 900}, &taker,
                    &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_range(&taker, 100, 900, 5);
    assert_int_equal(taker.full_for_us, 0);
    assert_int_equal(stats.connects, 1);
    assert_int_equal(stats.retries, 0);
}

/* Call 0 is cut in ledger 105; the second must begin with 104, which is complete. */
static void answer_with_a_cut(struct script_server *server, struct grpc_server_call *call,
                              unsigned call_number, const struct get_events_request *request)
{
    if (call_number == 0) {
        script_send_ledgers(call, request->start_ledger, 104, 5);
        script_send_event(call, 105, 0);
        script_send_event(call, 105, 1);
        server->close_when_sent = true;
        return;
    }
    script_send_ledgers(call, request->start_ledger, request->end_ledger, 5);
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
}

static void after_a_cut_it_goes_on_from_the_last_complete_ledger_and_checks_the_seam(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct stream_stats stats;
    struct error error;
    script_server_start(&server, answer_with_a_cut, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 120}, &taker, &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_range(&taker, 100, 120, 5);
    assert_int_equal(server.requests[1].start_ledger, 104);
    assert_int_equal(taker.dropped, 1);
    assert_int_equal(taker.seam_verdicts, 1);
    assert_int_equal(taker.seam_ledger, 104);
    assert_int_equal(taker.seam_events, 5);
    assert_int_equal(stats.events_accepted, 21 * 5);
    assert_int_equal(stats.events_refetched, 5 + 2);
    assert_int_equal(stats.retries, 1);
}

static void another_chain_at_the_seam_stops_before_any_row(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {.verdict = SOURCE_SEAM_OTHER_CHAIN};
    struct error error;
    script_server_start(&server, answer_plainly, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 120, .seam_ledger = 97},
        &taker, NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, ERR_CONFLICT);
    assert_non_null(strstr(error.message, "97"));
    assert_int_equal(server.requests[0].start_ledger, 97);
    assert_int_equal(taker.event_count, 0);
}

static void a_probe_asks_for_a_seam_ledger_alone(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct error error;
    const struct source_request request = {
        .first = 7, .last = 7, .seam_ledger = 7, .is_probe = true};
    script_server_start(&server, answer_plainly, NULL);
    enum error_code code = run_against(&server, NULL, &request, &taker, NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(taker.result.event_count, 5);
    assert_int_equal(server.call_count, 1);
    assert_int_equal(server.requests[0].start_ledger, 7);
    assert_int_equal(server.requests[0].end_ledger, 7);
    assert_int_equal(taker.seam_verdicts, 1);
    assert_int_equal(taker.event_count, 0);
}

static void close_times_beside_the_lake_s_are_another_chain(void **state)
{
    (void)state;
    const int64_t begin_us = INT64_C(1700000000) * US_PER_SECOND; /* script_server.c */
    const struct source_moment early = {99, begin_us + INT64_C(10000) * US_PER_SECOND};
    const struct source_moment late = {121, begin_us + INT64_C(10) * US_PER_SECOND};
    const struct {
        struct source_request request;
        const char *words[4];
    } cases[] = {{{.first = 100, .last = 120, .below = early},
                  {"ledger 100", "2023-11-14T22:23:20Z", "ledger 99", "2023-11-15T01:00:00Z"}},
                 {{.first = 100, .last = 120, .above = late},
                  {"ledger 100", "2023-11-14T22:23:20Z", "ledger 121", "2023-11-14T22:13:30Z"}},
                 {{.first = 100, .last = 120, .above = late, .is_probe = true},
                  {"ledger 100", "2023-11-14T22:23:20Z", "ledger 121", "2023-11-14T22:13:30Z"}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script_server server = {0};
        struct taker taker = {0};
        struct error error;
        script_server_start(&server, answer_plainly, NULL);
        enum error_code code = run_against(&server, NULL, &cases[i].request, &taker, NULL, &error);
        script_server_stop(&server);
        assert_int_equal(code, ERR_CONFLICT);
        assert_true(taker.result.misfits);
        assert_int_equal(taker.event_count, 0);
        for (size_t k = 0; k < 4; k++)
            assert_non_null(strstr(error.message, cases[i].words[k]));
    }
}

/* Ledger 110 breaks after two events, as the real server does on a memo that is not UTF-8. */
static void answer_with_poison(struct script_server *server, struct grpc_server_call *call,
                               unsigned call_number, const struct get_events_request *request)
{
    (void)server;
    (void)call_number;
    for (uint32_t ledger = request->start_ledger; ledger <= request->end_ledger; ledger++) {
        if (ledger == 110) {
            script_send_event(call, ledger, 0);
            script_send_event(call, ledger, 1);
            assert_int_equal(grpc_server_finish(call, GRPC_INTERNAL, "string field contains bad"),
                             OK);
            return;
        }
        script_send_ledgers(call, ledger, ledger, 5);
    }
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
}

static void a_poison_ledger_stops_the_run_with_its_name_and_the_servers_words(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct error error;
    script_server_start(&server, answer_with_poison, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 120}, &taker, NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, ERR_CORRUPT);
    assert_non_null(strstr(error.message, "ledger 110"));
    assert_non_null(strstr(error.message, "string field contains bad"));
    assert_range(&taker, 100, 109, 5);
    assert_int_equal(server.requests[3].start_ledger, 110);
    assert_int_equal(server.requests[3].end_ledger, 110);
    assert_int_equal(server.requests[4].start_ledger, 111);
    assert_int_equal(server.requests[4].end_ledger, 111);
    assert_int_equal(server.requests[5].start_ledger, 110);
    assert_int_equal(server.requests[5].end_ledger, 110);
}

static void a_poison_ledger_may_be_skipped_and_stays_a_hole(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct source_options options = options_of(&server);
    struct error error;
    options.skip_poison_ledger = true;
    script_server_start(&server, answer_with_poison, NULL);
    enum error_code code =
        run_against(&server, &options, &(struct source_request){.first = 100, .last = 120}, &taker,
                    NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(taker.skips, 1);
    assert_int_equal(taker.skipped, 110);
    assert_int_equal(taker.counts[110], 0);
    assert_int_equal(taker.counts[111], 5);
    assert_int_equal(taker.covered_to, 120);
}

static void answer_with_status(struct script_server *server, struct grpc_server_call *call,
                               unsigned call_number, const struct get_events_request *request)
{
    (void)call_number;
    (void)request;
    const enum grpc_code *code = server->context;
    assert_int_equal(grpc_server_finish(call, *code, "100% no"), OK);
}

static void statuses_that_no_retry_can_change_stop_at_once_with_the_remedy(void **state)
{
    (void)state;
    static const struct {
        enum grpc_code code;
        const char *remedy;
    } cases[] = {{GRPC_UNAUTHENTICATED, "metadata"},
                 {GRPC_PERMISSION_DENIED, "metadata"},
                 {GRPC_UNIMPLEMENTED, "ttp_processor_endpoint"},
                 {GRPC_INVALID_ARGUMENT, "START"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct script_server server = {0};
        struct taker taker = {0};
        struct error error;
        enum grpc_code status = cases[i].code;
        script_server_start(&server, answer_with_status, &status);
        enum error_code code =
            run_against(&server, NULL, &(struct source_request){.first = 100, .last = 120}, &taker,
                        NULL, &error);
        script_server_stop(&server);
        assert_int_equal(code, ERR_INVALID);
        assert_non_null(strstr(error.message, cases[i].remedy));
        assert_non_null(strstr(error.message, "100% no"));
        assert_int_equal(server.call_count, 1);
    }
}

static void a_refused_start_of_zero_asks_for_a_start(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct error error;
    enum grpc_code status = GRPC_INTERNAL;
    script_server_start(&server, answer_with_status, &status);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 0, .last = 0}, &taker, NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, ERR_INVALID);
    assert_non_null(strstr(error.message, "give a START"));
}

/* Each call fails in its own way until the fifth. */
static void answer_with_surprises(struct script_server *server, struct grpc_server_call *call,
                                  unsigned call_number, const struct get_events_request *request)
{
    static const uint8_t half[] = {0, 0, 0, 1, 0, 42};
    static const uint8_t compressed[] = {1, 0, 0, 0, 1, 42};
    switch (call_number) {
    case 0:
        script_send_event(call, 100, 0);
        assert_int_equal(grpc_server_finish_without_status(call), OK);
        break;
    case 1:
        script_send_event(call, 100, 0);
        assert_int_equal(grpc_server_send_raw(call, bytes_view_of(half, sizeof(half))), OK);
        assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
        break;
    case 2:
        assert_int_equal(grpc_server_send_raw(call, bytes_view_of(compressed, sizeof(compressed))),
                         OK);
        break;
    case 3:
        assert_int_equal(grpc_server_answer_http(call, 503, "text/html", "<p>no</p>"), OK);
        break;
    case 4:
        script_send_event(call, 100, 0);
        script_send_event(call, 99, 0);
        break;
    case 5:
        script_send_ledgers(call, 100, 100, 5);
        script_send_event(call, 100, 0);
        break;
    case 6: /* shrunken: five were seen */
        script_send_ledgers(call, 100, 100, 3);
        script_send_event(call, 101, 0);
        break;
    case 7: assert_int_equal(grpc_server_reset(call, 2), OK); break;
    default: answer_plainly(server, call, call_number, request);
    }
}

static void answers_that_cannot_be_right_are_asked_for_again(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct source_options options = options_of(&server);
    struct error error;
    options.max_attempts = 20;
    script_server_start(&server, answer_with_surprises, NULL);
    enum error_code code =
        run_against(&server, &options, &(struct source_request){.first = 100, .last = 103}, &taker,
                    NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(server.call_count, 9);
    assert_range(&taker, 100, 103, 5);
}

static void answer_with_an_error_at_first(struct script_server *server,
                                          struct grpc_server_call *call, unsigned call_number,
                                          const struct get_events_request *request)
{
    if (call_number == 0)
        assert_int_equal(
            grpc_server_finish(call, GRPC_INTERNAL, "stream: service temporarily unavailable"), OK);
    else
        answer_plainly(server, call, call_number, request);
}

static void the_servers_own_words_are_kept_with_what_was_asked_and_where(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct stream_stats stats;
    struct error error;
    script_server_start(&server, answer_with_an_error_at_first, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 103}, &taker, &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    const struct source_failure *failure = &stats.failure;
    assert_string_equal(failure->asked, "ledgers 100 to 103");
    assert_string_equal(failure->address, server.endpoint);
    assert_string_equal(failure->status, "INTERNAL");
    assert_string_equal(failure->message, "stream: service temporarily unavailable");
    assert_string_equal(failure->words, "the server answered INTERNAL: stream: service temporarily "
                                        "unavailable");
    assert_non_null(strstr(failure->meaning, "circuit breaker"));
    assert_true(failure->at_us > 0);
}

static void silence_makes_it_connect_again(void **state)
{
    (void)state;
    struct script_server server = {.mute_connections = 1};
    struct taker taker = {0};
    struct stream_stats stats;
    struct error error;
    script_server_start(&server, answer_plainly, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 103}, &taker, &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(server.connection_count, 2);
    assert_int_equal(stats.connects, 1);
    assert_range(&taker, 100, 103, 5);
}

/* Sends one event of ledger 100 and nothing more on call 0. */
static void answer_with_a_pause(struct script_server *server, struct grpc_server_call *call,
                                unsigned call_number, const struct get_events_request *request)
{
    if (call_number == 0)
        script_send_event(call, 100, 0);
    else
        answer_plainly(server, call, call_number, request);
}

static void a_stream_that_falls_silent_is_dropped_after_idle_timeout(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct stream_stats stats;
    struct error error;
    script_server_start(&server, answer_with_a_pause, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 103}, &taker, &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(taker.dropped, 1);
    assert_non_null(strstr(stats.failure.words, "idle_timeout"));
    assert_range(&taker, 100, 103, 5);
}

/* As many events on call 0 as are taken without a look at the queue, and nothing more. */
static void answer_with_a_round_number(struct script_server *server, struct grpc_server_call *call,
                                       unsigned call_number,
                                       const struct get_events_request *request)
{
    (void)server;
    (void)request;
    for (uint32_t i = 0; i < STREAM_ROOM_EVERY; i++)
        script_send_event(call, 100, i);
    if (call_number != 0)
        assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
}

/* No message is held back when the queue has room again: what was our own pause is not the
 * server's drip, only what follows is its silence. */
static void silence_behind_a_full_queue_is_no_drip(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct source_options options = options_of(&server);
    struct taker taker = {.full_for_us = (SOURCE_DRIP_TIMES + 1) * options.idle_timeout_us,
                          .full_from_event = STREAM_ROOM_EVERY};
    struct stream_stats stats;
    struct error error;
    script_server_start(&server, answer_with_a_round_number, NULL);
    enum error_code code =
        run_against(&server, &options, &(struct source_request){.first = 100, .last = 100}, &taker,
                    &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(taker.full_for_us, 0);
    assert_range(&taker, 100, 100, STREAM_ROOM_EVERY);
    assert_non_null(strstr(stats.failure.words, "nothing came for"));
}

static void *stop_when_outage_is_said(void *context)
{
    struct source *source = ((void **)context)[0];
    struct taker *taker = ((void **)context)[1];
    struct stream_stats stats;
    do {
        usleep(1000);
        source_get_stats(source, &stats);
    } while (!stats.outage);
    taker->must_stop = true;
    source_wake(source);
    return NULL;
}

/* What the source says of a peer that is not a TTP server. */
static void assert_outage_with(const char *greeting, const char *words)
{
    struct script_server server = {.raw_greeting = greeting};
    struct taker taker = {0};
    struct stream_stats stats;
    struct source_result result;
    struct error error;
    struct os_thread stopper = {0};
    script_server_start(&server, answer_plainly, NULL);
    if (greeting == NULL)
        script_server_stop(&server);
    const struct source_options options = options_of(&server);
    const struct source_handler handler = handler_of(&taker);
    struct source *source;
    assert_int_equal(source_new(&source, &options, &error), OK);
    void *both[] = {source, &taker};
    assert_int_equal(os_thread_start(&stopper, "stopper", stop_when_outage_is_said, both, NULL),
                     OK);
    const struct source_request request = {.first = 100, .last = 0};
    assert_int_equal(source_run(source, &request, &handler, &result, &error), OK);
    os_thread_join(&stopper);
    source_get_stats(source, &stats);
    source_free(source);
    if (greeting != NULL)
        script_server_stop(&server);
    assert_true(result.stopped);
    assert_int_equal(result.next_ledger, 100);
    assert_non_null(strstr(stats.failure.words, words));
    assert_true(stats.retries >= 3);
}

static void a_peer_that_is_no_ttp_server_is_named_for_what_it_is(void **state)
{
    (void)state;
    assert_outage_with("HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.x");
    assert_outage_with("SSH-2.0-OpenSSH_9.2p1\r\n", "SSH");
    assert_outage_with("\x15\x03\x01\x02\x02\x02\x46 and more", "TLS");
}

static void nobody_listening_is_retried_until_stopped(void **state)
{
    (void)state;
    assert_outage_with(NULL, "refused");
}

/* Message 1 of ledger 101 is damaged beyond its ledger number, always. */
static void answer_with_garbage(struct script_server *server, struct grpc_server_call *call,
                                unsigned call_number, const struct get_events_request *request)
{
    static const uint8_t garbage[] = {0xff, 0xff, 0xff};
    (void)server;
    (void)call_number;
    for (uint32_t ledger = request->start_ledger; ledger <= request->end_ledger; ledger++) {
        script_send_event(call, ledger, 0);
        if (ledger == 101)
            script_send_message(call, bytes_view_of(garbage, sizeof(garbage)));
        script_send_event(call, ledger, 1);
    }
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
}

static void an_unreadable_message_is_asked_for_again_and_then_kept_with_its_ledger(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct error error;
    script_server_start(&server, answer_with_garbage, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 103}, &taker, NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(server.call_count, 2);
    assert_int_equal(taker.unreadable, 1);
    assert_int_equal(taker.counts[100], 2);
    assert_int_equal(taker.counts[101], 3);
    assert_int_equal(taker.counts[102], 2);
}

static void answer_with_garbage_only(struct script_server *server, struct grpc_server_call *call,
                                     unsigned call_number, const struct get_events_request *request)
{
    (void)server;
    (void)call_number;
    (void)request;
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t garbage[] = {0xff, (uint8_t)i, (uint8_t)(i >> 8), 0xff};
        script_send_message(call, bytes_view_of(garbage, sizeof(garbage)));
    }
}

static void a_thousand_unstorable_messages_in_a_row_end_the_run(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct error error;
    script_server_start(&server, answer_with_garbage_only, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 103}, &taker, NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, ERR_CORRUPT);
    assert_int_equal(taker.unreadable, SOURCE_MAX_UNSTORABLE);
    assert_non_null(strstr(error.message, "TTP server"));
}

/* Open at the tip: what there is, then nothing. */
static void answer_live(struct script_server *server, struct grpc_server_call *call,
                        unsigned call_number, const struct get_events_request *request)
{
    (void)server;
    (void)call_number;
    assert_int_equal(request->end_ledger, 0);
    script_send_ledgers(call, request->start_ledger, 110, 5);
}

static void a_live_run_starts_at_the_seam_and_stops_when_told(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {.stop_after_events = 40};
    struct error error;
    script_server_start(&server, answer_live, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 0, .seam_ledger = 99}, &taker,
        NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(server.requests[0].start_ledger, 99);
    assert_int_equal(taker.seam_verdicts, 1);
    assert_true(taker.covered_to >= 106);
    assert_int_equal(taker.dropped, 1);
}

static void wrong_options_are_refused_with_a_sentence(void **state)
{
    (void)state;
    struct script_server server = {.endpoint = "localhost"};
    struct source_options options = options_of(&server);
    struct error error;
    struct source *none;
    assert_int_equal(source_new(&none, &options, &error), ERR_INVALID);
    assert_null(none);
    options.endpoint = "localhost:50051";
    const struct source_header metadata[] = {{"grpc-timeout", "1S", NULL}};
    options.metadata = metadata;
    options.metadata_count = 1;
    assert_int_equal(source_new(&none, &options, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "grpc-timeout"));
    options.metadata_count = 0;
    options.tls = true;
    options.tls_ca_file = "/nobody/has/this.pem";
    assert_int_equal(source_new(&none, &options, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "/nobody/has/this.pem"));
}

/* The source jumps over 120 to 129 once; ledger 140 has no events. */
static void answer_with_a_jump(struct script_server *server, struct grpc_server_call *call,
                               unsigned call_number, const struct get_events_request *request)
{
    (void)server;
    for (uint32_t ledger = request->start_ledger; ledger <= request->end_ledger; ledger++)
        if ((call_number != 0 || ledger < 120 || ledger > 129) && ledger != 140)
            script_send_ledgers(call, ledger, ledger, 5);
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
}

static void a_stream_that_jumps_is_asked_once_more_and_nothing_is_missing(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct stream_stats stats;
    struct error error;
    script_server_start(&server, answer_with_a_jump, NULL);
    enum error_code code = run_against(
        &server, NULL, &(struct source_request){.first = 100, .last = 160}, &taker, &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_int_equal(taker.covered_to, 160);
    for (uint32_t ledger = 100; ledger <= 160; ledger++)
        assert_int_equal(taker.counts[ledger], ledger == 140 ? 0 : 5);
    /* The range, the jump, the rest, the empty ledger, the rest. */
    assert_int_equal(server.call_count, 5);
    assert_int_equal(server.requests[1].start_ledger, 119);
    assert_int_equal(server.requests[1].end_ledger, 129);
    assert_int_equal(server.requests[3].end_ledger, 140);
    assert_int_equal(stats.retries, 0);
    assert_int_equal(stats.gaps.found_count, 10);
    assert_int_equal(stats.gaps.count, 1);
    assert_int_equal(stats.gaps.kept[0].first, 140);
    assert_true(stats.gaps.last_us != 0);
}

static void a_gap_ends_the_run_where_it_is_to(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct source_options options = options_of(&server);
    struct error error;
    options.fails_on_gap = true;
    script_server_start(&server, answer_with_a_jump, NULL);
    enum error_code code =
        run_against(&server, &options, &(struct source_request){.first = 100, .last = 160}, &taker,
                    NULL, &error);
    script_server_stop(&server);
    assert_int_equal(code, ERR_CORRUPT);
    assert_int_equal(taker.covered_to, 139);
    assert_non_null(strstr(error.message, "140 to 140"));
}

/* One byte of a message now and then, of call 0 and 1. */
static void answer_with_a_drip(struct script_server *server, struct grpc_server_call *call,
                               unsigned call_number, const struct get_events_request *request)
{
    static const uint8_t prefix[] = {0, 0, 16, 0, 0};
    if (call_number >= 2) {
        answer_plainly(server, call, call_number, request);
        return;
    }
    script_send_ledgers(call, request->start_ledger, request->start_ledger, 5);
    assert_int_equal(grpc_server_send_raw(call, bytes_view_of(prefix, sizeof prefix)), OK);
    server->drips = true;
}

static void bytes_that_make_no_message_end_a_call_as_silence_does(void **state)
{
    (void)state;
    struct script_server server = {0};
    struct taker taker = {0};
    struct source_options options = options_of(&server);
    struct stream_stats stats;
    struct error error;
    options.idle_timeout_us = 100000;
    script_server_start(&server, answer_with_a_drip, NULL);
    enum error_code code =
        run_against(&server, &options, &(struct source_request){.first = 100, .last = 103}, &taker,
                    &stats, &error);
    script_server_stop(&server);
    assert_int_equal(code, OK);
    assert_range(&taker, 100, 103, 5);
    assert_int_equal(stats.retries, 2);
    assert_non_null(strstr(stats.failure.words, "no whole message"));
}

/* A server that says nothing, and one that is not there: the source waits otherwise each time. */
static void deadlines_are_kept_whatever_the_source_waits_for(void **state)
{
    (void)state;
    for (int is_there = 0; is_there < 2; is_there++) {
        struct script_server server = {.mute_connections = 1};
        struct taker taker = {.deadline_us = 0};
        struct source_handler handler = handler_of(&taker);
        struct source_result result;
        struct error error;
        handler.deadline_us = deadline_us;
        handler.on_deadline = take_deadline;
        script_server_start(&server, answer_plainly, NULL);
        struct source_options options = options_of(&server);
        options.idle_timeout_us = options.connect_timeout_us = 30000000;
        options.retry_initial_us = options.retry_max_us = 30000000;
        if (!is_there)
            options.endpoint = "127.0.0.1:1";
        struct source *source;
        assert_int_equal(source_new(&source, &options, &error), OK);
        assert_int_equal(source_run(source, &(struct source_request){.first = 5, .last = 9},
                                    &handler, &result, &error),
                         ERR_LIMIT);
        assert_string_equal(error.message, "enough");
        assert_int_equal(taker.deadline_count, DEADLINES);
        source_free(source);
        script_server_stop(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_are_kept_whatever_the_source_waits_for),
        cmocka_unit_test(a_bounded_range_comes_completely),
        cmocka_unit_test(a_queue_without_room_holds_everything_back_and_loses_nothing),
        cmocka_unit_test(a_queue_that_is_full_for_longer_than_idle_timeout_is_no_silence),
        cmocka_unit_test(after_a_cut_it_goes_on_from_the_last_complete_ledger_and_checks_the_seam),
        cmocka_unit_test(another_chain_at_the_seam_stops_before_any_row),
        cmocka_unit_test(a_probe_asks_for_a_seam_ledger_alone),
        cmocka_unit_test(close_times_beside_the_lake_s_are_another_chain),
        cmocka_unit_test(a_poison_ledger_stops_the_run_with_its_name_and_the_servers_words),
        cmocka_unit_test(a_poison_ledger_may_be_skipped_and_stays_a_hole),
        cmocka_unit_test(statuses_that_no_retry_can_change_stop_at_once_with_the_remedy),
        cmocka_unit_test(a_refused_start_of_zero_asks_for_a_start),
        cmocka_unit_test(answers_that_cannot_be_right_are_asked_for_again),
        cmocka_unit_test(the_servers_own_words_are_kept_with_what_was_asked_and_where),
        cmocka_unit_test(silence_makes_it_connect_again),
        cmocka_unit_test(a_stream_that_jumps_is_asked_once_more_and_nothing_is_missing),
        cmocka_unit_test(a_gap_ends_the_run_where_it_is_to),
        cmocka_unit_test(bytes_that_make_no_message_end_a_call_as_silence_does),
        cmocka_unit_test(a_stream_that_falls_silent_is_dropped_after_idle_timeout),
        cmocka_unit_test(silence_behind_a_full_queue_is_no_drip),
        cmocka_unit_test(a_peer_that_is_no_ttp_server_is_named_for_what_it_is),
        cmocka_unit_test(nobody_listening_is_retried_until_stopped),
        cmocka_unit_test(an_unreadable_message_is_asked_for_again_and_then_kept_with_its_ledger),
        cmocka_unit_test(a_thousand_unstorable_messages_in_a_row_end_the_run),
        cmocka_unit_test(a_live_run_starts_at_the_seam_and_stops_when_told),
        cmocka_unit_test(wrong_options_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
