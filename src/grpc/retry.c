// SPDX-License-Identifier: Apache-2.0
#include "grpc/retry.h"

#define MIN_INITIAL_US 1000

void grpc_backoff_init(struct grpc_backoff *backoff, int64_t initial_us, int64_t max_us,
                       uint64_t seed)
{
    backoff->initial_us = initial_us > MIN_INITIAL_US ? initial_us : MIN_INITIAL_US;
    backoff->max_us = max_us > backoff->initial_us ? max_us : backoff->initial_us;
    backoff->next_us = backoff->initial_us;
    backoff->random = seed;
}

void grpc_backoff_reset(struct grpc_backoff *backoff)
{
    backoff->next_us = backoff->initial_us;
}

/* splitmix64 (Steele, Lea, Flood 2014): enough to keep clients apart. */
static uint64_t draw(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

int64_t grpc_backoff_next(struct grpc_backoff *backoff)
{
    int64_t whole_us = backoff->next_us;
    int64_t half_us = whole_us / 2;
    backoff->next_us = whole_us > backoff->max_us / 2 ? backoff->max_us : whole_us * 2;
    return whole_us - (int64_t)(draw(&backoff->random) % (uint64_t)(half_us + 1));
}

bool grpc_code_is_passing(enum grpc_code code)
{
    return code != GRPC_UNAUTHENTICATED && code != GRPC_PERMISSION_DENIED &&
           code != GRPC_UNIMPLEMENTED && code != GRPC_INVALID_ARGUMENT;
}
