// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_RECENT_TABLE_H
#define TTP_PARQUET_RECENT_TABLE_H

/*
 * From fixed-size binaries of more than 16 bytes to ids, the newest values only: transaction hashes
 * come again within their ledger or never, so the table can stay in the nearest caches. Sets of a
 * few slots; a new value takes the place of the oldest of its set. A value that comes again after
 * that gets a second id, which only costs room.
 */

#include <stddef.h>

#include "parquet/hashing.h"

#define RECENT_SLOTS 16384u
#define RECENT_WAYS  4u
#define RECENT_NONE  UINT32_MAX

/* A slot: the hash, and the id + 1 (an empty slot is 0). */
static inline uint64_t *recent_set(uint64_t *slots, uint32_t hash)
{
    return slots + (hash & (RECENT_SLOTS - RECENT_WAYS));
}

/* The id of a value among `body`'s, each of width_bytes, or RECENT_NONE. Inlined with a constant
 * width. */
static inline __attribute__((always_inline)) uint32_t
recent_find(const uint64_t *set, const uint8_t *body, const uint8_t *value, uint32_t width_bytes,
            uint32_t hash)
{
    for (uint32_t way = 0; way < RECENT_WAYS; way++) {
        uint32_t id = (uint32_t)set[way] - 1;
        if ((uint32_t)(set[way] >> 32) == hash && set[way] != 0 &&
            memcmp(body + (size_t)id * width_bytes, value, width_bytes) == 0)
            return id;
    }
    return RECENT_NONE;
}

static inline void recent_put(uint64_t *set, uint32_t hash, uint32_t id)
{
    uint64_t *oldest = set;
    for (uint32_t way = 1; way < RECENT_WAYS; way++)
        if ((uint32_t)set[way] < (uint32_t)*oldest)
            oldest = set + way;
    *oldest = (uint64_t)hash << 32 | (id + 1);
}

#endif
