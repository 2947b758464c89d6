// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_SIGNAL_H
#define TTP_OS_SIGNAL_H

/*
 * Signals of a service. SIGTERM, SIGINT and SIGHUP (unless it was ignored at the start, as by
 * nohup) ask for a stop. One stop often comes as several signals: a wrapper passes on what the
 * whole group got already, `timeout` signals its child and then the group. So those within
 * OS_SAME_STOP_US of the first are the same stop; a later one ends the process at once, with the
 * exit code that a shell expects (128 + signal). SIGUSR1 makes the log more talkative by one level,
 * SIGUSR2 less. SIGPIPE is ignored. The handlers do only what is safe in a handler; the main thread
 * learns of a signal through a file descriptor that it can poll.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

#define OS_SAME_STOP_US INT64_C(2000000)

/* Sets the handlers; once a process, before threads start. ERR_IO without descriptors. */
enum error_code os_signals_install(struct error *error) MUST_CHECK;

/* Whether a stop was asked for, by a signal or by os_stop_request. Any thread. */
bool os_stop_requested(void);
/* The signal that asked for it, 0 if none did. */
int os_stop_signal(void);
/* As a signal would, from any thread: wakes os_signals_wait. A later signal then ends the process.
 */
void os_stop_request(void);

/* Waits until a signal (or os_stop_request, or os_signals_wake) comes or timeout_us is over (0:
 * just looks), and applies SIGUSR1/2 to the log level. Main thread only. */
void os_signals_wait(int64_t timeout_us);
/* Makes os_signals_wait return. Any thread. */
void os_signals_wake(void);

/* Keeps SIGPIPE from this thread while a library writes to sockets that the other side may have
 * closed, and takes the one that came of it. */
struct os_pipe_hold {
    sigset_t before;
    bool was_pending;
};
void os_pipe_hold_begin(struct os_pipe_hold *hold);
void os_pipe_hold_end(const struct os_pipe_hold *hold);

/* Forgets a stop request: for tests, and between the runs of one command. */
void os_stop_forget(void);

#endif
