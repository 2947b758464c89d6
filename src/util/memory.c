// SPDX-License-Identifier: Apache-2.0
#include "util/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* From this size on the system is asked for pages of 2 MiB: hash tables and dictionaries are looked
 * into at random, and small pages then cost as much as the memory itself. */
#define LARGE_BYTES     ((size_t)4 << 20)
#define HUGE_PAGE_BYTES ((uintptr_t)2 << 20)

/* Relaxed counters: they order nothing, they only count. `armed` keeps the common path to one load.
 */
static _Atomic bool armed;
static _Atomic int64_t remaining;
static _Atomic uint64_t allocation_count;

void mem_fail_after(uint64_t countdown)
{
    atomic_store(&remaining, (int64_t)countdown);
    atomic_store(&allocation_count, 0);
    atomic_store(&armed, countdown != 0);
}

uint64_t mem_allocation_count(void)
{
    return atomic_load(&allocation_count);
}

static bool must_fail(void)
{
    if (!atomic_load_explicit(&armed, memory_order_relaxed))
        return false;
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    return atomic_fetch_sub_explicit(&remaining, 1, memory_order_relaxed) <= 1;
}

/* Only a wish, for the whole huge pages within: where the system has none to give, nothing is lost.
 */
static void *prefer_huge_pages(void *memory, size_t size_bytes)
{
    if (memory == NULL || size_bytes < LARGE_BYTES)
        return memory;
    uintptr_t first = ((uintptr_t)memory + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
    uintptr_t end = ((uintptr_t)memory + size_bytes) & ~(HUGE_PAGE_BYTES - 1);
    if (first < end)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
    return memory;
}

void *mem_alloc(size_t size_bytes)
{
    if (must_fail())
        return NULL;
    return prefer_huge_pages(malloc(size_bytes == 0 ? 1 : size_bytes), size_bytes);
}

void *mem_alloc_zero(size_t count, size_t size_bytes)
{
    if (must_fail())
        return NULL;
    if (count == 0 || size_bytes == 0)
        count = size_bytes = 1;
    return prefer_huge_pages(calloc(count, size_bytes), count * size_bytes);
}

void *mem_realloc(void *pointer, size_t size_bytes)
{
    if (must_fail())
        return NULL;
    return prefer_huge_pages(realloc(pointer, size_bytes == 0 ? 1 : size_bytes), size_bytes);
}

void mem_free(void *pointer)
{
    free(pointer);
}

char *mem_copy_text(const char *text)
{
    return mem_copy(text, strlen(text) + 1);
}

void *mem_copy(const void *bytes, size_t size_bytes)
{
    void *copy = mem_alloc(size_bytes);
    if (copy != NULL && size_bytes != 0)
        memcpy(copy, bytes, size_bytes);
    return copy;
}
