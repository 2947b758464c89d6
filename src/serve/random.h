// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_RANDOM_H
#define TTP_SERVE_RANDOM_H

/*
 * Reproducible randomness of whole numbers (SplitMix64: Steele, Lea, Flood 2014): the same on every
 * machine, with no state but the one given.
 */

#include <stdint.h>

static inline uint64_t random_mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

#define RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15)

/* A number that depends on all three. */
static inline uint64_t random_of(uint64_t seed, uint64_t kind, uint64_t id)
{
    return random_mix(random_mix(seed + kind * RANDOM_STEP) + (id + 1) * RANDOM_STEP);
}

static inline uint64_t random_next(uint64_t *state)
{
    *state += RANDOM_STEP;
    return random_mix(*state);
}

/* 0 to bound - 1; bound at least 1. */
static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

/* Heavy-tailed rank: each doubling of rank from 2^low up to 2^high is as likely as the others, so
 * that rank r comes with a probability near 1/r (Zipf). From 2^low to 2^high - 1. */
static inline uint32_t random_rank(uint64_t *state, unsigned low, unsigned high)
{
    uint64_t bits = random_next(state);
    unsigned octave = low + (unsigned)((bits >> 32) * (high - low) >> 32);
    return (UINT32_C(1) << octave) | ((uint32_t)bits & ((UINT32_C(1) << octave) - 1));
}

#endif
