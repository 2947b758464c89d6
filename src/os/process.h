// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_PROCESS_H
#define TTP_OS_PROCESS_H

/* What a program asks of its process: cores, terminal, path, the heap's manners. */

#include <stdbool.h>
#include <stddef.h>

/* Processors this process may use (its affinity counts), at least 1. */
unsigned os_core_count(void);

/* Whether a standard stream (0, 1, 2) is a terminal; columns gets its width (80 if unknown). */
bool os_is_terminal(int fd, unsigned *columns);

/* The path of the running program into out; false if it is not known. */
bool os_program_path(char *out, size_t out_bytes);

/* Keeps the heap small: few arenas, and freed memory of big blocks goes back to the kernel, since
 * column buffers are freed on other threads than those that made them. Before threads start. */
void os_heap_tune(void);

#endif
