// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_SQLITE_MEMORY_H
#define TTP_DATABASE_SQLITE_MEMORY_H

/* SQLite's heap (sqlite.org/c3ref/mem_methods.html) is util/memory.h: its allocations are counted
 * and can be failed like ours. */

/* To be called once, before anything else of SQLite's: after its first use by others of the process
 * it keeps the heap it has, which is no error. */
void sqlite_memory_use_ours(void);

#endif
