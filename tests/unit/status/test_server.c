// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "status/fake_snapshot.h"
#include "status/server.h"
#include "util/memory.h"

/* A test never waits longer than this for an answer. */
#define PATIENCE_MS 5000

struct fixture {
    struct metrics *metrics;
    struct status_server *server;
    atomic_bool silent; /* the feed shows a silent source */
    atomic_bool starting;
};

static void fill(void *context, struct status_snapshot *out)
{
    struct fixture *fixture = context;
    fake_snapshot(out);
    if (atomic_load(&fixture->silent))
        out->last_new_event_us -= 3600 * INT64_C(1000000);
    if (atomic_load(&fixture->starting))
        out->phase = STATUS_STARTING;
}

static struct status_server_options options_of(struct fixture *fixture)
{
    return (struct status_server_options){.bind_address = "127.0.0.1",
                                          .health_port = STATUS_PORT_ANY,
                                          .metrics_port = STATUS_PORT_ANY,
                                          .feed = {fixture, fill},
                                          .metrics = fixture->metrics};
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct error error;
    assert_int_equal(metrics_new(&fixture->metrics, &error), OK);
    struct status_server_options options = options_of(fixture);
    *state = fixture;
    return status_server_start(&fixture->server, &options, &error) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    status_server_stop(fixture->server);
    metrics_free(fixture->metrics);
    free(fixture);
    return 0;
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Sends what the peer takes; it may have closed already. */
static void say(int fd, const void *bytes, size_t size)
{
    (void)!send(fd, bytes, size, MSG_NOSIGNAL);
}

/* Everything until the peer closes (or its patience ends: then it fails), ended by NUL. */
static size_t hear(int fd, char *out, size_t room)
{
    size_t used = 0;
    int64_t deadline_us = os_monotonic_us() + PATIENCE_MS * 1000;
    while (used + 1 < room) {
        struct pollfd item = {fd, POLLIN, 0};
        int left_ms = (int)((deadline_us - os_monotonic_us()) / 1000);
        if (left_ms <= 0 || poll(&item, 1, left_ms) != 1)
            fail_msg("no answer in %d ms, so far: %.*s", PATIENCE_MS, (int)used, out);
        ssize_t got = recv(fd, out + used, room - 1 - used, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    out[used] = '\0';
    close(fd);
    return used;
}

#define ANSWER_ROOM 65536

/* The answer to a whole request; the caller frees it. */
static char *ask_raw(uint16_t port, const void *request, size_t size)
{
    char *answer = malloc(ANSWER_ROOM);
    int fd = dial(port);
    say(fd, request, size);
    hear(fd, answer, ANSWER_ROOM);
    return answer;
}

static char *ask(uint16_t port, const char *method, const char *path)
{
    char request[512];
    int size = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                        method, path);
    return ask_raw(port, request, (size_t)size);
}

static void expect_status(uint16_t port, const char *method, const char *path, int status)
{
    char *answer = ask(port, method, path);
    char line[32];
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("%s %s: %s", method, path, answer);
    free(answer);
}

static uint16_t health_port(void **state)
{
    return status_server_health_port(((struct fixture *)*state)->server);
}

static uint16_t metrics_port(void **state)
{
    return status_server_metrics_port(((struct fixture *)*state)->server);
}

static void each_path_is_answered_on_its_port_and_no_other(void **state)
{
    static const char *const paths[] = {"/", "/health", "/ready", "/live", "/health?verbose=1"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        expect_status(health_port(state), "GET", paths[i], 200);
    expect_status(metrics_port(state), "GET", "/metrics", 200);
    expect_status(health_port(state), "GET", "/metrics", 200); /* for those who know one port */
    expect_status(metrics_port(state), "GET", "/health", 404);
    expect_status(health_port(state), "GET", "/health/", 404);
    expect_status(health_port(state), "GET", "/../etc/passwd", 404);
    expect_status(health_port(state), "GET", "/%2e%2e/", 404);
}

static void only_get_and_head_are_served(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        expect_status(health_port(state), methods[i], "/health", 405);
    char *answer = ask(health_port(state), "POST", "/health");
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    free(answer);
    expect_status(health_port(state), "POST", "/nowhere", 404);
}

static void head_has_the_headers_of_get_and_no_body(void **state)
{
    char *head = ask(health_port(state), "HEAD", "/health");
    char *get = ask(health_port(state), "GET", "/health");
    assert_memory_equal(head, "HTTP/1.1 200 ", 13);
    assert_non_null(strstr(head, "Content-Type: application/json\r\n"));
    assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
    size_t length = strlen(strstr(get, "\r\n\r\n") + 4);
    char header[64];
    snprintf(header, sizeof(header), "Content-Length: %zu\r\n", length);
    assert_non_null(strstr(head, header));
    assert_non_null(strstr(get, header));
    free(head);
    free(get);
}

static void an_unhealthy_run_answers_503_but_lives(void **state)
{
    struct fixture *fixture = *state;
    atomic_store(&fixture->silent, true);
    expect_status(health_port(state), "GET", "/health", 503);
    expect_status(health_port(state), "GET", "/ready", 503);
    expect_status(health_port(state), "GET", "/live", 200);
    expect_status(health_port(state), "GET", "/", 200);
    expect_status(metrics_port(state), "GET", "/metrics", 200);
    atomic_store(&fixture->silent, false);
    expect_status(health_port(state), "GET", "/health", 200);
    atomic_store(&fixture->starting, true);
    expect_status(health_port(state), "GET", "/ready", 503);
    expect_status(health_port(state), "GET", "/health", 200);
}

static void the_answers_name_their_types_and_the_page_its_policy(void **state)
{
    char *page = ask(health_port(state), "GET", "/");
    assert_non_null(strstr(page, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(page, "Cache-Control: no-store\r\n"));
    const char *policy = strstr(page, "script-src 'nonce-");
    assert_non_null(policy);
    char tag[64];
    snprintf(tag, sizeof(tag), "<script nonce=\"%.24s\">", policy + strlen("script-src 'nonce-"));
    assert_non_null(strstr(page, tag));
    char *again = ask(health_port(state), "GET", "/");
    assert_null(strstr(again, tag)); /* another nonce each time */
    free(again);
    free(page);
    char *metrics = ask(metrics_port(state), "GET", "/metrics");
    assert_non_null(strstr(metrics, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(metrics, "\nttp_events_committed_total 4105000\n"));
    free(metrics);
}

static void malformed_requests_are_refused_and_harm_nobody(void **state)
{
    static char long_line[200000];
    memset(long_line, 'a', sizeof(long_line));
    memcpy(long_line, "GET /", 5);
    static const struct {
        const char *bytes;
        size_t size;
    } requests[] = {
        {"\r\n\r\n\r\n\r\n", 8},
        {"hello\r\n\r\n", 9},
        {"GET\r\n\r\n", 7},
        {"GET /health\r\n\r\n", 15},
        {"GET /health HTTP/9.9\r\n\r\n", 24},
        {"GET /health HTTP/1.1\r\nno colon\r\n\r\n", 34},
        {"GET /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 44},
        {"GET /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 55},
        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11}, /* a TLS hello */
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24},
        {"\0\0\0\0\0\0\0\0", 8},
        {long_line, sizeof(long_line)},
    };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        int fd = dial(health_port(state));
        say(fd, requests[i].bytes, requests[i].size);
        shutdown(fd, SHUT_WR);
        char answer[1024];
        struct pollfd item = {fd, POLLIN, 0};
        assert_int_equal(poll(&item, 1, PATIENCE_MS), 1);
        ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
        close(fd);
        if (got > 0)
            assert_memory_equal(answer, "HTTP/1.", 7);
        expect_status(health_port(state), "GET", "/health", 200);
    }
}

static void more_slow_clients_than_places_keep_nobody_out(void **state)
{
    enum { SLOW = 3 * STATUS_CONNECTIONS_MAX };
    static const char beginning[] = "GET /health HTTP/1.1\r\nHost: loc";
    int slow[SLOW];
    for (size_t i = 0; i < SLOW; i++) {
        slow[i] = dial(health_port(state));
        say(slow[i], beginning, i % sizeof(beginning));
        if (i % 32 == 31) /* somebody honest comes by */
            expect_status(health_port(state), "GET", "/health", 200);
    }
    for (int turn = 0; turn < 5; turn++) {
        for (size_t i = 0; i < SLOW; i++)
            say(slow[i], "x", 1); /* they go on dripping */
        expect_status(health_port(state), "GET", "/health", 200);
        expect_status(metrics_port(state), "GET", "/metrics", 200);
    }
    for (size_t i = 0; i < SLOW; i++)
        close(slow[i]);
    expect_status(health_port(state), "GET", "/ready", 200);
}

static void clients_that_never_read_keep_nobody_out(void **state)
{
    enum { GREEDY = 100 };
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int greedy[GREEDY];
    for (size_t i = 0; i < GREEDY; i++) {
        greedy[i] = dial(health_port(state));
        int small = 1024;
        setsockopt(greedy[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        for (int n = 0; n < 4; n++)
            say(greedy[i], request, strlen(request));
    }
    expect_status(health_port(state), "GET", "/health", 200);
    for (size_t i = 0; i < GREEDY; i++)
        close(greedy[i]);
}

static void a_request_in_single_bytes_is_answered(void **state)
{
    static const char request[] = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char answer[2048];
    int fd = dial(health_port(state));
    for (size_t i = 0; i < strlen(request); i++)
        say(fd, request + i, 1);
    hear(fd, answer, sizeof(answer));
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
}

static void http_1_0_without_a_host_is_answered(void **state)
{
    static const char request[] = "GET /health HTTP/1.0\r\n\r\n";
    char *answer = ask_raw(health_port(state), request, strlen(request));
    assert_non_null(strstr(answer, " 200 "));
    free(answer);
}

static void a_taken_port_is_named_with_its_remedy(void **state)
{
    struct fixture *fixture = *state;
    struct status_server_options options = options_of(fixture);
    struct error error;
    struct status_server *none;
    char words[64];
    options.health_port = health_port(state);
    assert_int_equal(status_server_start(&none, &options, &error), ERR_CONFLICT);
    snprintf(words, sizeof(words), "health_port %d on 127.0.0.1 is taken", options.health_port);
    assert_non_null(strstr(error.message, words));
    assert_non_null(strstr(error.message, "--health-port "));

    /* The health listener is up by then, and goes again. */
    options.health_port = STATUS_PORT_ANY;
    options.metrics_port = metrics_port(state);
    assert_int_equal(status_server_start(&none, &options, &error), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "metrics_port"));
    assert_non_null(strstr(error.message, "--metrics-port "));
}

static void the_same_number_twice_is_refused(void **state)
{
    struct status_server_options options = options_of(*state);
    struct error error;
    struct status_server *none;
    options.health_port = options.metrics_port = 18099;
    assert_int_equal(status_server_start(&none, &options, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "both 18099"));
}

static void an_address_of_another_machine_is_refused_by_name(void **state)
{
    struct status_server_options options = options_of(*state);
    struct error error;
    struct status_server *none;
    options.bind_address = "192.0.2.7"; /* TEST-NET-1 (RFC 5737) */
    assert_int_equal(status_server_start(&none, &options, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "bind_address"));
    assert_non_null(strstr(error.message, "192.0.2.7"));
}

static void a_port_of_0_is_off(void **state)
{
    struct status_server_options options = options_of(*state);
    options.health_port = STATUS_PORT_OFF;
    struct error error;
    struct status_server *server;
    assert_int_equal(status_server_start(&server, &options, &error), OK);
    assert_int_equal(status_server_health_port(server), 0);
    expect_status(status_server_metrics_port(server), "GET", "/metrics", 200);
    status_server_stop(server);
    options.metrics_port = STATUS_PORT_OFF;
    assert_int_equal(status_server_start(&server, &options, &error), OK);
    assert_int_equal(status_server_metrics_port(server), 0);
    status_server_stop(server);
}

static void ipv6_loopback_can_be_bound(void **state)
{
    struct status_server_options options = options_of(*state);
    struct error error;
    options.bind_address = "::1";
    struct status_server *server;
    enum error_code code = status_server_start(&server, &options, &error);
    if (code == ERR_INVALID)
        skip(); /* a machine without IPv6 */
    assert_int_equal(code, OK);
    assert_true(status_server_health_port(server) != 0);
    status_server_stop(server);
}

static void it_stops_at_once_with_clients_in_mid_sentence(void **state)
{
    struct fixture *fixture = *state;
    int fds[10];
    for (size_t i = 0; i < 10; i++) {
        fds[i] = dial(health_port(state));
        say(fds[i], "GET /hea", 8);
    }
    int64_t before_us = os_monotonic_us();
    status_server_stop(fixture->server);
    fixture->server = NULL;
    assert_true(os_monotonic_us() - before_us < 2000000);
    for (size_t i = 0; i < 10; i++)
        close(fds[i]);
}

static void without_memory_the_answer_is_503_and_the_next_is_well(void **state)
{
    mem_fail_after(1);
    char *answer = ask(health_port(state), "GET", "/health");
    mem_fail_after(0);
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    free(answer);
    expect_status(health_port(state), "GET", "/health", 200);
}

static void expect_raw(uint16_t port, const char *request, const char *begin)
{
    char *answer = ask_raw(port, request, strlen(request));
    if (strncmp(answer, begin, strlen(begin)) != 0 || strstr(answer + 1, "HTTP/1.") != NULL)
        fail_msg("%s was answered: %s", request, answer);
    free(answer);
}

static void a_content_length_that_is_none_gets_one_answer(void **state)
{
    static const char *const lengths[] = {"abc", "-1", "+3", "99999999999999999999999", "", "1 2"};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char request[128];
        snprintf(request, sizeof(request),
                 "GET /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: %s\r\n\r\n", lengths[i]);
        expect_raw(health_port(state), request, "HTTP/1.1 200 ");
        memcpy(request, "PUT", 3);
        expect_raw(health_port(state), request, "HTTP/1.1 405 ");
    }
    expect_raw(health_port(state),
               "GET /live HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
               "HTTP/1.1 200 ");
}

static void a_path_is_taken_as_it_was_sent(void **state)
{
    static const char *const none[] = {"/health%00x", "/health%00", "/%68ealth", "/live%0d%0aa"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        expect_status(health_port(state), "GET", none[i], 404);
    expect_status(health_port(state), "GET", "/live?a=%00", 200);
}

static void on_loopback_a_request_for_another_host_is_refused(void **state)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: rebound.example:8088\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /live HTTP/1.1\r\nHost: localhost\r\nHost: rebound.example\r\n\r\n",
        "GET /live HTTP/1.1\r\nHost: rebound.example\r\nHost: localhost\r\n\r\n"};
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        expect_raw(health_port(state), requests[i], "HTTP/1.1 421 ");
    expect_raw(metrics_port(state), "GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n",
               "HTTP/1.1 421 ");
    expect_raw(health_port(state), "GET /live HTTP/1.1\r\nHost: [::1]:9\r\n\r\n", "HTTP/1.1 200 ");
    expect_raw(health_port(state), "GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
               "HTTP/1.1 200 ");
}

static void on_another_address_any_host_is_served(void **state)
{
    struct fixture *fixture = *state;
    struct status_server_options options = options_of(fixture);
    options.bind_address = "0.0.0.0";
    struct error error;
    struct status_server *server;
    assert_int_equal(status_server_start(&server, &options, &error), OK);
    expect_raw(status_server_health_port(server),
               "GET /live HTTP/1.1\r\nHost: lake.example.org\r\n\r\n", "HTTP/1.1 200 ");
    status_server_stop(server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_path_is_answered_on_its_port_and_no_other),
        TEST(only_get_and_head_are_served),
        TEST(head_has_the_headers_of_get_and_no_body),
        TEST(an_unhealthy_run_answers_503_but_lives),
        TEST(the_answers_name_their_types_and_the_page_its_policy),
        TEST(malformed_requests_are_refused_and_harm_nobody),
        TEST(more_slow_clients_than_places_keep_nobody_out),
        TEST(clients_that_never_read_keep_nobody_out),
        TEST(a_request_in_single_bytes_is_answered),
        TEST(http_1_0_without_a_host_is_answered),
        TEST(a_content_length_that_is_none_gets_one_answer),
        TEST(a_path_is_taken_as_it_was_sent),
        TEST(on_loopback_a_request_for_another_host_is_refused),
        TEST(on_another_address_any_host_is_served),
        TEST(a_taken_port_is_named_with_its_remedy),
        TEST(the_same_number_twice_is_refused),
        TEST(an_address_of_another_machine_is_refused_by_name),
        TEST(a_port_of_0_is_off),
        TEST(ipv6_loopback_can_be_bound),
        TEST(it_stops_at_once_with_clients_in_mid_sentence),
        TEST(without_memory_the_answer_is_503_and_the_next_is_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
