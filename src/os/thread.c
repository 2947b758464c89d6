// SPDX-License-Identifier: Apache-2.0
#include "os/thread.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* A pthread call that fails only where we misuse it. */
static void must_succeed(int result)
{
    assert(result == 0);
    (void)result;
}

static enum error_code set_start_error(struct error *error, int result, const char *what)
{
    if (result == ENOMEM)
        return error_no_memory(error, what);
    return error_set(error, ERR_RETRY, "can't make %s: %s; raise the limit on processes", what,
                     strerror(result));
}

enum error_code os_thread_start(struct os_thread *thread, const char *name,
                                void *(*body)(void *context), void *context, struct error *error)
{
    assert(!thread->running);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    must_succeed(pthread_sigmask(SIG_SETMASK, &all, &before));
    int result = pthread_create(&thread->handle, NULL, body, context);
    must_succeed(pthread_sigmask(SIG_SETMASK, &before, NULL));
    if (result != 0)
        return set_start_error(error, result, "a thread");
    thread->running = true;
    pthread_setname_np(thread->handle, name); /* a name too long only stays unset */
    return OK;
}

void os_thread_join(struct os_thread *thread)
{
    if (!thread->running)
        return;
    must_succeed(pthread_join(thread->handle, NULL));
    thread->running = false;
}

enum error_code os_mutex_init(struct os_mutex *mutex, struct error *error)
{
    int result = pthread_mutex_init(&mutex->handle, NULL);
    return result == 0 ? OK : set_start_error(error, result, "a mutex");
}

void os_mutex_release(struct os_mutex *mutex)
{
    must_succeed(pthread_mutex_destroy(&mutex->handle));
}

void os_mutex_lock(struct os_mutex *mutex)
{
    must_succeed(pthread_mutex_lock(&mutex->handle));
}

void os_mutex_unlock(struct os_mutex *mutex)
{
    must_succeed(pthread_mutex_unlock(&mutex->handle));
}

enum error_code os_condition_init(struct os_condition *condition, struct error *error)
{
    pthread_condattr_t attributes;
    int result = pthread_condattr_init(&attributes);
    if (result != 0)
        return set_start_error(error, result, "a condition variable");
    must_succeed(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    result = pthread_cond_init(&condition->handle, &attributes);
    pthread_condattr_destroy(&attributes);
    return result == 0 ? OK : set_start_error(error, result, "a condition variable");
}

void os_condition_release(struct os_condition *condition)
{
    must_succeed(pthread_cond_destroy(&condition->handle));
}

void os_condition_wait(struct os_condition *condition, struct os_mutex *mutex)
{
    must_succeed(pthread_cond_wait(&condition->handle, &mutex->handle));
}

bool os_condition_wait_until(struct os_condition *condition, struct os_mutex *mutex,
                             int64_t deadline_us)
{
    if (deadline_us == INT64_MAX) {
        os_condition_wait(condition, mutex);
        return true;
    }
    if (deadline_us < 0)
        deadline_us = 0;
    const struct timespec deadline = {.tv_sec = deadline_us / 1000000,
                                      .tv_nsec = deadline_us % 1000000 * 1000};
    int result = pthread_cond_timedwait(&condition->handle, &mutex->handle, &deadline);
    assert(result == 0 || result == ETIMEDOUT);
    return result == 0;
}

void os_condition_signal(struct os_condition *condition)
{
    must_succeed(pthread_cond_signal(&condition->handle));
}

void os_condition_broadcast(struct os_condition *condition)
{
    must_succeed(pthread_cond_broadcast(&condition->handle));
}
