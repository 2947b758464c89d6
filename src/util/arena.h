// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_ARENA_H
#define TTP_UTIL_ARENA_H

/*
 * Memory of a batch: handed out in order, freed all at once. Pointers stay valid until reset or
 * release. Not thread-safe.
 */

#include <stddef.h>

#include "util/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t block_bytes;         /* size of a new block */
    size_t used_bytes;          /* handed out since the last reset */
};

/* block_bytes: size of the blocks it asks the heap for; 0 = 64 KiB. */
void arena_init(struct arena *arena, size_t block_bytes);
void arena_reset(struct arena *arena); /* empty; keeps the newest block */
void arena_release(struct arena *arena);

/* size_bytes aligned to 16; NULL when the heap has no more. */
void *arena_alloc(struct arena *arena, size_t size_bytes);

/* A copy, with a NUL behind it that does not count; NULL when the heap has no more. */
char *arena_copy_text(struct arena *arena, struct bytes_view text);

#endif
