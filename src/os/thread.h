// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_THREAD_H
#define TTP_OS_THREAD_H

/*
 * Threads, mutexes and condition variables: pthreads, with deadlines on the monotonic clock of the
 * kernel (not the replaceable one of os/clock.h) and with misuse asserted. Signals are blocked in
 * every thread made here, so that they reach the main thread.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct os_thread {
    pthread_t handle;
    bool running; /* started and not joined */
};

struct os_mutex {
    pthread_mutex_t handle;
};

struct os_condition {
    pthread_cond_t handle;
};

/* Starts `body(context)`; `name` (at most 15 characters) shows in ps and top. ERR_RETRY where the
 * system has no more threads. */
enum error_code os_thread_start(struct os_thread *thread, const char *name,
                                void *(*body)(void *context), void *context,
                                struct error *error) MUST_CHECK;
/* Waits for its end; does nothing where none runs. */
void os_thread_join(struct os_thread *thread);

/* ERR_NO_MEMORY or ERR_RETRY where the system has no resources left. */
enum error_code os_mutex_init(struct os_mutex *mutex, struct error *error) MUST_CHECK;
void os_mutex_release(struct os_mutex *mutex);
void os_mutex_lock(struct os_mutex *mutex);
void os_mutex_unlock(struct os_mutex *mutex);

enum error_code os_condition_init(struct os_condition *condition, struct error *error) MUST_CHECK;
void os_condition_release(struct os_condition *condition);
void os_condition_wait(struct os_condition *condition, struct os_mutex *mutex);
/* Waits until woken or until the kernel's monotonic clock shows deadline_us (INT64_MAX: for ever);
 * false once the deadline is over. May wake without cause, as condition variables do. */
bool os_condition_wait_until(struct os_condition *condition, struct os_mutex *mutex,
                             int64_t deadline_us);
void os_condition_signal(struct os_condition *condition);
void os_condition_broadcast(struct os_condition *condition);

#endif
