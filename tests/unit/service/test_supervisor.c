// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/supervisor.h"
#include "status/health.h"

#define SECOND INT64_C(1000000)

/* The service manager's end, in Linux' abstract space. */
static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length =
        snprintf(address.sun_path, sizeof(address.sun_path), "@supervisor-test-%d", (int)getpid());
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    unsetenv("WATCHDOG_PID");
    address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path)) + (socklen_t)length),
                     0);
    *state = (void *)(intptr_t)fd;
    return 0;
}

static int tear_down(void **state)
{
    close((int)(intptr_t)*state);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    return 0;
}

/* What the manager heard next, or NULL. Valid until the next call. */
static const char *heard(void **state)
{
    static char words[1024];
    ssize_t length = recv((int)(intptr_t)*state, words, sizeof(words) - 1, 0);
    if (length < 0)
        return NULL;
    words[length] = '\0';
    return words;
}

static struct status_snapshot running(int64_t monotonic_us)
{
    return (struct status_snapshot){.phase = STATUS_RUNNING,
                                    .now_us = 1000 * SECOND,
                                    .now_monotonic_us = monotonic_us,
                                    .stream.current_close_us = 995 * SECOND,
                                    .stream.current_ledger = 77,
                                    .events_per_second = 12,
                                    .sink.rows_committed = 34,
                                    .writer_seen_us = monotonic_us};
}

static void a_run_that_waits_for_the_catalog_is_up(void **state)
{
    struct supervisor supervisor;
    struct status_snapshot snapshot = running(20 * SECOND);
    supervisor_open(&supervisor);
    snapshot.phase = STATUS_STARTING;
    snapshot.sink.catalog_busy_since_us = 5 * SECOND;
    supervisor_turn(&supervisor, &snapshot);
    const char *words = heard(state);
    assert_non_null(words);
    assert_non_null(strstr(words, "READY=1"));
    assert_non_null(strstr(words, "catalog could not be written to"));
    words = heard(state);
    assert_non_null(words);
    assert_non_null(strstr(words, "WATCHDOG=1"));
    supervisor_close(&supervisor);
}

static void ready_is_said_once_the_run_is_in_work(void **state)
{
    struct supervisor supervisor;
    struct status_snapshot snapshot = running(SECOND);
    supervisor_open(&supervisor);
    assert_true(supervisor_is_due(&supervisor, 0));
    snapshot.phase = STATUS_STARTING;
    supervisor_turn(&supervisor, &snapshot);
    assert_null(heard(state));
    snapshot.phase = STATUS_RUNNING;
    supervisor_turn(&supervisor, &snapshot);
    assert_string_equal(heard(state),
                        "READY=1\nSTATUS=ledger 77, 5 s behind, 12 events/s, 34 events committed");
    assert_string_equal(heard(state), "WATCHDOG=1");
    assert_false(supervisor_is_due(&supervisor, 2 * SECOND));
    supervisor_turn(&supervisor, &snapshot);
    assert_null(heard(state));
    supervisor_stopping(&supervisor);
    assert_string_equal(heard(state), "STOPPING=1");
    supervisor_close(&supervisor);
}

static void status_is_renewed_and_names_what_is_wrong(void **state)
{
    struct supervisor supervisor;
    struct status_snapshot snapshot = running(SECOND);
    supervisor_open(&supervisor);
    supervisor_turn(&supervisor, &snapshot);
    while (heard(state))
        ;
    snapshot = running(11 * SECOND);
    snapshot.sink.waiting_for_space = true;
    assert_true(supervisor_is_due(&supervisor, 11 * SECOND));
    supervisor_turn(&supervisor, &snapshot);
    const char *words = heard(state);
    assert_memory_equal(words, "STATUS=unhealthy: The disk is full", 34);
    supervisor_close(&supervisor);
}

static void the_watchdog_is_fed_in_time_unless_the_run_is_dead(void **state)
{
    struct supervisor supervisor;
    unsigned fed = 0;
    supervisor_open(&supervisor);
    for (int second = 1; second <= 60; second++) {
        struct status_snapshot snapshot = running(second * SECOND);
        supervisor_turn(&supervisor, &snapshot);
        for (const char *words; (words = heard(state));)
            fed += strcmp(words, "WATCHDOG=1") == 0;
    }
    assert_int_equal(fed, 6); /* each 10 s of the 30 s allowed */
    struct status_snapshot snapshot = running(2000 * SECOND);
    snapshot.writer_seen_us = 2000 * SECOND - HEALTH_WRITER_DEAD_US - 1;
    supervisor_turn(&supervisor, &snapshot);
    for (const char *words; (words = heard(state));)
        assert_string_not_equal(words, "WATCHDOG=1");
    supervisor_close(&supervisor);
}

static void without_a_manager_nothing_is_due(void **state)
{
    (void)state;
    struct supervisor supervisor;
    unsetenv("NOTIFY_SOCKET");
    supervisor_open(&supervisor);
    assert_false(supervisor_is_due(&supervisor, INT64_MAX));
    supervisor_stopping(&supervisor);
    supervisor_close(&supervisor);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_that_waits_for_the_catalog_is_up),
        TEST(ready_is_said_once_the_run_is_in_work),
        TEST(status_is_renewed_and_names_what_is_wrong),
        TEST(the_watchdog_is_fed_in_time_unless_the_run_is_dead),
        TEST(without_a_manager_nothing_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
