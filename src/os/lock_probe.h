// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_LOCK_PROBE_H
#define TTP_OS_LOCK_PROBE_H

/* Looks whether another process holds a kernel lock (fcntl, of a process or of an open file) on
 * bytes of a file, without taking one. */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct os_lock_holder {
    bool held;
    int64_t pid; /* 0: not known (the lock is an open file's, or of another machine) */
};

/* Any lock, shared or exclusive, that touches [offset, offset + length). A file that is not there
 * is not locked. Must not be called while this process holds locks of its own on the file: closing
 * it again would drop them (fcntl(2)). ERR_IO. */
enum error_code os_lock_probe(const char *path, uint64_t offset, uint64_t length,
                              struct os_lock_holder *holder, struct error *error) MUST_CHECK;

/* Any process but this one that holds a kernel lock on the file, by what the kernel lists
 * (/proc/locks): may be called while this process holds locks on it. */
void os_lock_find_holder(const char *path, struct os_lock_holder *holder);

#endif
