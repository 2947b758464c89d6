// SPDX-License-Identifier: Apache-2.0
#include "store/obstacle.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/identity.h"
#include "os/log.h"

void obstacle_init(struct obstacle *obstacle)
{
    *obstacle = (struct obstacle){0};
}

static void note_since(_Atomic int64_t *since_us, bool is_waited_for)
{
    bool was = atomic_load_explicit(since_us, memory_order_relaxed) != 0;
    if (is_waited_for != was)
        atomic_store_explicit(since_us, is_waited_for ? os_monotonic_us() : 0,
                              memory_order_relaxed);
}

static enum obstacle_kind wait_of(const struct error *failure)
{
    if (failure->system_errno == EBUSY || failure->system_errno == ECONNABORTED)
        return OBSTACLE_CATALOG;
    if (failure->system_errno == EHOSTUNREACH)
        return OBSTACLE_STORE;
    return os_is_refusal(failure->system_errno) ? OBSTACLE_REFUSAL : OBSTACLE_SPACE;
}

static void log_wait(const struct obstacle *obstacle, enum obstacle_kind wait, const char *reason)
{
    if (wait == OBSTACLE_CATALOG)
        log_event(
            LOG_WARN, "sink",
            "the catalog can't be written to: another program is writing to it, or its database "
            "server is away; waiting until it can",
            LOG_T("reason", reason));
    else if (wait == OBSTACLE_STORE)
        log_event(LOG_WARN, "sink",
                  "the object store does not answer; waiting until it does, nothing is lost",
                  LOG_T("reason", reason));
    else if (wait == OBSTACLE_REFUSAL)
        log_event(LOG_ERROR, "sink",
                  "the file system refuses to publish a commit; it is kept in staging and tried "
                  "again, nothing is lost",
                  LOG_T("reason", reason));
    else if (obstacle->root != NULL && os_lacks_inodes(obstacle->root))
        log_event(LOG_ERROR, "sink",
                  "the file system has no inodes left; waiting until there are, nothing is lost",
                  LOG_T("reason", reason));
    else
        log_event(LOG_ERROR, "sink",
                  "the disk is full; waiting until there is room, nothing is lost",
                  LOG_T("reason", reason));
}

/* What is waited for, for other threads to read. */
static void show_wait(struct obstacle *obstacle, bool is_on, enum obstacle_kind wait)
{
    atomic_store_explicit(&obstacle->waiting_for_space, is_on && wait == OBSTACLE_SPACE,
                          memory_order_relaxed);
    atomic_store_explicit(&obstacle->refused, is_on && wait == OBSTACLE_REFUSAL,
                          memory_order_relaxed);
    note_since(&obstacle->catalog_busy_since_us, is_on && wait == OBSTACLE_CATALOG);
    note_since(&obstacle->store_away_since_us, is_on && wait == OBSTACLE_STORE);
}

/* The next wait begins anew. */
static enum error_code end_busy_wait(struct obstacle *obstacle, const struct error *failure,
                                     struct error *error)
{
    char reason[ERROR_MESSAGE_BYTES]; /* `error` may be `failure` */
    memcpy(reason, failure->message, sizeof reason);
    obstacle->waiting = false;
    show_wait(obstacle, false, OBSTACLE_SPACE);
    return error_set(error, ERR_IO,
                     "another program has held the catalog for a day: %.900s; find and end it (a "
                     "DuckDB or sqlite3 with an open transaction)",
                     reason);
}

enum error_code obstacle_wait(struct obstacle *obstacle, const struct error *failure,
                              struct error *error)
{
    enum obstacle_kind wait = wait_of(failure);
    if (obstacle == NULL) {
        if (error != NULL && error != failure)
            *error = *failure;
        return failure->code;
    }
    obstacle->gave_up = false;
    if (!obstacle->waiting) {
        obstacle->waiting = true;
        obstacle->since_us = os_monotonic_us();
        log_wait(obstacle, wait, failure->message);
    }
    show_wait(obstacle, true, wait);
    int64_t busy_since_us =
        atomic_load_explicit(&obstacle->catalog_busy_since_us, memory_order_relaxed);
    if (wait == OBSTACLE_CATALOG && os_monotonic_us() - busy_since_us >= OBSTACLE_BUSY_LIMIT_US)
        return end_busy_wait(obstacle, failure, error);
    if (obstacle->give_up != NULL && obstacle->give_up(obstacle->context, wait)) {
        obstacle->gave_up = true;
        char reason[ERROR_MESSAGE_BYTES]; /* `error` may be `failure` */
        memcpy(reason, failure->message, sizeof reason);
        if (wait == OBSTACLE_REFUSAL)
            return error_set(error, ERR_CONFLICT, "%.900s", reason);
        return error_set(error, ERR_IO, "%.900s; gave up waiting since this process is to stop",
                         reason);
    }
    os_sleep_us(OBSTACLE_WAIT_US);
    return OK;
}

void obstacle_gone(struct obstacle *obstacle)
{
    if (obstacle == NULL || !obstacle->waiting)
        return;
    obstacle->waiting = false;
    show_wait(obstacle, false, OBSTACLE_SPACE);
    log_event(LOG_INFO, "sink", "the wait is over, writing goes on",
              LOG_D("waited_seconds", (double)(os_monotonic_us() - obstacle->since_us) / 1e6));
}

/* The step finds done what a COMMIT whose answer was lost did. */
static bool may_begin_anew(enum error_code code, const struct error *failure)
{
    return (code == ERR_RETRY && failure->system_errno == EBUSY) ||
           (code == ERR_IO && failure->system_errno == ECONNABORTED);
}

enum error_code obstacle_wait_for_catalog(struct obstacle *obstacle, obstacle_step *step,
                                          void *context, struct error *error)
{
    for (;;) {
        struct error failure;
        error_clear(&failure);
        enum error_code code = step(context, &failure);
        if (code == OK) {
            obstacle_gone(obstacle);
            return OK;
        }
        if (!may_begin_anew(code, &failure)) {
            if (error != NULL)
                *error = failure;
            return code;
        }
        code = obstacle_wait(obstacle, &failure, error);
        if (code != OK)
            return code;
    }
}
