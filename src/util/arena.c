// SPDX-License-Identifier: Apache-2.0
#include "util/arena.h"

#include <stdint.h>
#include <string.h>

#include "util/memory.h"

#define ARENA_ALIGNMENT           16
#define ARENA_DEFAULT_BLOCK_BYTES (64 * 1024)

struct arena_block {
    struct arena_block *older;
    size_t capacity_bytes;
    size_t used_bytes;
    _Alignas(ARENA_ALIGNMENT) uint8_t data[];
};

void arena_init(struct arena *arena, size_t block_bytes)
{
    *arena =
        (struct arena){.block_bytes = block_bytes == 0 ? ARENA_DEFAULT_BLOCK_BYTES : block_bytes};
}

static void free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;
        mem_free(block);
        block = older;
    }
}

void arena_reset(struct arena *arena)
{
    if (arena->blocks != NULL) {
        free_blocks(arena->blocks->older);
        arena->blocks->older = NULL;
        arena->blocks->used_bytes = 0;
    }
    arena->used_bytes = 0;
}

void arena_release(struct arena *arena)
{
    free_blocks(arena->blocks);
    arena_init(arena, arena->block_bytes);
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX / 2)
        return NULL;
    size_t aligned = (size_bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->capacity_bytes - block->used_bytes < aligned) {
        size_t capacity = aligned > arena->block_bytes ? aligned : arena->block_bytes;
        block = mem_alloc(sizeof *block + capacity);
        if (block == NULL)
            return NULL;
        *block = (struct arena_block){.older = arena->blocks, .capacity_bytes = capacity};
        arena->blocks = block;
    }
    void *memory = block->data + block->used_bytes;
    block->used_bytes += aligned;
    arena->used_bytes += aligned;
    return memory;
}

char *arena_copy_text(struct arena *arena, struct bytes_view text)
{
    char *copy = arena_alloc(arena, text.size_bytes + 1);
    if (copy == NULL)
        return NULL;
    if (text.size_bytes != 0)
        memcpy(copy, text.data, text.size_bytes);
    copy[text.size_bytes] = '\0';
    return copy;
}
