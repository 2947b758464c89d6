// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/clock.h"
#include "os/poll.h"
#include "os/resolver.h"
#include "os/socket.h"
#include "util/memory.h"

static void an_endpoint_is_host_and_port(void **state)
{
    (void)state;
    struct os_endpoint endpoint;
    assert_int_equal(os_endpoint_parse("localhost:50051", false, &endpoint, NULL), OK);
    assert_string_equal(endpoint.host, "localhost");
    assert_string_equal(endpoint.port, "50051");
    assert_true(os_endpoint_is_local(&endpoint));
    assert_int_equal(os_endpoint_parse("[2001:db8::1]:443", false, &endpoint, NULL), OK);
    assert_string_equal(endpoint.host, "2001:db8::1");
    assert_false(os_endpoint_is_local(&endpoint));
    assert_int_equal(os_endpoint_parse(":0", true, &endpoint, NULL), OK);
    assert_string_equal(endpoint.host, "");
}

static void a_bad_endpoint_is_refused_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {{"localhost", "port is missing"}, {"localhost:", "port is missing"},
                 {":50051", "host is missing"},    {"localhost:x", "number"},
                 {"localhost:65536", "number"},    {"localhost:0", "port 0"},
                 {"::1:50051", "brackets"},        {"http://localhost:50051", "scheme"},
                 {"localhost:-1", "number"}};
    char text[400];
    struct os_endpoint endpoint;
    struct error error;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(os_endpoint_parse(cases[i].text, false, &endpoint, &error), ERR_INVALID);
        assert_non_null(strstr(error.message, cases[i].words));
        assert_non_null(strstr(error.message, "localhost:50051"));
    }
    memset(text, 'h', sizeof(text));
    memcpy(text + sizeof(text) - 4, ":80", 4);
    assert_int_equal(os_endpoint_parse(text, false, &endpoint, &error), ERR_INVALID);
}

static int listen_somewhere(struct os_address *bound)
{
    struct os_endpoint endpoint;
    int listener = -1;
    assert_int_equal(os_endpoint_parse("127.0.0.1:0", true, &endpoint, NULL), OK);
    assert_int_equal(os_listen(&endpoint, &listener, bound, NULL), OK);
    assert_true(os_address_port(bound) != 0);
    return listener;
}

static bool wait_for(int fd, bool to_write)
{
    struct os_poll_item item = {.fd = fd, .want_read = !to_write, .want_write = to_write};
    return os_poll(&item, 1, 5000000) == 1 && (to_write ? item.can_write : item.can_read);
}

static void connect_to(const struct os_address *address, int listener, int *client, int *server)
{
    struct os_address peer;
    assert_int_equal(os_connect_start(address, client, NULL), OK);
    assert_true(wait_for(*client, true));
    assert_int_equal(os_connect_finish(*client, address, NULL), OK);
    assert_true(wait_for(listener, false));
    assert_int_equal(os_accept(listener, server, &peer, NULL), OK);
    assert_memory_equal(peer.text, "127.0.0.1:", 10);
}

static void bytes_go_both_ways_and_the_end_shows(void **state)
{
    (void)state;
    struct os_address bound;
    int listener = listen_somewhere(&bound), client = -1, server = -1;
    char data[16];
    size_t size = 0;
    connect_to(&bound, listener, &client, &server);
    assert_int_equal(os_receive(server, data, sizeof(data), &size, NULL), ERR_AGAIN);
    assert_int_equal(os_send(client, "hello", 5, &size, NULL), OK);
    assert_int_equal(size, 5);
    assert_true(wait_for(server, false));
    assert_int_equal(os_receive(server, data, sizeof(data), &size, NULL), OK);
    assert_int_equal(size, 5);
    assert_memory_equal(data, "hello", 5);
    os_shutdown_write(server);
    assert_true(wait_for(client, false));
    assert_int_equal(os_receive(client, data, sizeof(data), &size, NULL), OK);
    assert_int_equal(size, 0);
    os_close(&client);
    os_close(&server);
    os_close(&listener);
    assert_int_equal(listener, -1);
    os_close(&listener);
}

static void a_full_socket_says_again_and_a_reset_says_retry(void **state)
{
    (void)state;
    static const uint8_t data[65536];
    struct os_address bound;
    int listener = listen_somewhere(&bound), client = -1, server = -1;
    size_t size = 0;
    enum error_code code;
    struct error error;
    connect_to(&bound, listener, &client, &server);
    do
        code = os_send(client, data, sizeof(data), &size, NULL);
    while (code == OK);
    assert_int_equal(code, ERR_AGAIN);
    os_close_with_reset(&server);
    assert_true(wait_for(client, false));
    uint8_t byte;
    assert_int_equal(os_receive(client, &byte, 1, &size, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "reset"));
    assert_int_equal(os_send(client, data, 1, &size, &error), ERR_RETRY);
    os_close(&client);
    os_close(&listener);
}

static void nobody_there_is_a_passing_fault_with_the_address(void **state)
{
    (void)state;
    struct os_address bound;
    struct error error;
    int listener = listen_somewhere(&bound), client = -1;
    os_close(&listener);
    enum error_code code = os_connect_start(&bound, &client, &error);
    if (code == OK) {
        assert_true(wait_for(client, true));
        code = os_connect_finish(client, &bound, &error);
    }
    assert_int_equal(code, ERR_RETRY);
    assert_non_null(strstr(error.message, bound.text));
    assert_non_null(strstr(error.message, "refused"));
    os_close(&client);
}

static void a_taken_port_and_a_foreign_address_are_told_apart(void **state)
{
    (void)state;
    struct os_address bound, other;
    struct os_endpoint endpoint;
    struct error error;
    int listener = listen_somewhere(&bound), second = -1;
    assert_int_equal(os_endpoint_parse(bound.text, true, &endpoint, NULL), OK);
    assert_int_equal(os_listen(&endpoint, &second, &other, &error), ERR_CONFLICT);
    assert_non_null(strstr(error.message, bound.text));
    assert_int_equal(os_endpoint_parse("192.0.2.1:0", true, &endpoint, NULL), OK);
    assert_int_equal(os_listen(&endpoint, &second, &other, &error), ERR_INVALID);
    os_close(&listener);
}

static void a_raised_wake_ends_a_wait_and_is_taken_once(void **state)
{
    (void)state;
    struct os_wake wake;
    assert_int_equal(os_wake_init(&wake, NULL), OK);
    struct os_poll_item item = {.fd = wake.fd, .want_read = true};
    assert_int_equal(os_poll(&item, 1, 0), 0);
    os_wake_raise(&wake);
    os_wake_raise(&wake);
    assert_int_equal(os_poll(&item, 1, -1), 1);
    assert_true(os_wake_clear(&wake));
    assert_false(os_wake_clear(&wake));
    os_wake_release(&wake);
    os_wake_release(&wake);
}

static void a_wait_ends_when_its_time_is_over(void **state)
{
    (void)state;
    struct os_poll_item none = {.fd = -1, .want_read = true};
    int64_t before_us = os_monotonic_us();
    assert_int_equal(os_poll(&none, 1, 20500), 0);
    assert_true(os_monotonic_us() - before_us >= 20500);
    assert_false(none.can_read);
}

/* Asks until there is an answer; the wake is raised for it. */
static enum error_code ask(const char *host, struct os_addresses *addresses, struct error *error)
{
    struct os_endpoint endpoint = {.port = "50051"};
    struct os_wake wake;
    enum error_code code;
    memcpy(endpoint.host, host, strlen(host) + 1);
    assert_int_equal(os_wake_init(&wake, NULL), OK);
    struct os_resolver *resolver;
    assert_int_equal(os_resolver_start(&resolver, &endpoint, &wake, error), OK);
    assert_true(wait_for(wake.fd, false));
    code = os_resolver_take(resolver, addresses, error);
    os_resolver_drop(resolver);
    os_wake_release(&wake);
    return code;
}

static void names_and_numbers_are_resolved_without_blocking(void **state)
{
    (void)state;
    struct os_addresses addresses;
    struct error error;
    assert_int_equal(ask("127.0.0.1", &addresses, &error), OK);
    assert_int_equal(addresses.count, 1);
    assert_string_equal(addresses.items[0].text, "127.0.0.1:50051");
    assert_int_equal(ask("::1", &addresses, &error), OK);
    assert_string_equal(addresses.items[0].text, "[::1]:50051");
    assert_int_equal(ask("localhost", &addresses, &error), OK);
    assert_true(addresses.count >= 1);
    assert_int_equal(os_address_port(&addresses.items[0]), 50051);
    assert_int_equal(ask("no such host", &addresses, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "no such host"));
}

static void a_dropped_question_is_answered_to_nobody(void **state)
{
    (void)state;
    const struct os_endpoint endpoint = {.host = "localhost", .port = "50051"};
    struct os_wake wake;
    struct os_addresses addresses;
    assert_int_equal(os_wake_init(&wake, NULL), OK);
    struct error error;
    struct os_resolver *resolver;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(os_resolver_start(&resolver, &endpoint, &wake, &error), OK);
        if (i % 2 != 0)
            (void)os_poll(&(struct os_poll_item){.fd = -1}, 1, 1000);
        enum error_code code = os_resolver_take(resolver, &addresses, NULL);
        assert_true(code == OK || code == ERR_AGAIN);
        os_resolver_drop(resolver);
    }
    os_resolver_drop(NULL);
    mem_fail_after(1);
    assert_int_equal(os_resolver_start(&resolver, &endpoint, &wake, &error), ERR_NO_MEMORY);
    mem_fail_after(0);
    os_wake_release(&wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_is_host_and_port),
        cmocka_unit_test(a_bad_endpoint_is_refused_with_what_is_wrong),
        cmocka_unit_test(bytes_go_both_ways_and_the_end_shows),
        cmocka_unit_test(a_full_socket_says_again_and_a_reset_says_retry),
        cmocka_unit_test(nobody_there_is_a_passing_fault_with_the_address),
        cmocka_unit_test(a_taken_port_and_a_foreign_address_are_told_apart),
        cmocka_unit_test(a_raised_wake_ends_a_wait_and_is_taken_once),
        cmocka_unit_test(a_wait_ends_when_its_time_is_over),
        cmocka_unit_test(names_and_numbers_are_resolved_without_blocking),
        cmocka_unit_test(a_dropped_question_is_answered_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
