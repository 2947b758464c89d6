// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_GRPC_RETRY_H
#define TTP_GRPC_RETRY_H

/*
 * When to try again, and whether (time and randomness are the caller's): exponential backoff with
 * jitter, from `initial_us` by doubling up to `max_us`, each wait drawn from [half, whole] of it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "grpc/status.h"

struct grpc_backoff {
    int64_t initial_us;
    int64_t max_us;
    int64_t next_us; /* whole wait of the next failure */
    uint64_t random; /* state of the jitter */
};

/* initial_us at least 1 ms; max_us at least initial_us: lesser values are raised. */
void grpc_backoff_init(struct grpc_backoff *backoff, int64_t initial_us, int64_t max_us,
                       uint64_t seed);
/* After progress: the next failure waits initial_us again. */
void grpc_backoff_reset(struct grpc_backoff *backoff);
/* How long to wait after one more failure, in microseconds. */
int64_t grpc_backoff_next(struct grpc_backoff *backoff);

/* Can the same call succeed later without anybody changing it? False for UNAUTHENTICATED,
 * PERMISSION_DENIED, UNIMPLEMENTED and INVALID_ARGUMENT. */
bool grpc_code_is_passing(enum grpc_code code);

#endif
