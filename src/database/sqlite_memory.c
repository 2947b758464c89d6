// SPDX-License-Identifier: Apache-2.0
#include "database/sqlite_memory.h"

#include <sqlite3.h>

#include "util/memory.h"

static void *allocate(int size_bytes)
{
    return mem_alloc((size_t)size_bytes);
}

static void *reallocate(void *pointer, int size_bytes)
{
    return mem_realloc(pointer, (size_t)size_bytes);
}

static int size_of(void *pointer)
{
    return (int)mem_size_bytes(pointer);
}

/* SQLite asks for multiples of eight only. */
static int round_up(int size_bytes)
{
    return (size_bytes + 7) & ~7;
}

static int start(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void stop(void *context)
{
    (void)context;
}

void sqlite_memory_use_ours(void)
{
    static const sqlite3_mem_methods methods = {.xMalloc = allocate,
                                                .xFree = mem_free,
                                                .xRealloc = reallocate,
                                                .xSize = size_of,
                                                .xRoundup = round_up,
                                                .xInit = start,
                                                .xShutdown = stop};
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}
