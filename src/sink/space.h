// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_SPACE_H
#define TTP_SINK_SPACE_H

/* Waiting until there is room again (docs/commit-protocol.md, invariant 13), or until another
 * writer lets go of the catalog: one log line when it begins, one when it is over. */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct space {
    bool (*give_up)(void *context); /* NULL: never */
    void *context;
    _Atomic bool waiting_for_space; /* for other threads to read */
    /* So, too: monotonic, since when another program holds the catalog; 0: none does. */
    _Atomic int64_t catalog_busy_since_us;
    bool waiting;     /* for anything */
    bool gave_up;     /* the last wait ended so */
    int64_t since_us; /* monotonic */
};

/* How long one wait takes before the caller tries again. */
#define SPACE_WAIT_US INT64_C(200000)

void space_init(struct space *space);

/* `failure`: what met the full disk (ENOSPC) or the busy catalog. Logs once, pauses, and returns OK
 * to try again; on giving up ERR_IO with the failure's message. */
enum error_code space_wait(struct space *space, const struct error *failure,
                           struct error *error) MUST_CHECK;
/* The operation worked: the wait, if there was one, is over. */
void space_found(struct space *space);

#endif
