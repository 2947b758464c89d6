// SPDX-License-Identifier: Apache-2.0
/* The client engine against the server engine, in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "http/client.h"
#include "http/server.h"
#include "http/wire.h"
#include "support/allocation_sweep.h"

#define WINDOW_BYTES 100000

struct pair {
    struct http_client *client;
    struct http_server *server;
    uint64_t seed;     /* of the splits */
    size_t most_bytes; /* of one piece */
    /* What the client saw. */
    int status;
    char trailer[32];
    uint64_t data_bytes;
    bool keeps_window; /* does not consume */
    unsigned close_count;
    uint32_t close_error;
    bool peer_ended;
    /* What the server does. */
    uint64_t body_bytes; /* left to produce */
    uint64_t produced_bytes;
    bool has_trailers;
    unsigned request_count;
    uint64_t request_body_bytes;
    unsigned server_close_count;
    uint32_t server_close_error;
};

static enum error_code client_headers(void *context, int32_t stream_id,
                                      const struct http_header_view *fields, size_t field_count,
                                      bool ends_stream, struct error *error)
{
    struct pair *pair = context;
    (void)stream_id;
    (void)ends_stream;
    (void)error;
    const struct http_header_view *status = http_header_find(fields, field_count, ":status");
    const struct http_header_view *trailer = http_header_find(fields, field_count, "x-end");
    if (status != NULL)
        pair->status = http_status_parse(status->value);
    if (trailer != NULL)
        snprintf(pair->trailer, sizeof(pair->trailer), "%s", (const char *)trailer->value.data);
    return OK;
}

/* The body's byte number n is n % 251. */
static enum error_code client_data(void *context, int32_t stream_id, struct bytes_view data,
                                   struct error *error)
{
    struct pair *pair = context;
    (void)error;
    for (size_t i = 0; i < data.size_bytes; i++)
        assert_int_equal(data.data[i], (pair->data_bytes + i) % 251);
    pair->data_bytes += data.size_bytes;
    if (pair->keeps_window)
        return OK;
    return http_client_consume(pair->client, stream_id, data.size_bytes);
}

static enum error_code client_close(void *context, int32_t stream_id, uint32_t http2_error,
                                    bool peer_ended, struct error *error)
{
    struct pair *pair = context;
    (void)stream_id;
    (void)error;
    pair->close_count++;
    pair->close_error = http2_error;
    pair->peer_ended = peer_ended;
    return OK;
}

static enum error_code server_request(void *context, int32_t stream_id,
                                      const struct http_header_view *fields, size_t field_count,
                                      struct error *error)
{
    struct pair *pair = context;
    (void)stream_id;
    (void)error;
    assert_non_null(http_header_find(fields, field_count, ":path"));
    pair->request_count++;
    return OK;
}

static enum error_code server_data(void *context, int32_t stream_id, struct bytes_view data,
                                   struct error *error)
{
    struct pair *pair = context;
    (void)stream_id;
    (void)error;
    pair->request_body_bytes += data.size_bytes;
    return OK;
}

static enum error_code server_request_end(void *context, int32_t stream_id, struct error *error)
{
    struct pair *pair = context;
    const struct http_header headers[] = {{":status", "200"}, {"content-type", "text/plain"}};
    const struct http_header trailers[] = {{"x-end", "all of it"}};
    enum error_code code =
        http_server_respond(pair->server, stream_id, headers, 2, pair->body_bytes != 0, error);
    if (code == OK && pair->has_trailers)
        code = http_server_trailers(pair->server, stream_id, trailers, 1, error);
    return code;
}

static enum http_produce server_produce(void *context, int32_t stream_id, uint8_t *out,
                                        size_t capacity_bytes, size_t *size_bytes)
{
    struct pair *pair = context;
    (void)stream_id;
    size_t size = pair->body_bytes < capacity_bytes ? (size_t)pair->body_bytes : capacity_bytes;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)((pair->produced_bytes + i) % 251);
    pair->produced_bytes += size;
    pair->body_bytes -= size;
    *size_bytes = size;
    if (pair->body_bytes != 0)
        return HTTP_PRODUCE_MORE;
    return pair->has_trailers ? HTTP_PRODUCE_TRAILERS : HTTP_PRODUCE_END;
}

static void server_close(void *context, int32_t stream_id, uint32_t http2_error)
{
    struct pair *pair = context;
    (void)stream_id;
    pair->server_close_count++;
    pair->server_close_error = http2_error;
}

static bool pair_open(struct pair *pair)
{
    const struct http_client_options client_options = {WINDOW_BYTES, "test:1", false};
    const struct http_client_handler client_handler = {pair, client_headers, client_data,
                                                       client_close};
    const struct http_server_handler server_handler = {
        pair, server_request, server_data, server_request_end, server_produce, server_close};
    struct error error;
    if (pair->most_bytes == 0)
        pair->most_bytes = 1 << 20;
    return http_client_new(&pair->client, &client_options, &client_handler, &error) == OK &&
           http_server_new(&pair->server, &server_handler, &error) == OK;
}

static void pair_close(struct pair *pair)
{
    http_client_free(pair->client);
    http_server_free(pair->server);
}

/* Moves bytes both ways in pieces until nobody has any. */
static enum error_code pair_run(struct pair *pair, struct error *error)
{
    for (;;) {
        struct bytes_view up, down;
        enum error_code code = http_client_pull(pair->client, &up, error);
        for (size_t at = 0, size = 0; code == OK && at < up.size_bytes; at += size) {
            size =
                wire_split(&pair->seed, up.size_bytes - at < pair->most_bytes ? up.size_bytes - at
                                                                              : pair->most_bytes);
            code = http_server_receive(pair->server, bytes_view_of(up.data + at, size), error);
        }
        if (code == OK)
            code = http_server_pull(pair->server, &down, error);
        for (size_t at = 0, size = 0; code == OK && at < down.size_bytes; at += size) {
            size = wire_split(&pair->seed, down.size_bytes - at < pair->most_bytes
                                               ? down.size_bytes - at
                                               : pair->most_bytes);
            code = http_client_receive(pair->client, bytes_view_of(down.data + at, size), error);
        }
        if (code != OK)
            return code;
        if (up.size_bytes == 0 && down.size_bytes == 0)
            return OK;
    }
}

static enum error_code pair_request(struct pair *pair, int32_t *stream_id)
{
    const struct http_header headers[] = {
        {":method", "POST"}, {":scheme", "http"}, {":path", "/x"}, {":authority", "test:1"}};
    return http_client_request(pair->client, headers, 4, bytes_view_text("question"), stream_id,
                               NULL);
}

static void a_body_of_any_length_arrives_whole_however_the_bytes_are_split(void **state)
{
    (void)state;
    static const uint64_t bodies[] = {1, 8, 16384, 65536, 1000000};
    static const size_t pieces[] = {1, 2, 9, 700, 1 << 20};
    for (size_t i = 0; i < 25; i++) {
        struct pair pair = {.seed = i, .most_bytes = pieces[i % 5], .has_trailers = true};
        int32_t stream_id = 0;
        uint64_t body = bodies[i / 5];
        pair.body_bytes = body;
        assert_true(pair_open(&pair));
        assert_int_equal(pair_request(&pair, &stream_id), OK);
        assert_int_equal(pair_run(&pair, NULL), OK);
        assert_int_equal(pair.status, 200);
        assert_int_equal(pair.data_bytes, body);
        assert_string_equal(pair.trailer, "all of it");
        assert_int_equal(pair.request_body_bytes, 8);
        assert_true(pair.peer_ended);
        assert_int_equal(pair.close_error, 0);
        assert_int_equal(pair.server_close_count, 1);
        assert_true(http_client_is_established(pair.client));
        pair_close(&pair);
    }
}

static void a_client_that_consumes_nothing_gets_one_window_and_no_more(void **state)
{
    (void)state;
    struct pair pair = {.body_bytes = 1000000, .keeps_window = true};
    int32_t stream_id = 0;
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_int_equal(pair.data_bytes, WINDOW_BYTES);
    assert_int_equal(pair.produced_bytes, WINDOW_BYTES);
    pair.keeps_window = false;
    assert_int_equal(http_client_consume(pair.client, stream_id, WINDOW_BYTES), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_int_equal(pair.data_bytes, 1000000);
    pair_close(&pair);
}

static void a_closed_window_does_not_stop_pings(void **state)
{
    (void)state;
    static const uint8_t ping[] = {0,   0,   8,   6,   0,   0,   0,   0,  0,
                                   'a', 's', 'k', 's', ' ', 'y', 'o', 'u'};
    static const uint8_t answer[] = {0,   0,   8,   6,   1,   0,   0,   0,  0,
                                     'a', 's', 'k', 's', ' ', 'y', 'o', 'u'};
    struct pair pair = {.body_bytes = 1000000, .keeps_window = true};
    int32_t stream_id = 0;
    struct bytes_view bytes;
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_int_equal(http_client_receive(pair.client, bytes_view_of(ping, sizeof ping), NULL), OK);
    assert_int_equal(http_client_pull(pair.client, &bytes, NULL), OK);
    assert_true(bytes_equal(bytes, bytes_view_of(answer, sizeof answer)));
    pair_close(&pair);
}

static void a_reset_and_a_cancel_reach_the_other_side(void **state)
{
    (void)state;
    struct pair pair = {.body_bytes = 1000000, .keeps_window = true};
    int32_t stream_id = 0;
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_int_equal(http_server_reset(pair.server, stream_id, 11), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_int_equal(pair.close_count, 1);
    assert_int_equal(pair.close_error, 11);
    assert_false(pair.peer_ended);
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    assert_int_equal(http_client_consume(pair.client, stream_id, 0), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    http_client_cancel(pair.client, stream_id);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_int_equal(pair.server_close_count, 2);
    assert_int_equal(pair.server_close_error, 8);
    assert_int_equal(pair.close_count, 2);
    pair_close(&pair);
}

static void many_streams_share_one_connection(void **state)
{
    (void)state;
    struct pair pair = {0};
    int32_t stream_id = 0;
    assert_true(pair_open(&pair));
    for (unsigned i = 0; i < 90; i++)
        assert_int_equal(pair_request(&pair, &stream_id), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_int_equal(pair.request_count, 90);
    assert_int_equal(pair.close_count, 90);
    assert_int_equal(pair.server_close_count, 90);
    pair_close(&pair);
}

static void a_goaway_is_told_with_its_words_and_takes_no_new_stream(void **state)
{
    (void)state;
    struct pair pair = {.body_bytes = 300000};
    int32_t stream_id = 0;
    uint32_t http2_error = 0;
    const char *words = NULL;
    struct error error;
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    struct bytes_view bytes;
    do {
        assert_int_equal(http_client_pull(pair.client, &bytes, NULL), OK);
        assert_int_equal(http_server_receive(pair.server, bytes, NULL), OK);
    } while (bytes.size_bytes != 0);
    assert_int_equal(http_server_goaway(pair.server, 11, true, "too_many_\x01pings"), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_true(http_client_is_going_away(pair.client, &http2_error, &words));
    assert_int_equal(http2_error, 11);
    assert_string_equal(words, "too_many_?pings");
    assert_int_equal(pair.data_bytes, 300000);
    assert_true(pair.peer_ended);
    assert_true(http_server_is_done(pair.server));
    assert_int_equal(pair_request(&pair, &stream_id), ERR_RETRY);
    assert_int_equal(http_client_at_end(pair.client, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "ENHANCE_YOUR_CALM"));
    pair_close(&pair);
}

static void a_goaway_without_grace_ends_the_connection_at_once(void **state)
{
    (void)state;
    struct pair pair = {.body_bytes = 300000, .keeps_window = true};
    int32_t stream_id = 0;
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_false(http_server_is_done(pair.server));
    assert_int_equal(http_server_goaway(pair.server, 0, false, ""), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    assert_true(http_server_is_done(pair.server));
    pair_close(&pair);
}

static void expect_not_http2(const char *greeting, const char *words)
{
    struct pair pair = {0};
    struct error error;
    assert_true(pair_open(&pair));
    enum error_code code = OK;
    for (size_t i = 0; i < strlen(greeting) && code == OK; i++)
        code = http_client_receive(pair.client, bytes_view_of(greeting + i, 1), &error);
    if (code == OK)
        code = http_client_at_end(pair.client, &error);
    assert_int_equal(code, ERR_CORRUPT);
    assert_non_null(strstr(error.message, words));
    assert_non_null(strstr(error.message, "test:1"));
    pair_close(&pair);
}

static void what_does_not_speak_http2_is_named(void **state)
{
    (void)state;
    expect_not_http2("HTTP/1.1 400 Bad Request\r\n", "HTTP/1.x");
    expect_not_http2("SSH-2.0-x\r\n", "SSH");
    expect_not_http2("\x15\x03\x01zzzzzzzzz", "TLS");
    expect_not_http2("hi\n", "hi?");
    expect_not_http2("220 mail.example ESMTP\r\n", "something else");
}

static void a_client_without_the_preface_is_refused(void **state)
{
    (void)state;
    struct pair pair = {0};
    struct error error;
    assert_true(pair_open(&pair));
    assert_int_equal(http_server_receive(
                         pair.server, bytes_view_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), &error),
                     ERR_CORRUPT);
    pair_close(&pair);
}

/* Feeds frames to an established client until it has enough. */
static enum error_code flood(uint8_t type, uint8_t flags, uint32_t stream_id, const void *payload,
                             uint32_t size_bytes, bool reads_answers, struct error *error)
{
    struct pair pair = {.body_bytes = 1000000, .keeps_window = true};
    struct buffer frames;
    int32_t own_stream = 0;
    enum error_code code = OK;
    buffer_init(&frames);
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &own_stream), OK);
    assert_int_equal(pair_run(&pair, NULL), OK);
    for (unsigned i = 0; i < 100; i++)
        wire_frame(&frames, type, flags, stream_id, payload, size_bytes);
    for (unsigned i = 0; i < 1000 && code == OK; i++) {
        struct bytes_view bytes;
        code = http_client_receive(pair.client, buffer_view(&frames), error);
        while (reads_answers && code == OK) {
            code = http_client_pull(pair.client, &bytes, error);
            if (bytes.size_bytes == 0)
                break;
        }
    }
    buffer_release(&frames);
    pair_close(&pair);
    return code;
}

static void floods_of_control_frames_end_the_connection(void **state)
{
    (void)state;
    static const uint8_t ping[8];
    static const uint8_t window[4] = {0, 0, 0, 1};
    static const uint8_t priority[5] = {0, 0, 0, 5, 1};
    struct error error;
    assert_int_equal(flood(6, 0, 0, ping, 8, false, &error), ERR_RETRY);
    assert_int_equal(flood(6, 0, 0, ping, 8, true, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "flood"));
    assert_int_equal(flood(4, 0, 0, NULL, 0, false, &error), ERR_RETRY);
    assert_int_equal(flood(4, 0, 0, NULL, 0, true, &error), ERR_RETRY);
    assert_int_equal(flood(8, 0, 0, window, 4, true, &error), ERR_RETRY);
    assert_int_equal(flood(2, 0, 1, priority, 5, true, &error), ERR_RETRY);
    assert_int_equal(flood(0, 0, 1, NULL, 0, true, &error), ERR_RETRY);
}

static enum error_code pull_all(struct pair *pair, struct error *error)
{
    struct bytes_view bytes;
    enum error_code code;
    do
        code = http_client_pull(pair->client, &bytes, error);
    while (code == OK && bytes.size_bytes != 0);
    return code;
}

/* 0x88 and 0x08: HPACK's ":status 200", and a literal value of that name. */
static void interim_answers_are_not_shown(void **state)
{
    (void)state;
    struct pair pair = {0};
    struct buffer bytes;
    struct error error;
    int32_t stream_id = 0;
    buffer_init(&bytes);
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    assert_int_equal(pull_all(&pair, &error), OK);
    wire_frame(&bytes, 4, 0, 0, NULL, 0);
    wire_frame(&bytes, 1, 4, 1,
               "\x08\x03"
               "103",
               5);
    assert_int_equal(http_client_receive(pair.client, buffer_view(&bytes), &error), OK);
    assert_int_equal(pair.status, 0);
    buffer_reset(&bytes);
    wire_frame(&bytes, 1, 4, 1, "\x88", 1);
    assert_int_equal(http_client_receive(pair.client, buffer_view(&bytes), &error), OK);
    assert_int_equal(pair.status, 200);
    buffer_release(&bytes);
    pair_close(&pair);
}

/* A connection of days has more control frames than any flood. */
static void control_frames_among_data_are_no_flood(void **state)
{
    (void)state;
    static const uint8_t ping[8];
    struct pair pair = {0};
    struct buffer bytes;
    struct error error;
    int32_t stream_id = 0;
    buffer_init(&bytes);
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    assert_int_equal(pull_all(&pair, &error), OK);
    wire_frame(&bytes, 4, 0, 0, NULL, 0);
    wire_frame(&bytes, 1, 4, 1, "\x88", 1);
    for (unsigned i = 0; i < 400; i++) {
        const uint8_t byte = (uint8_t)(i % 251);
        for (unsigned k = 0; k < 100; k++)
            wire_frame(&bytes, 6, 0, 0, ping, 8);
        wire_frame(&bytes, 0, 0, 1, &byte, 1);
        assert_int_equal(http_client_receive(pair.client, buffer_view(&bytes), &error), OK);
        assert_int_equal(pull_all(&pair, &error), OK);
        buffer_reset(&bytes);
    }
    assert_int_equal(pair.data_bytes, 400);
    buffer_release(&bytes);
    pair_close(&pair);
}

static void a_header_block_without_end_is_cut_off(void **state)
{
    (void)state;
    /* HPACK literals without indexing of new names: 0x00, 1 "a", 100 bytes of value. */
    uint8_t literal[104] = {0x00, 0x01, 'a', 100};
    struct pair pair = {0};
    struct buffer bytes;
    struct error error;
    int32_t stream_id = 0;
    enum error_code code = OK;
    memset(literal + 4, 'v', 100);
    buffer_init(&bytes);
    assert_true(pair_open(&pair));
    assert_int_equal(pair_request(&pair, &stream_id), OK);
    wire_frame(&bytes, 4, 0, 0, NULL, 0);
    wire_frame(&bytes, 1, 0, 1, "\x88", 1);
    for (unsigned i = 0; i < 10000; i++)
        wire_frame(&bytes, 9, 0, 1, literal, sizeof(literal));
    for (size_t at = 0; at < bytes.size_bytes && code == OK; at += 1000)
        code = http_client_receive(pair.client,
                                   bytes_view_of(bytes.data + at, bytes.size_bytes - at < 1000
                                                                      ? bytes.size_bytes - at
                                                                      : 1000),
                                   &error);
    if (code == OK)
        code = pull_all(&pair, &error);
    assert_int_equal(code, ERR_RETRY);
    buffer_release(&bytes);
    pair_close(&pair);
}

/* nghttp2 has limits of its own, which others may set otherwise. */
static void headers_are_limited_by_their_number_and_by_their_bytes(void **state)
{
    (void)state;
    static uint8_t value[HTTP_MAX_HEADER_BYTES];
    const struct bytes_view name = bytes_view_text("n");
    struct http_header_block block;
    http_header_block_init(&block);
    for (int i = 0; i < 4; i++)
        assert_int_equal(http_header_block_add(&block, name,
                                               bytes_view_of(value, HTTP_MAX_HEADER_BYTES / 4 - 1)),
                         OK);
    assert_int_equal(http_header_block_add(&block, name, bytes_view_of(value, 0)), ERR_LIMIT);
    http_header_block_reset(&block);
    for (int i = 0; i < HTTP_MAX_HEADER_FIELDS; i++)
        assert_int_equal(http_header_block_add(&block, name, bytes_view_of(value, 1)), OK);
    assert_int_equal(http_header_block_add(&block, name, bytes_view_of(value, 1)), ERR_LIMIT);
    http_header_block_release(&block);
}

static void a_broken_frame_is_a_protocol_error_with_words(void **state)
{
    (void)state;
    struct pair pair = {0};
    struct buffer bytes;
    struct error error;
    buffer_init(&bytes);
    assert_true(pair_open(&pair));
    wire_frame(&bytes, 4, 0, 0, NULL, 0);
    wire_frame(&bytes, 6, 0, 0, "short", 5);
    assert_int_equal(http_client_receive(pair.client, buffer_view(&bytes), &error), OK);
    assert_int_equal(pull_all(&pair, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "HTTP/2"));
    assert_non_null(strstr(error.message, "FRAME_SIZE_ERROR"));
    buffer_release(&bytes);
    pair_close(&pair);
}

static void a_window_out_of_range_is_refused(void **state)
{
    (void)state;
    const struct http_client_handler handler = {0};
    struct error error;
    struct http_client *none;
    const struct http_client_options options = {100, "x", false};
    assert_int_equal(http_client_new(&none, &options, &handler, &error), ERR_INVALID);
    assert_null(none);
}

/* A whole exchange while the N-th allocation fails: an error or all of it, nothing between. */
static void every_failed_allocation_ends_in_a_clean_error(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {0};
    while (sweep_next(&sweep)) {
        struct pair pair = {.body_bytes = 20000, .has_trailers = true};
        int32_t stream_id = 0;
        sweep_begin(&sweep);
        bool is_open = pair_open(&pair);
        enum error_code code = is_open ? pair_request(&pair, &stream_id) : ERR_NO_MEMORY;
        if (code == OK)
            code = pair_run(&pair, NULL);
        sweep_stop(&sweep);
        bool is_whole = code == OK && pair.data_bytes == 20000;
        (void)sweep_end(&sweep, is_whole ? OK : ERR_NO_MEMORY);
        pair_close(&pair);
    }
    assert_true(sweep.failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_any_length_arrives_whole_however_the_bytes_are_split),
        cmocka_unit_test(a_client_that_consumes_nothing_gets_one_window_and_no_more),
        cmocka_unit_test(a_closed_window_does_not_stop_pings),
        cmocka_unit_test(a_reset_and_a_cancel_reach_the_other_side),
        cmocka_unit_test(many_streams_share_one_connection),
        cmocka_unit_test(a_goaway_is_told_with_its_words_and_takes_no_new_stream),
        cmocka_unit_test(a_goaway_without_grace_ends_the_connection_at_once),
        cmocka_unit_test(what_does_not_speak_http2_is_named),
        cmocka_unit_test(a_client_without_the_preface_is_refused),
        cmocka_unit_test(floods_of_control_frames_end_the_connection),
        cmocka_unit_test(interim_answers_are_not_shown),
        cmocka_unit_test(control_frames_among_data_are_no_flood),
        cmocka_unit_test(a_header_block_without_end_is_cut_off),
        cmocka_unit_test(headers_are_limited_by_their_number_and_by_their_bytes),
        cmocka_unit_test(a_broken_frame_is_a_protocol_error_with_words),
        cmocka_unit_test(a_window_out_of_range_is_refused),
        cmocka_unit_test(every_failed_allocation_ends_in_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
