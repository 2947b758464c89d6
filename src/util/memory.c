// SPDX-License-Identifier: Apache-2.0
#include "util/memory.h"

#include <malloc.h>
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
static _Atomic uint64_t live_count;
static _Atomic bool armed;
static _Atomic bool only_one;
static _Atomic int64_t remaining;
static _Atomic uint64_t allocation_count;

static void arm(uint64_t countdown, bool once)
{
    atomic_store(&only_one, once);
    atomic_store(&remaining, (int64_t)countdown);
    atomic_store(&allocation_count, 0);
    atomic_store(&armed, countdown != 0);
}

void mem_fail_after(uint64_t countdown)
{
    arm(countdown, false);
}

void mem_fail_once(uint64_t countdown)
{
    arm(countdown, true);
}

uint64_t mem_allocation_count(void)
{
    return atomic_load(&allocation_count);
}

uint64_t mem_live_count(void)
{
    return atomic_load_explicit(&live_count, memory_order_relaxed);
}

static bool must_fail(void)
{
    if (!atomic_load_explicit(&armed, memory_order_relaxed))
        return false;
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    int64_t left = atomic_fetch_sub_explicit(&remaining, 1, memory_order_relaxed);
    return atomic_load_explicit(&only_one, memory_order_relaxed) ? left == 1 : left <= 1;
}

static void *counted(void *pointer)
{
    if (pointer != NULL)
        atomic_fetch_add_explicit(&live_count, 1, memory_order_relaxed);
    return pointer;
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
    void *memory = must_fail() ? NULL : malloc(size_bytes == 0 ? 1 : size_bytes);
    return counted(prefer_huge_pages(memory, size_bytes));
}

void *mem_alloc_zero(size_t count, size_t size_bytes)
{
    if (count == 0 || size_bytes == 0)
        count = size_bytes = 1;
    void *memory = must_fail() ? NULL : calloc(count, size_bytes);
    return counted(prefer_huge_pages(memory, count * size_bytes));
}

void *mem_realloc(void *pointer, size_t size_bytes)
{
    if (pointer == NULL)
        return mem_alloc(size_bytes);
    void *memory = must_fail() ? NULL : realloc(pointer, size_bytes == 0 ? 1 : size_bytes);
    return prefer_huge_pages(memory, size_bytes);
}

void mem_free(void *pointer)
{
    if (pointer != NULL)
        atomic_fetch_sub_explicit(&live_count, 1, memory_order_relaxed);
    free(pointer);
}

size_t mem_size_bytes(void *pointer)
{
    return malloc_usable_size(pointer);
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
