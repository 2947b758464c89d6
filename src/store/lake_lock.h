// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_LAKE_LOCK_H
#define TTP_STORE_LAKE_LOCK_H

/* One writer per lake (docs/commit-protocol.md, invariant 1). The kernel lets go of the lock when
 * the process ends, however it ends; the file's text (pid, host) only informs. */

#include "store/store.h"

struct lake_lock {
    struct os_file file;
};

void lake_lock_init(struct lake_lock *lock);
/* The lake's folder _lake exists. ERR_CONFLICT names who holds it. */
enum error_code lake_lock_take(struct lake_lock *lock, const struct store *store,
                               struct error *error) MUST_CHECK;
/* The same by a file elsewhere, whose folder exists. */
enum error_code lake_lock_take_at(struct lake_lock *lock, const char *path,
                                  struct error *error) MUST_CHECK;
void lake_lock_release(struct lake_lock *lock); /* idempotent */

#endif
