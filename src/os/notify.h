// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_NOTIFY_H
#define TTP_OS_NOTIFY_H

/*
 * systemd's notification protocol (sd_notify(3), sd_watchdog_enabled(3)): lines in one datagram to
 * the AF_UNIX socket that $NOTIFY_SOCKET names. Without the variable every call does nothing, so
 * that it may be called wherever the process runs. Thread-safe after os_notify_open.
 */

#include <stdint.h>

#include "util/error.h"

struct os_notify {
    int fd;              /* -1: nobody listens */
    int64_t watchdog_us; /* $WATCHDOG_USEC if it is meant for this process, else 0 */
};

/* Reads the environment and opens the socket; never fails: what can't be used is off. */
void os_notify_open(struct os_notify *notify);
void os_notify_close(struct os_notify *notify);

/* The service is up; `status` (may be NULL) is a line for `systemctl status`. */
void os_notify_ready(const struct os_notify *notify, const char *status);
void os_notify_stopping(const struct os_notify *notify);
/* "I am alive": call it at least every watchdog_us / 2 while that is not 0. */
void os_notify_watchdog(const struct os_notify *notify);
void os_notify_status(const struct os_notify *notify, const char *status);

#endif
