// SPDX-License-Identifier: Apache-2.0
/* Connecting: a name with many addresses, of which few or none are of use. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/clock.h"
#include "source/link.h"
#include "source/script_server.h"

#define TIMEOUT_US 600000

/* What the resolver says, and how often it was asked. */
static struct os_addresses answer;
static enum error_code answer_code;
static unsigned asked_count;
/* What is remembered from one connection to the next. */
static struct address_order order;

static enum error_code resolve(const struct os_endpoint *endpoint, struct os_addresses *addresses,
                               struct error *error)
{
    (void)endpoint;
    asked_count++;
    *addresses = answer;
    return answer_code == OK ? OK : error_set(error, answer_code, "the resolver is away");
}

static enum error_code ignore_headers(void *context, int32_t stream_id,
                                      const struct http_header_view *fields, size_t field_count,
                                      bool ends_stream, struct error *error)
{
    (void)context;
    (void)stream_id;
    (void)fields;
    (void)field_count;
    (void)ends_stream;
    (void)error;
    return OK;
}

static enum error_code ignore_data(void *context, int32_t stream_id, struct bytes_view data,
                                   struct error *error)
{
    (void)context;
    (void)stream_id;
    (void)data;
    (void)error;
    return OK;
}

static enum error_code ignore_close(void *context, int32_t stream_id, uint32_t http2_error,
                                    bool peer_ended, struct error *error)
{
    (void)context;
    (void)stream_id;
    (void)http2_error;
    (void)peer_ended;
    (void)error;
    return OK;
}

static enum error_code count_connection(void *context, struct http_client *client,
                                        struct error *error)
{
    unsigned *count = context;
    (void)client;
    (void)error;
    (*count)++;
    return OK;
}

static void add_address(const char *text)
{
    struct os_endpoint endpoint;
    struct os_addresses one;
    os_resolve_set(NULL);
    assert_int_equal(os_endpoint_parse(text, false, &endpoint, NULL), OK);
    assert_int_equal(os_resolve(&endpoint, &one, NULL), OK);
    os_resolve_set(resolve);
    answer.items[answer.count++] = one.items[0];
}

/* Connects by the name that has `answer`; how it ends, and at what address. */
static enum error_code connect_by_name(char peer[OS_ADDRESS_TEXT_BYTES], unsigned *tcp_count,
                                       struct error *error)
{
    struct os_wake wake;
    struct link link;
    struct link_options options = {
        .peer = "ttp.example:50051", .wake = &wake, .order = &order, .window_bytes = 65535};
    *tcp_count = 0;
    const struct link_handler handler = {
        .http = {tcp_count, ignore_headers, ignore_data, ignore_close},
        .on_connected = count_connection};
    assert_int_equal(os_wake_init(&wake, NULL), OK);
    assert_int_equal(os_endpoint_parse(options.peer, false, &options.endpoint, NULL), OK);
    assert_int_equal(link_init(&link, &options, NULL), OK);
    enum error_code code = link_open(&link, &handler, os_monotonic_us(), TIMEOUT_US, error);
    while (code == OK && link.state != LINK_OPEN) {
        struct os_poll_item items[2] = {{.fd = wake.fd, .want_read = true}, link_poll_item(&link)};
        (void)os_poll(items, 2, 5000);
        (void)os_wake_clear(&wake);
        code = link_step(&link, &items[1], os_monotonic_us(), error);
    }
    if (code == OK)
        memcpy(peer, link_address(&link)->text, OS_ADDRESS_TEXT_BYTES);
    else
        assert_null(link_address(&link));
    assert_int_equal(link.state, code == OK ? LINK_OPEN : LINK_CLOSED);
    link_release(&link);
    os_wake_release(&wake);
    return code;
}

static void begin(void)
{
    answer.count = 0;
    answer_code = OK;
    asked_count = 0;
    order.failed_count = 0;
    os_resolve_set(resolve);
}

static void every_address_of_the_name_is_tried_until_one_answers_in_http2(void **state)
{
    (void)state;
    struct script_server gone = {0}, mute = {.mute_connections = 1}, wrong = {0}, good = {0};
    char peer[OS_ADDRESS_TEXT_BYTES];
    unsigned tcp_count = 0;
    struct error error;
    wrong.raw_greeting = "HTTP/1.1 400 Bad Request\r\n\r\n";
    script_server_start(&gone, NULL, NULL);
    script_server_stop(&gone);
    script_server_start(&mute, NULL, NULL);
    script_server_start(&wrong, NULL, NULL);
    script_server_start(&good, NULL, NULL);
    begin();
    add_address(gone.endpoint);
    add_address(mute.endpoint);
    add_address(wrong.endpoint);
    add_address(good.endpoint);
    assert_int_equal(connect_by_name(peer, &tcp_count, &error), OK);
    assert_string_equal(peer, good.endpoint);
    assert_int_equal(tcp_count, 3);
    assert_int_equal(asked_count, 1);
    assert_int_equal(connect_by_name(peer, &tcp_count, &error), OK);
    assert_int_equal(asked_count, 2);
    /* Those that failed are not tried first again. */
    assert_string_equal(peer, good.endpoint);
    assert_int_equal(tcp_count, 1);
    os_resolve_set(NULL);
    script_server_stop(&mute);
    script_server_stop(&wrong);
    script_server_stop(&good);
}

static void when_no_address_is_of_use_the_last_ones_fault_is_told(void **state)
{
    (void)state;
    struct script_server gone = {0}, wrong = {.raw_greeting = "SSH-2.0-x\r\n"};
    char peer[OS_ADDRESS_TEXT_BYTES];
    unsigned tcp_count = 0;
    struct error error;
    script_server_start(&gone, NULL, NULL);
    script_server_stop(&gone);
    script_server_start(&wrong, NULL, NULL);
    begin();
    add_address(gone.endpoint);
    add_address(wrong.endpoint);
    assert_int_equal(connect_by_name(peer, &tcp_count, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "SSH"));
    os_resolve_set(NULL);
    script_server_stop(&wrong);
}

static void a_name_without_an_address_is_a_passing_fault(void **state)
{
    (void)state;
    char peer[OS_ADDRESS_TEXT_BYTES];
    unsigned tcp_count = 0;
    struct error error;
    begin();
    assert_int_equal(connect_by_name(peer, &tcp_count, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "ttp.example"));
    answer_code = ERR_RETRY;
    assert_int_equal(connect_by_name(peer, &tcp_count, &error), ERR_RETRY);
    assert_string_equal(error.message, "the resolver is away");
    os_resolve_set(NULL);
}

static void a_server_without_settings_is_given_up_after_connect_timeout(void **state)
{
    (void)state;
    struct script_server mute = {.mute_connections = 9};
    char peer[OS_ADDRESS_TEXT_BYTES];
    unsigned tcp_count = 0;
    struct error error;
    int64_t before_us = os_monotonic_us();
    script_server_start(&mute, NULL, NULL);
    begin();
    add_address(mute.endpoint);
    assert_int_equal(connect_by_name(peer, &tcp_count, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "connect_timeout"));
    assert_true(os_monotonic_us() - before_us >= TIMEOUT_US);
    os_resolve_set(NULL);
    script_server_stop(&mute);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_of_the_name_is_tried_until_one_answers_in_http2),
        cmocka_unit_test(when_no_address_is_of_use_the_last_ones_fault_is_told),
        cmocka_unit_test(a_name_without_an_address_is_a_passing_fault),
        cmocka_unit_test(a_server_without_settings_is_given_up_after_connect_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
