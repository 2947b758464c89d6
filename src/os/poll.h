// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_POLL_H
#define TTP_OS_POLL_H

/* Waiting for sockets and for a wake-up from another thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* An eventfd. os_wake_raise may be called from any thread and from a signal handler. */
struct os_wake {
    int fd; /* -1 when released */
};

enum error_code os_wake_init(struct os_wake *wake, struct error *error) MUST_CHECK;
void os_wake_release(struct os_wake *wake);
void os_wake_raise(const struct os_wake *wake);
/* Takes all raises so far; true if there was one. */
bool os_wake_clear(const struct os_wake *wake);

struct os_poll_item {
    int fd; /* -1: skipped */
    bool want_read;
    bool want_write;
    bool can_read;  /* out; also on an error or hang-up: reading tells which */
    bool can_write; /* out; also on an error */
};

/* Waits until an item is ready, timeout_us have passed (negative: for ever; rounded up to whole
 * milliseconds) or a signal came. Returns how many items are ready. */
unsigned os_poll(struct os_poll_item *items, size_t count, int64_t timeout_us);

#endif
