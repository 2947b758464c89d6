// SPDX-License-Identifier: Apache-2.0
#include "os/signal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"

/* Touched by handlers: lock-free atomics and a descriptor that never changes while they are set. */
static atomic_bool stop_requested;
static atomic_int stop_signal;
static _Atomic int64_t
    first_signal_us;           /* monotonic, of the first that asked for the stop; 0 none */
static atomic_int level_steps; /* SIGUSR1 -1, SIGUSR2 +1; taken by os_signals_wait */
static int wake_fd = -1;

void os_signals_wake(void)
{
    const uint64_t one = 1;
    if (wake_fd >= 0 && write(wake_fd, &one, sizeof one) < 0) {
        /* EAGAIN: the counter is full, so the reader is awake anyway. */
    }
}

static void on_stop(int number)
{
    int saved_errno = errno;
    int64_t now_us = os_monotonic_us();
    int64_t first_us = 0;
    if (atomic_compare_exchange_strong(&first_signal_us, &first_us, now_us)) {
        atomic_store(&stop_signal, number);
    } else if (now_us - first_us > OS_SAME_STOP_US) {
        _exit(128 + number);
    }
    atomic_store(&stop_requested, true);
    os_signals_wake();
    errno = saved_errno;
}

static void on_level(int number)
{
    int saved_errno = errno;
    atomic_fetch_add(&level_steps, number == SIGUSR1 ? -1 : 1);
    os_signals_wake();
    errno = saved_errno;
}

static enum error_code set_handler(int number, void (*handler)(int), struct error *error)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, NULL) != 0)
        return error_set_errno(error, errno, "can't set the handler of signal %d", number);
    return OK;
}

/* A signal that was ignored at the start stays so: that is how nohup keeps SIGHUP away. */
static enum error_code set_handler_unless_ignored(int number, void (*handler)(int),
                                                  struct error *error)
{
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
        return OK;
    return set_handler(number, handler, error);
}

enum error_code os_signals_install(struct error *error)
{
    if (wake_fd < 0) {
        wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wake_fd < 0)
            return error_set_errno(error, errno, "can't make an event descriptor");
    }
    enum error_code code = set_handler(SIGTERM, on_stop, error);
    if (code == OK)
        code = set_handler(SIGINT, on_stop, error);
    if (code == OK)
        code = set_handler_unless_ignored(SIGHUP, on_stop, error);
    if (code == OK)
        code = set_handler(SIGUSR1, on_level, error);
    if (code == OK)
        code = set_handler(SIGUSR2, on_level, error);
    if (code == OK)
        code = set_handler(SIGPIPE, SIG_IGN, error);
    return code;
}

bool os_stop_requested(void)
{
    return atomic_load_explicit(&stop_requested, memory_order_acquire);
}

int os_stop_signal(void)
{
    return atomic_load(&stop_signal);
}

void os_stop_request(void)
{
    atomic_store(&stop_requested, true);
    os_signals_wake();
}

void os_stop_forget(void)
{
    atomic_store(&stop_requested, false);
    atomic_store(&stop_signal, 0);
    atomic_store(&first_signal_us, 0);
}

static void apply_level_steps(void)
{
    int steps = atomic_exchange(&level_steps, 0);
    if (steps == 0)
        return;
    int level = (int)log_get_level() + steps;
    level = level < LOG_DEBUG ? LOG_DEBUG : level > LOG_ERROR ? LOG_ERROR : level;
    static const char *const names[] = {"debug", "info", "warn", "error"};
    log_set_level(LOG_INFO);
    log_event(LOG_INFO, "app", "log level changed by a signal", LOG_T("log_level", names[level]));
    log_set_level((enum log_level)level);
}

void os_signals_wait(int64_t timeout_us)
{
    struct pollfd poll_fd = {.fd = wake_fd, .events = POLLIN};
    int64_t timeout_ms = timeout_us <= 0 ? 0 : (timeout_us + 999) / 1000;
    if (timeout_ms > 60000)
        timeout_ms = 60000; /* poll takes an int; the caller looks at its clock anyway */
    if (poll(&poll_fd, 1, (int)timeout_ms) > 0) {
        uint64_t count;
        if (read(wake_fd, &count, sizeof count) < 0) {
            /* Another reader was faster: there is none, and nothing is lost. */
        }
    }
    apply_level_steps();
}

void os_pipe_hold_begin(struct os_pipe_hold *hold)
{
    sigset_t pipe_signal, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigemptyset(&pending);
    (void)sigpending(&pending);
    hold->was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &hold->before);
}

void os_pipe_hold_end(const struct os_pipe_hold *hold)
{
    const struct timespec at_once = {0};
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    if (!hold->was_pending) {
        while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR) {
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &hold->before, NULL);
}
