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

#include "os/notify.h"

/* The service manager's end: a datagram socket at a path. */
struct manager {
    int fd;
    char folder[64];
    char path[80];
};

static int bind_socket(const char *path, socklen_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, length);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)offsetof(struct sockaddr_un, sun_path) + length),
                     0);
    return fd;
}

static int set_up(void **state)
{
    struct manager *manager = test_calloc(1, sizeof(*manager));
    strcpy(manager->folder, "/tmp/notify-test-XXXXXX");
    assert_non_null(mkdtemp(manager->folder));
    snprintf(manager->path, sizeof(manager->path), "%s/notify", manager->folder);
    manager->fd = bind_socket(manager->path, (socklen_t)strlen(manager->path));
    setenv("NOTIFY_SOCKET", manager->path, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    *state = manager;
    return 0;
}

static int tear_down(void **state)
{
    struct manager *manager = *state;
    close(manager->fd);
    unlink(manager->path);
    rmdir(manager->folder);
    test_free(manager);
    unsetenv("NOTIFY_SOCKET");
    return 0;
}

static void expect_message(int fd, const char *words)
{
    char message[1024];
    ssize_t length = recv(fd, message, sizeof(message) - 1, MSG_DONTWAIT);
    assert_true(length >= 0);
    message[length] = '\0';
    assert_string_equal(message, words);
}

static void the_manager_hears_each_word_as_the_protocol_writes_it(void **state)
{
    struct manager *manager = *state;
    struct os_notify notify;
    os_notify_open(&notify);
    assert_true(notify.fd >= 0);
    os_notify_ready(&notify, NULL);
    expect_message(manager->fd, "READY=1");
    os_notify_ready(&notify, "ledger 7");
    expect_message(manager->fd, "READY=1\nSTATUS=ledger 7");
    os_notify_watchdog(&notify);
    expect_message(manager->fd, "WATCHDOG=1");
    os_notify_status(&notify, "following");
    expect_message(manager->fd, "STATUS=following");
    os_notify_stopping(&notify);
    expect_message(manager->fd, "STOPPING=1");
    os_notify_close(&notify);
    os_notify_close(&notify);
}

static void a_status_can_t_smuggle_in_another_field_and_is_cut(void **state)
{
    struct manager *manager = *state;
    struct os_notify notify;
    char status[2000];
    os_notify_open(&notify);
    os_notify_status(&notify, "a\nMAINPID=1\r\nb");
    expect_message(manager->fd, "STATUS=a?MAINPID=1??b");
    memset(status, 'x', sizeof(status) - 1);
    status[sizeof(status) - 1] = '\0';
    os_notify_status(&notify, status);
    char message[4096];
    assert_int_equal(recv(manager->fd, message, sizeof(message), MSG_DONTWAIT), 511);
    os_notify_close(&notify);
}

static void an_abstract_socket_is_found_by_its_at_sign(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof(name), "@ttp-notify-test-%d", (int)getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    socklen_t length = (socklen_t)strlen(name);
    name[0] = '\0';
    int fd = bind_socket(name, length);
    struct os_notify notify;
    os_notify_open(&notify);
    os_notify_ready(&notify, NULL);
    expect_message(fd, "READY=1");
    os_notify_close(&notify);
    close(fd);
}

static void without_a_usable_socket_every_word_is_for_nobody(void **state)
{
    (void)state;
    char too_long[300];
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[0] = '/';
    too_long[sizeof(too_long) - 1] = '\0';
    const char *const values[] = {NULL, "", "/", "relative", "/nowhere/at/all", too_long};
    setenv("WATCHDOG_USEC", "1000000", 1);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (values[i])
            setenv("NOTIFY_SOCKET", values[i], 1);
        else
            unsetenv("NOTIFY_SOCKET");
        struct os_notify notify;
        os_notify_open(&notify);
        assert_int_equal(notify.fd, -1);
        assert_int_equal(notify.watchdog_us, 0);
        os_notify_ready(&notify, "words");
        os_notify_watchdog(&notify);
        os_notify_stopping(&notify);
        os_notify_close(&notify);
    }
}

static int64_t watchdog_with(const char *microseconds, const char *pid)
{
    setenv("WATCHDOG_USEC", microseconds, 1);
    if (pid)
        setenv("WATCHDOG_PID", pid, 1);
    else
        unsetenv("WATCHDOG_PID");
    struct os_notify notify;
    os_notify_open(&notify);
    int64_t watchdog_us = notify.watchdog_us;
    os_notify_close(&notify);
    return watchdog_us;
}

static void the_watchdog_counts_only_if_it_is_meant_for_this_process(void **state)
{
    (void)state;
    char own_pid[16];
    snprintf(own_pid, sizeof(own_pid), "%d", (int)getpid());
    assert_int_equal(watchdog_with("30000000", own_pid), 30000000);
    assert_int_equal(watchdog_with("30000000", NULL), 30000000);
    assert_int_equal(watchdog_with("30000000", "1"), 0);
    assert_int_equal(watchdog_with("30000000", "x"), 0);
    assert_int_equal(watchdog_with("soon", own_pid), 0);
    assert_int_equal(watchdog_with("0", own_pid), 0);
    assert_int_equal(watchdog_with("18446744073709551615", own_pid), 0);
}

static void a_full_queue_does_not_hold_up_the_watchdog(void **state)
{
    struct manager *manager = *state;
    struct os_notify notify;
    char message[64];
    int arrived = 0;
    os_notify_open(&notify);
    alarm(60); /* a word that waits for room would wait for ever */
    for (int i = 0; i < 5000; i++)
        os_notify_watchdog(&notify);
    alarm(0);
    while (recv(manager->fd, message, sizeof(message), MSG_DONTWAIT) > 0)
        arrived++;
    assert_in_range(arrived, 1, 4999); /* the queue was full, and what it held is there */
    os_notify_watchdog(&notify);
    expect_message(manager->fd, "WATCHDOG=1");
    os_notify_close(&notify);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_manager_hears_each_word_as_the_protocol_writes_it),
        TEST(a_status_can_t_smuggle_in_another_field_and_is_cut),
        TEST(an_abstract_socket_is_found_by_its_at_sign),
        TEST(without_a_usable_socket_every_word_is_for_nobody),
        TEST(the_watchdog_counts_only_if_it_is_meant_for_this_process),
        TEST(a_full_queue_does_not_hold_up_the_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
