// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "os/signal.h"
#include "os/thread.h"

static void a_signal_asks_for_a_stop_and_wakes_the_wait(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(os_signals_install(&error), OK);
    assert_false(os_stop_requested());
    raise(SIGTERM);
    int64_t before_us = os_monotonic_us();
    os_signals_wait(10000000);
    assert_true(os_monotonic_us() - before_us < 5000000);
    assert_true(os_stop_requested());
    assert_int_equal(os_stop_signal(), SIGTERM);
    os_stop_forget();
    assert_false(os_stop_requested());
}

/* As a program that leaves SIGPIPE as it is, and writes to who does not read any more. */
static void write_to_a_closed_pipe_while_it_is_held(void)
{
    struct os_pipe_hold hold;
    int ends[2];
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    os_pipe_hold_begin(&hold);
    if (write(ends[1], "x", 1) >= 0)
        _exit(1);
    os_pipe_hold_end(&hold);
    sigset_t pending;
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE) != 0)
        _exit(2);
    (void)!write(ends[1], "x", 1); /* held no longer: this ends the process */
}

static int64_t clock_us = INT64_C(5000000);

static int64_t moved_clock(void)
{
    return clock_us;
}

static const struct os_clock fake_clock = {moved_clock, moved_clock};

/* How a child ended that did `body`. */
static int child_status(void (*body)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        os_clock_set(&fake_clock);
        body();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_library_can_write_to_a_closed_pipe_while_the_signal_is_held(void **state)
{
    (void)state;
    int status = child_status(write_to_a_closed_pipe_while_it_is_held);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

static void send_one_stop_as_several_signals(void)
{
    raise(SIGTERM);
    raise(SIGTERM); /* the whole group got it, too */
    clock_us += OS_SAME_STOP_US;
    raise(SIGINT);
    raise(SIGHUP);
    _exit(os_stop_signal() == SIGTERM ? 77 : 1);
}

static void signals_soon_after_the_first_are_the_same_stop(void **state)
{
    (void)state;
    int status = child_status(send_one_stop_as_several_signals);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 77);
}

static void send_a_later_signal(void)
{
    raise(SIGINT);
    clock_us += OS_SAME_STOP_US + 1;
    raise(SIGTERM);
}

static void a_later_signal_ends_the_process_at_once(void **state)
{
    (void)state;
    int status = child_status(send_a_later_signal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
}

static void hang_up(void)
{
    raise(SIGHUP);
    _exit(os_stop_requested() && os_stop_signal() == SIGHUP ? 77 : 1);
}

static void a_hang_up_stops_as_sigterm_does(void **state)
{
    (void)state;
    int status = child_status(hang_up);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 77);
}

static void hang_up_under_nohup(void)
{
    signal(SIGHUP, SIG_IGN);
    if (os_signals_install(NULL) != OK)
        _exit(2);
    raise(SIGHUP);
    _exit(os_stop_requested() ? 1 : 77);
}

static void a_hang_up_that_was_ignored_at_the_start_stays_ignored(void **state)
{
    (void)state;
    int status = child_status(hang_up_under_nohup);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 77);
}

static void two_signals_change_the_log_level_and_stop_at_the_ends(void **state)
{
    (void)state;
    log_configure(LOG_WARN, LOG_FORMAT_JSON);
    raise(SIGUSR1);
    os_signals_wait(0);
    assert_int_equal(log_get_level(), LOG_INFO);
    for (int i = 0; i < 5; i++)
        raise(SIGUSR1);
    os_signals_wait(0);
    assert_int_equal(log_get_level(), LOG_DEBUG);
    for (int i = 0; i < 9; i++)
        raise(SIGUSR2);
    os_signals_wait(0);
    assert_int_equal(log_get_level(), LOG_ERROR);
}

static void *request_stop(void *context)
{
    (void)context;
    os_stop_request();
    return NULL;
}

static void a_thread_can_ask_for_a_stop_too(void **state)
{
    (void)state;
    struct os_thread thread = {.running = false};
    assert_int_equal(os_thread_start(&thread, "stopper", request_stop, NULL, NULL), OK);
    while (!os_stop_requested())
        os_signals_wait(1000000);
    os_thread_join(&thread);
    os_thread_join(&thread); /* twice does no harm */
    assert_int_equal(os_stop_signal(), 0);
    os_stop_forget();
}

static void a_wait_on_a_condition_ends_with_its_deadline(void **state)
{
    (void)state;
    struct os_mutex mutex;
    struct os_condition condition;
    assert_int_equal(os_mutex_init(&mutex, NULL), OK);
    assert_int_equal(os_condition_init(&condition, NULL), OK);
    int64_t deadline_us = os_monotonic_us() + 30000;
    os_mutex_lock(&mutex);
    while (os_condition_wait_until(&condition, &mutex, deadline_us)) {
        /* woken without cause */
    }
    assert_true(os_monotonic_us() >= deadline_us);
    assert_false(os_condition_wait_until(&condition, &mutex, -5)); /* long over */
    os_mutex_unlock(&mutex);
    os_condition_release(&condition);
    os_mutex_release(&mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_asks_for_a_stop_and_wakes_the_wait),
        cmocka_unit_test(a_library_can_write_to_a_closed_pipe_while_the_signal_is_held),
        cmocka_unit_test(signals_soon_after_the_first_are_the_same_stop),
        cmocka_unit_test(a_later_signal_ends_the_process_at_once),
        cmocka_unit_test(a_hang_up_stops_as_sigterm_does),
        cmocka_unit_test(a_hang_up_that_was_ignored_at_the_start_stays_ignored),
        cmocka_unit_test(two_signals_change_the_log_level_and_stop_at_the_ends),
        cmocka_unit_test(a_thread_can_ask_for_a_stop_too),
        cmocka_unit_test(a_wait_on_a_condition_ends_with_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
