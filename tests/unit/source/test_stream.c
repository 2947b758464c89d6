// SPDX-License-Identifier: Apache-2.0
/* The stream over an HTTP/2 connection in memory, with a handler that is busy at random. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "grpc/server_call.h"
#include "source/script_server.h"
#include "source/stream.h"
#include "support/allocation_sweep.h"

#define FIRST_LEDGER 100
#define LEDGERS      40
#define LAST_LEDGER  (FIRST_LEDGER + LEDGERS - 1)
#define WINDOW_BYTES 65535

/* Ledger 100 + n has 1 + (n * 7) % 23 events. */
static uint32_t events_of(uint32_t ledger)
{
    return 1 + (ledger - FIRST_LEDGER) * 7 % 23;
}

struct wire {
    uint64_t seed;
    unsigned busy_of_8;   /* how often the handler has no room */
    size_t most_bytes;    /* of one piece that the client receives */
    struct buffer events; /* what the server sends, framed */
    size_t events_offset;
    struct tracker tracker;
    struct stream stream;
    struct source_handler handler;
    struct stream_stats stats;
    struct http_client *client;
    struct grpc_server *server;
    uint32_t counts[LEDGERS];
    uint32_t complete_to;
    size_t most_held_bytes;
    struct error error;
};

static uint32_t draw(struct wire *wire, uint32_t below)
{
    wire->seed = wire->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(wire->seed >> 33) % below;
}

static bool is_busy(struct wire *wire)
{
    return draw(wire, 8) < wire->busy_of_8;
}

static enum error_code on_event(void *context, const struct event_view *event, uint32_t event_index,
                                struct bytes_view message, bool *is_stored, struct error *error)
{
    struct wire *wire = context;
    (void)message;
    (void)is_stored;
    (void)error;
    if (is_busy(wire))
        return ERR_AGAIN;
    assert_in_range(event->ledger_sequence, FIRST_LEDGER, LAST_LEDGER);
    assert_int_equal(event_index, wire->counts[event->ledger_sequence - FIRST_LEDGER]++);
    return OK;
}

static enum error_code on_complete(void *context, uint32_t covered_to, struct error *error)
{
    struct wire *wire = context;
    (void)error;
    if (is_busy(wire))
        return ERR_AGAIN;
    for (uint32_t ledger = wire->complete_to + 1; ledger <= covered_to; ledger++)
        assert_int_equal(wire->counts[ledger - FIRST_LEDGER], events_of(ledger));
    wire->complete_to = covered_to;
    return OK;
}

static void on_dropped(void *context)
{
    (void)context;
}

static bool has_room(void *context)
{
    return !is_busy(context);
}

static void on_call(void *context, struct grpc_server_call *call, struct bytes_view path,
                    const struct http_header_view *fields, size_t field_count)
{
    (void)context;
    (void)call;
    (void)path;
    (void)fields;
    (void)field_count;
}

static void on_request(void *context, struct grpc_server_call *call, struct bytes_view message)
{
    (void)context;
    (void)call;
    (void)message;
}

/* Sends the stream in pieces that split messages anywhere; a piece that there was no memory for
 * goes with the next call. */
static void on_writable(void *context, struct grpc_server_call *call)
{
    struct wire *wire = context;
    enum error_code code = OK;
    while (code == OK && grpc_server_wants_more(call)) {
        size_t left = wire->events.size_bytes - wire->events_offset;
        size_t size = left < 3000 ? left : 3000;
        if (left == 0) {
            code = grpc_server_finish(call, GRPC_OK, "");
            continue;
        }
        code = grpc_server_send_raw(call,
                                    bytes_view_of(wire->events.data + wire->events_offset, size));
        if (code == OK)
            wire->events_offset += size;
    }
}

static void on_closed(void *context, struct grpc_server_call *call)
{
    (void)context;
    (void)call;
}

static void make_events(struct buffer *out)
{
    for (uint32_t ledger = FIRST_LEDGER; ledger <= LAST_LEDGER; ledger++)
        for (uint32_t ordinal = 0; ordinal < events_of(ledger); ordinal++) {
            struct buffer message;
            buffer_init(&message);
            script_encode_event(ledger, ordinal, &message);
            assert_int_equal(grpc_append_message(out, buffer_view(&message)), OK);
            buffer_release(&message);
        }
}

static enum error_code wire_open(struct wire *wire)
{
    const struct grpc_server_handler server_handler = {wire, on_call, on_request, on_writable,
                                                       on_closed};
    const struct http_client_options options = {WINDOW_BYTES, "test:1", false};
    const struct http_client_handler handler = {&wire->stream, stream_on_headers, stream_on_data,
                                                stream_on_close};
    const struct source_request range = {.first = FIRST_LEDGER, .last = LAST_LEDGER};
    const struct source_call call = {SOURCE_CALL_MAIN, FIRST_LEDGER, LAST_LEDGER, 0};
    const struct grpc_request request = {.scheme = "http",
                                         .authority = "test:1",
                                         .path = TTP_GET_EVENTS_PATH,
                                         .user_agent = "test",
                                         .message = bytes_view_text("\x08\x64")};
    wire->handler = (struct source_handler){.context = wire,
                                            .on_event = on_event,
                                            .on_complete_to = on_complete,
                                            .on_ledger_dropped = on_dropped,
                                            .has_room = has_room};
    wire->complete_to = FIRST_LEDGER - 1;
    tracker_init(&wire->tracker, &range, &wire->handler, &wire->stats);
    stream_init(&wire->stream, &wire->tracker, &wire->handler, 100000);
    enum error_code code = grpc_server_new(&wire->server, &server_handler, &wire->error);
    if (code == OK)
        code = http_client_new(&wire->client, &options, &handler, &wire->error);
    if (code != OK)
        return code;
    tracker_begin(&wire->tracker, &call);
    return stream_start(&wire->stream, wire->client, &request, &wire->error);
}

static void wire_close(struct wire *wire)
{
    tracker_abandon(&wire->tracker);
    stream_release(&wire->stream);
    tracker_release(&wire->tracker);
    http_client_free(wire->client);
    grpc_server_free(wire->server);
    buffer_release(&wire->events);
}

static enum error_code receive_in_pieces(struct wire *wire, struct bytes_view bytes)
{
    enum error_code code = OK;
    while (bytes.size_bytes != 0 && code == OK) {
        size_t size = 1 + draw(wire, (uint32_t)wire->most_bytes);
        size = size < bytes.size_bytes ? size : bytes.size_bytes;
        code = http_client_receive(wire->client, bytes_view_of(bytes.data, size), &wire->error);
        bytes = bytes_view_of(bytes.data + size, bytes.size_bytes - size);
        if (draw(wire, 4) == 0)
            stream_pump(&wire->stream);
        size_t held = wire->stream.held.size_bytes - wire->stream.held_offset;
        if (held > wire->most_held_bytes)
            wire->most_held_bytes = held;
    }
    return code;
}

/* Moves bytes until the call is settled, broken, or nothing moves for long. */
static enum error_code wire_run(struct wire *wire)
{
    for (unsigned quiet = 0; quiet < 20000; quiet++) {
        struct bytes_view up, down;
        enum error_code code = http_client_pull(wire->client, &up, &wire->error);
        if (code == OK)
            code = grpc_server_receive(wire->server, up, &wire->error);
        if (code == OK)
            code = grpc_server_pull(wire->server, &down, &wire->error);
        if (code == OK)
            code = receive_in_pieces(wire, down);
        if (code != OK)
            return code;
        stream_pump(&wire->stream);
        if (wire->stream.state == STREAM_BROKEN)
            return wire->stream.code;
        if (wire->stream.state != STREAM_FLOWING)
            return OK;
        if (wire->stream.is_closed && stream_settle(&wire->stream))
            return wire->stream.state == STREAM_BROKEN ? wire->stream.code : OK;
        if (up.size_bytes != 0 || down.size_bytes != 0)
            quiet = 0;
    }
    return ERR_RETRY;
}

static void every_event_comes_once_however_busy_the_handler_and_however_cut_the_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 120; seed++) {
        struct wire wire = {.seed = seed * 977,
                            .busy_of_8 = (unsigned)seed % 7,
                            .most_bytes = seed % 3 == 0 ? 7 : 30000};
        make_events(&wire.events);
        assert_int_equal(wire_open(&wire), OK);
        assert_int_equal(wire_run(&wire), OK);
        assert_int_equal(wire.stream.state, STREAM_DONE);
        assert_int_equal(wire.complete_to, LAST_LEDGER);
        assert_true(wire.tracker.range_is_complete);
        assert_true(wire.most_held_bytes <= WINDOW_BYTES);
        if (wire.busy_of_8 == 0)
            assert_int_equal(wire.most_held_bytes, 0);
        wire_close(&wire);
    }
}

/* As long as it never has room, no more than the window is held, and nothing is lost. */
static void a_handler_without_room_closes_the_window(void **state)
{
    (void)state;
    struct wire wire = {.busy_of_8 = 8, .most_bytes = 30000};
    make_events(&wire.events);
    assert_true(wire.events.size_bytes > WINDOW_BYTES);
    assert_int_equal(wire_open(&wire), OK);
    assert_int_equal(wire_run(&wire), ERR_RETRY);
    assert_int_equal(wire.stream.state, STREAM_FLOWING);
    assert_true(wire.stream.is_throttled);
    assert_in_range(wire.stream.held.size_bytes, WINDOW_BYTES - 1000, WINDOW_BYTES);
    wire.busy_of_8 = 0;
    assert_int_equal(wire_run(&wire), OK);
    assert_int_equal(wire.complete_to, LAST_LEDGER);
    wire_close(&wire);
}

/* What had come before the connection broke is delivered all the same. */
static void what_is_held_outlives_its_connection(void **state)
{
    (void)state;
    struct wire wire = {.busy_of_8 = 8, .most_bytes = 30000};
    make_events(&wire.events);
    assert_int_equal(wire_open(&wire), OK);
    assert_int_equal(wire_run(&wire), ERR_RETRY);
    http_client_free(wire.client);
    wire.client = NULL;
    wire.stream.client = NULL;
    wire.busy_of_8 = 0;
    stream_pump(&wire.stream);
    assert_true(stream_is_drained(&wire.stream));
    assert_in_range(wire.complete_to, FIRST_LEDGER + 20, LAST_LEDGER - 1);
    wire_close(&wire);
}

/* Unless the call was given up: its bytes must not be taken for the next call's. */
static void nothing_of_a_call_that_was_given_up_is_left_for_the_next(void **state)
{
    (void)state;
    struct wire wire = {.busy_of_8 = 8, .most_bytes = 30000};
    make_events(&wire.events);
    assert_int_equal(wire_open(&wire), OK);
    assert_int_equal(wire_run(&wire), ERR_RETRY);
    assert_false(stream_is_drained(&wire.stream));
    stream_forget(&wire.stream);
    assert_true(stream_is_drained(&wire.stream));
    wire.busy_of_8 = 0;
    uint64_t event_count = wire.stream.event_count;
    stream_pump(&wire.stream);
    assert_int_equal(wire.stream.event_count, event_count);
    wire_close(&wire);
}

static void every_failed_allocation_ends_in_a_clean_error(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.may_succeed = true}; /* the server sends again */
    while (sweep_next(&sweep)) {
        struct wire wire = {.seed = 5, .busy_of_8 = 3, .most_bytes = 3000};
        make_events(&wire.events);
        sweep_begin(&sweep);
        enum error_code code = wire_open(&wire);
        if (code == OK)
            code = wire_run(&wire);
        sweep_stop(&sweep);
        if (code == ERR_NO_MEMORY)
            assert_true(wire.error.code == ERR_NO_MEMORY ||
                        wire.stream.error.code == ERR_NO_MEMORY);
        /* What failed at the server ends as a status of the call. */
        bool is_whole = code == OK && wire.stream.state == STREAM_DONE;
        if (sweep_end(&sweep, is_whole ? OK : ERR_NO_MEMORY))
            assert_int_equal(wire.complete_to, LAST_LEDGER);
        wire_close(&wire);
    }
    assert_true(sweep.failures > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_comes_once_however_busy_the_handler_and_however_cut_the_bytes),
        cmocka_unit_test(a_handler_without_room_closes_the_window),
        cmocka_unit_test(what_is_held_outlives_its_connection),
        cmocka_unit_test(nothing_of_a_call_that_was_given_up_is_left_for_the_next),
        cmocka_unit_test(every_failed_allocation_ends_in_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
