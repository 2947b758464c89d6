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

static void a_second_signal_ends_the_process_at_once(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        raise(SIGINT);
        raise(SIGTERM);
        _exit(0); /* not reached */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
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
        cmocka_unit_test(a_second_signal_ends_the_process_at_once),
        cmocka_unit_test(two_signals_change_the_log_level_and_stop_at_the_ends),
        cmocka_unit_test(a_thread_can_ask_for_a_stop_too),
        cmocka_unit_test(a_wait_on_a_condition_ends_with_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
