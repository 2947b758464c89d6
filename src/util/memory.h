// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_MEMORY_H
#define TTP_UTIL_MEMORY_H

/*
 * The one door to the heap: every allocation of ours goes through here, and those of the libraries
 * that let themselves be asked to (nghttp2, jansson, SQLite), so that tests can fail the N-th one
 * and see that none is left over. Thread-safe.
 */

#include <stddef.h>
#include <stdint.h>

/* malloc, calloc, realloc, free. NULL on failure; a size of 0 is taken as 1. */
void *mem_alloc(size_t size_bytes) __attribute__((malloc));
void *mem_alloc_zero(size_t count, size_t size_bytes) __attribute__((malloc));
void *mem_realloc(void *pointer, size_t size_bytes);
void mem_free(void *pointer);

/* A copy of a text (with its end) or of bytes; NULL on failure. */
char *mem_copy_text(const char *text);
void *mem_copy(const void *bytes, size_t size_bytes);

/* How many bytes there are at a pointer that one of the above gave: at least those asked for. For
 * libraries that want to be told. */
size_t mem_size_bytes(void *pointer);

/* How many allocations are in use. */
uint64_t mem_live_count(void);

/* Test hooks: fail the allocation number `countdown` from now (1 is the next) and all after it, or
 * that one alone, until called again; 0 never fails (the default). */
void mem_fail_after(uint64_t countdown);
void mem_fail_once(uint64_t countdown);

/* How many allocations were asked for since the hook was armed (pass UINT64_MAX / 2 to count
 * without failing): the length of a failure sweep. */
uint64_t mem_allocation_count(void);

#endif
