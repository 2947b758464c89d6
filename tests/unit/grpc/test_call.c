// SPDX-License-Identifier: Apache-2.0
/* The client's call against the server's, in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "grpc/call.h"
#include "grpc/server_call.h"
#include "support/allocation_sweep.h"

#define WINDOW_BYTES 100000

struct exchange;
typedef void answer_function(struct exchange *exchange, struct grpc_server_call *call);

struct exchange {
    struct http_client *client;
    struct grpc_server *server;
    struct grpc_call call;
    struct grpc_reader reader;
    enum error_code reader_code; /* what ended the reading, ERR_AGAIN: nothing */
    unsigned message_count;      /* read by the client */
    uint64_t message_bytes;
    bool keeps_window;
    answer_function *answer; /* once the request is there */
    unsigned left;           /* messages that on_writable still sends */
    unsigned writable_count;
    unsigned sent_at_once; /* most messages that waited at a time */
    char path[64];
    char request[16];
    char metadata[32];
    char user_agent[32];
    unsigned closed_count;
};

static enum error_code on_headers(void *context, int32_t stream_id,
                                  const struct http_header_view *fields, size_t field_count,
                                  bool ends_stream, struct error *error)
{
    struct exchange *exchange = context;
    (void)stream_id;
    (void)error;
    grpc_call_on_headers(&exchange->call, fields, field_count, ends_stream);
    return OK;
}

static enum error_code on_data(void *context, int32_t stream_id, struct bytes_view data,
                               struct error *error)
{
    struct exchange *exchange = context;
    struct bytes_view message;
    grpc_reader_feed(&exchange->reader, data);
    while ((exchange->reader_code = grpc_reader_next(&exchange->reader, &message, error)) == OK) {
        exchange->message_count++;
        exchange->message_bytes += message.size_bytes;
    }
    (void)grpc_reader_take_rest(&exchange->reader);
    if (exchange->reader_code == ERR_NO_MEMORY)
        return ERR_NO_MEMORY;
    return exchange->keeps_window
               ? OK
               : http_client_consume(exchange->client, stream_id, data.size_bytes);
}

static enum error_code on_close(void *context, int32_t stream_id, uint32_t http2_error,
                                bool peer_ended, struct error *error)
{
    struct exchange *exchange = context;
    (void)stream_id;
    (void)error;
    grpc_call_on_close(&exchange->call, http2_error, peer_ended,
                       grpc_reader_is_inside(&exchange->reader));
    return OK;
}

static void copy_field(char *out, size_t capacity, const struct http_header_view *fields,
                       size_t field_count, const char *name)
{
    const struct http_header_view *field = http_header_find(fields, field_count, name);
    snprintf(out, capacity, "%s", field != NULL ? (const char *)field->value.data : "");
}

static void on_call(void *context, struct grpc_server_call *call, struct bytes_view path,
                    const struct http_header_view *fields, size_t field_count)
{
    struct exchange *exchange = context;
    grpc_server_call_set_data(call, exchange);
    snprintf(exchange->path, sizeof(exchange->path), "%.*s", (int)path.size_bytes,
             (const char *)path.data);
    copy_field(exchange->metadata, sizeof(exchange->metadata), fields, field_count, "x-key");
    copy_field(exchange->user_agent, sizeof(exchange->user_agent), fields, field_count,
               "user-agent");
    const struct http_header_view *te = http_header_find(fields, field_count, "te");
    assert_non_null(te);
    assert_true(bytes_equal(te->value, bytes_view_text("trailers")));
    assert_null(http_header_find(fields, field_count, "grpc-timeout"));
}

static enum error_code send_message(struct grpc_server_call *call, struct bytes_view message)
{
    struct buffer framed;
    buffer_init(&framed);
    enum error_code code = grpc_append_message(&framed, message);
    if (code == OK)
        code = grpc_server_send_raw(call, buffer_view(&framed));
    buffer_release(&framed);
    return code;
}

static void on_request(void *context, struct grpc_server_call *call, struct bytes_view message)
{
    struct exchange *exchange = context;
    snprintf(exchange->request, sizeof(exchange->request), "%.*s", (int)message.size_bytes,
             (const char *)message.data);
    if (exchange->answer != NULL)
        exchange->answer(exchange, call);
}

static void on_writable(void *context, struct grpc_server_call *call)
{
    static const uint8_t message[1000];
    struct exchange *exchange = context;
    unsigned sent = 0;
    exchange->writable_count++;
    for (; exchange->left != 0 && grpc_server_wants_more(call); sent++, exchange->left--)
        if (send_message(call, bytes_view_of(message, sizeof(message))) != OK)
            return;
    if (sent > exchange->sent_at_once)
        exchange->sent_at_once = sent;
    /* Without memory for it the call stays open, which the failure sweep notices. */
    if (sent != 0 && exchange->left == 0 && grpc_server_finish(call, GRPC_OK, "") != OK)
        exchange->left = 0;
}

static void on_closed(void *context, struct grpc_server_call *call)
{
    struct exchange *exchange = context;
    assert_ptr_equal(grpc_server_call_data(call), exchange);
    exchange->closed_count++;
}

static bool exchange_open(struct exchange *exchange)
{
    const struct http_client_options options = {WINDOW_BYTES, "test:1", false};
    const struct http_client_handler handler = {exchange, on_headers, on_data, on_close};
    const struct grpc_server_handler server_handler = {exchange, on_call, on_request, on_writable,
                                                       on_closed};
    grpc_reader_init(&exchange->reader, 100000);
    struct error error;
    return http_client_new(&exchange->client, &options, &handler, &error) == OK &&
           grpc_server_new(&exchange->server, &server_handler, &error) == OK;
}

static void exchange_close(struct exchange *exchange)
{
    http_client_free(exchange->client);
    grpc_server_free(exchange->server);
    grpc_reader_release(&exchange->reader);
}

static enum error_code start(struct exchange *exchange)
{
    static const struct http_header metadata[] = {{"x-key", "secret"}};
    const struct grpc_request request = {.scheme = "http",
                                         .authority = "test:1",
                                         .path = "/service/Method",
                                         .user_agent = "test/1",
                                         .metadata = metadata,
                                         .metadata_count = 1,
                                         .message = bytes_view_text("ask")};
    return grpc_call_start(&exchange->call, exchange->client, &request, NULL);
}

static enum error_code run(struct exchange *exchange)
{
    for (;;) {
        struct bytes_view up, down;
        enum error_code code = http_client_pull(exchange->client, &up, NULL);
        if (code == OK)
            code = grpc_server_receive(exchange->server, up, NULL);
        if (code == OK)
            code = grpc_server_pull(exchange->server, &down, NULL);
        if (code == OK)
            code = http_client_receive(exchange->client, down, NULL);
        if (code != OK)
            return code;
        if (up.size_bytes == 0 && down.size_bytes == 0)
            return OK;
    }
}

static void exchange_all(struct exchange *exchange)
{
    assert_true(exchange_open(exchange));
    assert_int_equal(start(exchange), OK);
    assert_int_equal(run(exchange), OK);
}

static void answer_three(struct exchange *exchange, struct grpc_server_call *call)
{
    (void)exchange;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(send_message(call, bytes_view_text("event")), OK);
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
    assert_int_equal(send_message(call, bytes_view_text("late")), ERR_INVALID);
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), ERR_INVALID);
}

static void a_call_carries_path_metadata_request_and_answers(void **state)
{
    (void)state;
    struct exchange exchange = {.answer = answer_three};
    exchange_all(&exchange);
    assert_string_equal(exchange.path, "/service/Method");
    assert_string_equal(exchange.metadata, "secret");
    assert_string_equal(exchange.user_agent, "test/1");
    assert_string_equal(exchange.request, "ask");
    assert_int_equal(exchange.message_count, 3);
    assert_true(exchange.call.is_over);
    assert_int_equal(exchange.call.end, GRPC_END_STATUS);
    assert_int_equal(exchange.call.code, GRPC_OK);
    assert_int_equal(exchange.closed_count, 1);
    exchange_close(&exchange);
}

static void a_long_stream_is_produced_only_as_fast_as_it_is_taken(void **state)
{
    (void)state;
    struct exchange exchange = {.left = 5000, .keeps_window = true};
    exchange_all(&exchange);
    assert_false(exchange.call.is_over);
    /* The window, and at most what the server's buffer takes. */
    assert_in_range(5000 - exchange.left, WINDOW_BYTES / 1005,
                    (WINDOW_BYTES + GRPC_SERVER_HIGH_BYTES) / 1005 + 2);
    assert_in_range(exchange.sent_at_once, 1, GRPC_SERVER_HIGH_BYTES / 1005 + 1);
    exchange.keeps_window = false;
    assert_int_equal(http_client_consume(exchange.client, exchange.call.stream_id, WINDOW_BYTES),
                     OK);
    assert_int_equal(run(&exchange), OK);
    assert_int_equal(exchange.message_count, 5000);
    assert_int_equal(exchange.message_bytes, 5000000);
    assert_int_equal(exchange.call.end, GRPC_END_STATUS);
    exchange_close(&exchange);
}

static struct grpc_server_call *waiting_call;

static void answer_later(struct exchange *exchange, struct grpc_server_call *call)
{
    (void)exchange;
    waiting_call = call;
}

static void a_waiting_call_has_no_headers_until_it_is_resumed_with_something(void **state)
{
    (void)state;
    struct exchange exchange = {.answer = answer_later};
    exchange_all(&exchange);
    assert_false(exchange.call.has_headers);
    assert_int_equal(exchange.writable_count, 1);
    exchange.left = 2;
    assert_int_equal(grpc_server_resume(waiting_call), OK);
    assert_int_equal(run(&exchange), OK);
    assert_int_equal(exchange.message_count, 2);
    assert_int_equal(exchange.call.end, GRPC_END_STATUS);
    exchange_close(&exchange);
}

static void a_client_that_cancels_closes_the_servers_call(void **state)
{
    (void)state;
    struct exchange exchange = {.answer = answer_later};
    exchange_all(&exchange);
    http_client_cancel(exchange.client, exchange.call.stream_id);
    assert_int_equal(run(&exchange), OK);
    assert_int_equal(exchange.closed_count, 1);
    assert_int_equal(exchange.call.end, GRPC_END_CUT);
    exchange_close(&exchange);
    exchange = (struct exchange){.answer = answer_later};
    exchange_all(&exchange);
    exchange_close(&exchange);
    assert_int_equal(exchange.closed_count, 1);
}

static void answer_refused(struct exchange *exchange, struct grpc_server_call *call)
{
    (void)exchange;
    assert_int_equal(grpc_server_finish(call, GRPC_PERMISSION_DENIED, "not you: 100%"), OK);
}

static void answer_failed_later(struct exchange *exchange, struct grpc_server_call *call)
{
    (void)exchange;
    assert_int_equal(send_message(call, bytes_view_text("event")), OK);
    assert_int_equal(grpc_server_finish(call, GRPC_INTERNAL, "broke \xc3\xbc"), OK);
}

static void a_status_arrives_in_trailers_and_in_trailers_only(void **state)
{
    (void)state;
    struct exchange exchange = {.answer = answer_refused};
    exchange_all(&exchange);
    assert_int_equal(exchange.call.end, GRPC_END_STATUS);
    assert_int_equal(exchange.call.code, GRPC_PERMISSION_DENIED);
    assert_string_equal(exchange.call.words, "not you: 100%");
    exchange_close(&exchange);
    exchange = (struct exchange){.answer = answer_failed_later};
    exchange_all(&exchange);
    assert_int_equal(exchange.message_count, 1);
    assert_int_equal(exchange.call.end, GRPC_END_STATUS);
    assert_int_equal(exchange.call.code, GRPC_INTERNAL);
    assert_string_equal(exchange.call.words, "broke \xc3\xbc");
    exchange_close(&exchange);
}

static void answer_without_status(struct exchange *exchange, struct grpc_server_call *call)
{
    (void)exchange;
    assert_int_equal(send_message(call, bytes_view_text("event")), OK);
    assert_int_equal(grpc_server_finish_without_status(call), OK);
}

static void answer_half_a_message(struct exchange *exchange, struct grpc_server_call *call)
{
    (void)exchange;
    assert_int_equal(grpc_server_send_raw(call, bytes_view_of("\0\0\0\0\x09half", 9)), OK);
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
}

static void answer_by_reset(struct exchange *exchange, struct grpc_server_call *call)
{
    (void)exchange;
    assert_int_equal(grpc_server_send_headers(call), OK);
    assert_int_equal(grpc_server_reset(call, 2), OK);
}

static void assert_cut(answer_function *answer, const char *words)
{
    struct exchange exchange = {.answer = answer};
    exchange_all(&exchange);
    assert_true(exchange.call.is_over);
    assert_int_equal(exchange.call.end, GRPC_END_CUT);
    assert_int_equal(exchange.call.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(exchange.call.words, words));
    assert_int_equal(exchange.closed_count, 1);
    exchange_close(&exchange);
}

static void an_end_that_is_not_a_status_is_a_cut(void **state)
{
    (void)state;
    assert_cut(answer_without_status, "without a grpc-status");
    assert_cut(answer_half_a_message, "in the middle of a message");
    assert_cut(answer_by_reset, "INTERNAL_ERROR");
}

static void answer_in_html(struct exchange *exchange, struct grpc_server_call *call)
{
    (void)exchange;
    assert_int_equal(grpc_server_answer_http(call, 502, "text/html", "<h1>no</h1>"), OK);
}

static void an_answer_that_is_not_grpc_is_told_as_such(void **state)
{
    (void)state;
    struct exchange exchange = {.answer = answer_in_html};
    exchange_all(&exchange);
    assert_int_equal(exchange.call.end, GRPC_END_NOT_GRPC);
    assert_int_equal(exchange.call.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(exchange.call.words, "502"));
    assert_non_null(strstr(exchange.call.words, "text/html"));
    exchange_close(&exchange);
}

static enum error_code check(const char *name, const char *value, struct error *error)
{
    return grpc_metadata_check(&(struct http_header){name, value}, 1, error);
}

static void metadata_that_http2_cannot_carry_is_named_and_its_value_is_not(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(check("authorization", "Bearer x y", &error), OK);
    assert_int_equal(check("x-empty", "", &error), OK);
    assert_int_equal(check("Authorization", "x", &error), ERR_INVALID);
    assert_int_equal(check("", "x", &error), ERR_INVALID);
    assert_int_equal(check(":path", "x", &error), ERR_INVALID);
    assert_int_equal(check("te", "trailers", &error), ERR_INVALID);
    assert_int_equal(check("grpc-timeout", "1S", &error), ERR_INVALID);
    assert_int_equal(check("x-key", "hunter2\n", &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "x-key"));
    assert_null(strstr(error.message, "hunter2"));
    assert_int_equal(check("x-key", " hunter2", &error), ERR_INVALID);
    assert_int_equal(check("x-key", "caf\xc3\xa9", &error), ERR_INVALID);
}

/* What a server says to requests that are not one gRPC message. */
static int plain_status;
static unsigned plain_closed;

static enum error_code plain_headers(void *context, int32_t stream_id,
                                     const struct http_header_view *fields, size_t field_count,
                                     bool ends_stream, struct error *error)
{
    struct exchange *exchange = context;
    const struct http_header_view *status = http_header_find(fields, field_count, ":status");
    if (status != NULL)
        plain_status = http_status_parse(status->value);
    return on_headers(exchange, stream_id, fields, field_count, ends_stream, error);
}

static void ask_plainly(struct exchange *exchange, const char *method, const char *type,
                        struct bytes_view body)
{
    const struct http_client_options options = {WINDOW_BYTES, "test:1", false};
    const struct http_client_handler handler = {exchange, plain_headers, on_data, on_close};
    const struct http_header headers[] = {{":method", method},    {":scheme", "http"},
                                          {":path", "/x"},        {":authority", "test:1"},
                                          {"content-type", type}, {"te", "trailers"}};
    assert_true(exchange_open(exchange));
    http_client_free(exchange->client);
    struct error error;
    assert_int_equal(http_client_new(&exchange->client, &options, &handler, &error), OK);
    exchange->call = (struct grpc_call){.code = GRPC_UNKNOWN};
    assert_int_equal(
        http_client_request(exchange->client, headers, 6, body, &exchange->call.stream_id, NULL),
        OK);
    assert_int_equal(run(exchange), OK);
    plain_closed = exchange->closed_count;
    exchange_close(exchange);
}

static void the_server_refuses_what_is_not_one_grpc_request(void **state)
{
    (void)state;
    static const uint8_t two[] = {0, 0, 0, 0, 1, 'a', 0, 0, 0, 0, 1, 'b'};
    static const uint8_t compressed[] = {1, 0, 0, 0, 1, 'a'};
    static const uint8_t huge[] = {0, 0x7f, 0, 0, 0, 'a'};
    struct exchange exchange = {0};
    ask_plainly(&exchange, "GET", "application/grpc", bytes_view_text("x"));
    assert_int_equal(plain_status, 405);
    exchange = (struct exchange){0};
    ask_plainly(&exchange, "POST", "application/json", bytes_view_text("{}"));
    assert_int_equal(plain_status, 415);
    static const struct {
        const uint8_t *bytes;
        size_t size;
        enum grpc_code code;
    } cases[] = {{two, sizeof(two), GRPC_INTERNAL},
                 {two, 4, GRPC_INTERNAL},
                 {NULL, 0, GRPC_INTERNAL},
                 {compressed, sizeof(compressed), GRPC_UNIMPLEMENTED},
                 {huge, sizeof(huge), GRPC_RESOURCE_EXHAUSTED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        exchange = (struct exchange){0};
        ask_plainly(&exchange, "POST", "application/grpc+proto",
                    bytes_view_of(cases[i].bytes, cases[i].size));
        assert_int_equal(exchange.call.end, GRPC_END_STATUS);
        assert_int_equal(exchange.call.code, cases[i].code);
        assert_int_equal(plain_closed, 1);
    }
}

static void every_failed_allocation_ends_in_a_clean_error(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.may_succeed = true}; /* the server sends again */
    while (sweep_next(&sweep)) {
        struct exchange exchange = {.left = 100};
        sweep_begin(&sweep);
        enum error_code code = exchange_open(&exchange) ? start(&exchange) : ERR_NO_MEMORY;
        if (code == OK)
            code = run(&exchange);
        sweep_stop(&sweep);
        /* What failed at the server ends as a status of the call. */
        bool is_whole =
            code == OK && exchange.call.end == GRPC_END_STATUS && exchange.call.code == GRPC_OK;
        if (sweep_end(&sweep, is_whole ? OK : ERR_NO_MEMORY))
            assert_int_equal(exchange.message_count, 100);
        exchange_close(&exchange);
    }
    assert_true(sweep.failures > 30);
}

/* The end of a call whose trailers have these fields. */
static struct grpc_call ended_with(const struct http_header_view *trailers, size_t count)
{
    static const struct http_header_view head[] = {
        {{(const uint8_t *)":status", 7}, {(const uint8_t *)"200", 3}},
        {{(const uint8_t *)"content-type", 12}, {(const uint8_t *)"application/grpc", 16}}};
    struct grpc_call call = {.code = GRPC_UNKNOWN, .end = GRPC_END_CUT};
    grpc_call_on_headers(&call, head, 2, false);
    grpc_call_on_headers(&call, trailers, count, true);
    grpc_call_on_close(&call, 0, true, false);
    assert_int_equal(call.end, GRPC_END_STATUS);
    return call;
}

static struct http_header_view status_field(const char *value)
{
    return (struct http_header_view){bytes_view_text("grpc-status"), bytes_view_text(value)};
}

static void only_one_0_is_ok(void **state)
{
    (void)state;
    static const char *const none[] = {"00", "", "0 ", " 0", "+0", "-0", "0x0", "0,0", "OK", "000"};
    const struct http_header_view good = status_field("0");
    assert_int_equal(ended_with(&good, 1).code, GRPC_OK);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        const struct http_header_view bad = status_field(none[i]);
        struct grpc_call call = ended_with(&bad, 1);
        assert_int_equal(call.code, GRPC_UNKNOWN);
        assert_non_null(strstr(call.words, "which is no status code"));
    }
    const char *const pairs[][2] = {{"0", "0"}, {"0", "13"}, {"13", "0"}};
    for (size_t i = 0; i < 3; i++) {
        const struct http_header_view two[] = {status_field(pairs[i][0]),
                                               status_field(pairs[i][1])};
        struct grpc_call call = ended_with(two, 2);
        assert_int_equal(call.code, GRPC_UNKNOWN);
        assert_string_equal(call.words, "the server ended the stream with 2 grpc-status fields");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_carries_path_metadata_request_and_answers),
        cmocka_unit_test(a_long_stream_is_produced_only_as_fast_as_it_is_taken),
        cmocka_unit_test(a_waiting_call_has_no_headers_until_it_is_resumed_with_something),
        cmocka_unit_test(a_client_that_cancels_closes_the_servers_call),
        cmocka_unit_test(a_status_arrives_in_trailers_and_in_trailers_only),
        cmocka_unit_test(only_one_0_is_ok),
        cmocka_unit_test(an_end_that_is_not_a_status_is_a_cut),
        cmocka_unit_test(an_answer_that_is_not_grpc_is_told_as_such),
        cmocka_unit_test(metadata_that_http2_cannot_carry_is_named_and_its_value_is_not),
        cmocka_unit_test(the_server_refuses_what_is_not_one_grpc_request),
        cmocka_unit_test(every_failed_allocation_ends_in_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
