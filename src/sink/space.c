// SPDX-License-Identifier: Apache-2.0
#include "sink/space.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "os/clock.h"
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

enum error_code space_wait(struct space *space, const struct error *failure, struct error *error)
{
    bool is_busy = failure->system_errno == EBUSY;
    space->gave_up = false;
    if (!space->waiting) {
        space->waiting = true;
        space->since_us = os_monotonic_us();
        if (is_busy)
            log_event(LOG_WARN, "sink",
                      "another program is writing to the catalog; waiting until it is done",
                      LOG_T("reason", failure->message));
        else
            log_event(LOG_ERROR, "sink",
                      "the disk is full; waiting until there is room, nothing is lost",
                      LOG_T("reason", failure->message));
    }
    atomic_store_explicit(&space->waiting_for_space, !is_busy, memory_order_relaxed);
    note_busy(space, is_busy);
    if (space->give_up != NULL && space->give_up(space->context)) {
        space->gave_up = true;
        char reason[ERROR_MESSAGE_BYTES]; /* `error` may be `failure` */
        memcpy(reason, failure->message, sizeof reason);
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
    atomic_store_explicit(&space->waiting_for_space, false, memory_order_relaxed);
    note_busy(space, false);
    log_event(LOG_INFO, "sink", "the wait is over, writing goes on",
              LOG_D("waited_seconds", (double)(os_monotonic_us() - space->since_us) / 1e6));
}
