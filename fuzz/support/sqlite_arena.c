// SPDX-License-Identifier: Apache-2.0
#include "support/sqlite_arena.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)64 << 20)

/* In front of each piece. */
struct head {
    _Alignas(max_align_t) size_t size_bytes;
};

static _Alignas(max_align_t) uint8_t arena[ARENA_BYTES];
static size_t used_bytes;
static size_t floor_bytes; /* below it lies what SQLite keeps from its beginning on */
static size_t live_count;  /* above it */

static struct head *head_of(void *piece)
{
    return (struct head *)piece - 1;
}

static int is_ours(const void *piece)
{
    return (uintptr_t)piece >= (uintptr_t)arena &&
           (uintptr_t)piece < (uintptr_t)arena + ARENA_BYTES;
}

static int round_up(int size_bytes)
{
    return (int)(((size_t)size_bytes + sizeof(struct head) - 1) & ~(sizeof(struct head) - 1));
}

static void *take(int size_bytes)
{
    size_t wanted = (size_t)round_up(size_bytes) + sizeof(struct head);
    struct head *head;
    if (wanted <= ARENA_BYTES - used_bytes) {
        head = (struct head *)(void *)(arena + used_bytes);
        used_bytes += wanted;
        live_count++;
    } else {
        head = malloc(wanted);
        if (head == NULL)
            return NULL;
    }
    head->size_bytes = (size_t)size_bytes;
    return head + 1;
}

static void give(void *piece)
{
    if (!is_ours(piece)) {
        free(head_of(piece));
        return;
    }
    if ((uint8_t *)piece < arena + floor_bytes)
        return;
    assert(live_count > 0);
    live_count--;
}

static int size_of(void *piece)
{
    return piece == NULL ? 0 : (int)head_of(piece)->size_bytes;
}

static void *change(void *piece, int size_bytes)
{
    void *other = take(size_bytes);
    if (other == NULL)
        return NULL;
    size_t kept = (size_t)size_of(piece);
    memcpy(other, piece, kept < (size_t)size_bytes ? kept : (size_t)size_bytes);
    give(piece);
    return other;
}

static int begin(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void end(void *context)
{
    (void)context;
}

void sqlite_arena_install(void)
{
    static const sqlite3_mem_methods methods = {.xMalloc = take,
                                                .xFree = give,
                                                .xRealloc = change,
                                                .xSize = size_of,
                                                .xRoundup = round_up,
                                                .xInit = begin,
                                                .xShutdown = end};
    int result = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    if (result == SQLITE_OK)
        result = sqlite3_initialize();
    assert(result == SQLITE_OK);
    floor_bytes = used_bytes;
    live_count = 0;
}

void sqlite_arena_reset(void)
{
    if (live_count == 0)
        used_bytes = floor_bytes;
}
