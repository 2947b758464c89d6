// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_SQLITE_ARENA_H
#define TTP_FUZZ_SQLITE_ARENA_H

/*
 * Memory for SQLite that costs next to nothing, since opening a catalog takes thousands of small
 * pieces: they lie side by side, and all of them are free again at the next reset.
 */

/* Before SQLite's first use. */
void sqlite_arena_install(void);

/* Between two inputs. What SQLite still holds stays as it is. */
void sqlite_arena_reset(void);

#endif
