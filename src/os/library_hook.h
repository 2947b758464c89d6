// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_LIBRARY_HOOK_H
#define TTP_OS_LIBRARY_HOOK_H

/*
 * File operations that a library (SQLite) does on our behalf don't go through os_calls, whose
 * callers are ours. Its adapter reports each one here, before and after, so that tests can fail,
 * shorten or stop the N-th of them as well. Set before threads start and never while they run.
 */

#include <stddef.h>
#include <stdint.h>

enum os_library_operation {
    OS_LIBRARY_OPEN,
    OS_LIBRARY_WRITE,
    OS_LIBRARY_SYNC,
    OS_LIBRARY_TRUNCATE,
    OS_LIBRARY_DELETE
};

struct os_library_call {
    enum os_library_operation operation;
    const char *path;
    uint64_t offset;   /* WRITE: where; TRUNCATE: the new size */
    const void *data;  /* WRITE */
    size_t size_bytes; /* WRITE */
};

struct os_library_hook {
    void *context;
    /* 0: go on. Else an errno: the operation fails with it, after its first *done_bytes bytes (0 at
     * the call) were written where it is a write, otherwise without being done. */
    int (*before)(void *context, const struct os_library_call *call, size_t *done_bytes);
    void (*after)(void *context, const struct os_library_call *call); /* it was done */
};

/* NULL (the default): nobody listens. */
const struct os_library_hook *os_library_hook_get(void);
void os_library_hook_set(const struct os_library_hook *hook);

#endif
