// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_OWNERSHIP_H
#define TTP_COMMIT_OWNERSHIP_H

/*
 * That this process is the lake's only writer (docs/commit-protocol.md, invariant 1), and that what
 * the protocol needs works here. With a catalog in a file that is a kernel lock in the lake's
 * folder. Whoever writes to a lake takes it first and gives it back last.
 */

#include "store/lake_lock.h"

struct ownership {
    struct lake_lock lock;
};

void ownership_init(struct ownership *ownership);
/* `will_write`: tries, too, whether commits can be made (store/probe.h). ERR_CONFLICT names who
 * owns the lake; ERR_INVALID: no commit could be safe here. */
enum error_code ownership_take(struct ownership *ownership, const struct store *store,
                               bool will_write, struct error *error) MUST_CHECK;
void ownership_release(struct ownership *ownership); /* idempotent */

#endif
