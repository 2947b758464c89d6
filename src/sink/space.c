// SPDX-License-Identifier: Apache-2.0
#include "sink/space.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/identity.h"
#include "os/log.h"

void space_init(struct space *space)
{
    *space = (struct space){0};
}

static void note_busy(struct space *space, bool is_busy)
{
    bool was_busy = atomic_load_explicit(&space->catalog_busy_since_us, memory_order_relaxed) != 0;
    if (is_busy != was_busy)
        atomic_store_explicit(&space->catalog_busy_since_us, is_busy ? os_monotonic_us() : 0,
                              memory_order_relaxed);
}

static enum sink_wait wait_of(const struct error *failure)
{
    if (failure->system_errno == EBUSY)
        return SINK_WAIT_CATALOG;
    return os_is_refusal(failure->system_errno) ? SINK_WAIT_REFUSAL : SINK_WAIT_SPACE;
}

static void log_wait(const struct space *space, enum sink_wait wait, const char *reason)
{
    if (wait == SINK_WAIT_CATALOG)
        log_event(LOG_WARN, "sink",
                  "another program is writing to the catalog; waiting until it is done",
                  LOG_T("reason", reason));
    else if (wait == SINK_WAIT_REFUSAL)
        log_event(LOG_ERROR, "sink",
                  "the file system refuses to publish a commit; it is kept in staging and tried "
                  "again, nothing is lost",
                  LOG_T("reason", reason));
    else if (space->root != NULL && os_lacks_inodes(space->root))
        log_event(LOG_ERROR, "sink",
                  "the file system has no inodes left; waiting until there are, nothing is lost",
                  LOG_T("reason", reason));
    else
        log_event(LOG_ERROR, "sink",
                  "the disk is full; waiting until there is room, nothing is lost",
                  LOG_T("reason", reason));
}

/* What is waited for, for other threads to read. */
static void tell_others(struct space *space, bool for_space, bool for_catalog, bool for_refusal)
{
    atomic_store_explicit(&space->waiting_for_space, for_space, memory_order_relaxed);
    atomic_store_explicit(&space->refused, for_refusal, memory_order_relaxed);
    note_busy(space, for_catalog);
}

/* The next wait begins anew. */
static enum error_code end_busy_wait(struct space *space, const struct error *failure,
                                     struct error *error)
{
    char reason[ERROR_MESSAGE_BYTES]; /* `error` may be `failure` */
    memcpy(reason, failure->message, sizeof reason);
    space->waiting = false;
    tell_others(space, false, false, false);
    return error_set(error, ERR_IO,
                     "another program has held the catalog for a day: %.900s; find and end it (a "
                     "DuckDB or sqlite3 with an open transaction)",
                     reason);
}

enum error_code space_wait(struct space *space, const struct error *failure, struct error *error)
{
    enum sink_wait wait = wait_of(failure);
    space->gave_up = false;
    if (!space->waiting) {
        space->waiting = true;
        space->since_us = os_monotonic_us();
        log_wait(space, wait, failure->message);
    }
    tell_others(space, wait == SINK_WAIT_SPACE, wait == SINK_WAIT_CATALOG,
                wait == SINK_WAIT_REFUSAL);
    int64_t busy_since_us =
        atomic_load_explicit(&space->catalog_busy_since_us, memory_order_relaxed);
    if (wait == SINK_WAIT_CATALOG && os_monotonic_us() - busy_since_us >= SPACE_BUSY_LIMIT_US)
        return end_busy_wait(space, failure, error);
    if (space->give_up != NULL && space->give_up(space->context, wait)) {
        space->gave_up = true;
        char reason[ERROR_MESSAGE_BYTES]; /* `error` may be `failure` */
        memcpy(reason, failure->message, sizeof reason);
        if (wait == SINK_WAIT_REFUSAL)
            return error_set(error, ERR_CONFLICT, "%.900s", reason);
        return error_set(error, ERR_IO, "%.900s; gave up waiting since this process is to stop",
                         reason);
    }
    os_sleep_us(SPACE_WAIT_US);
    return OK;
}

void space_found(struct space *space)
{
    if (!space->waiting)
        return;
    space->waiting = false;
    tell_others(space, false, false, false);
    log_event(LOG_INFO, "sink", "the wait is over, writing goes on",
              LOG_D("waited_seconds", (double)(os_monotonic_us() - space->since_us) / 1e6));
}
