// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_CATALOG_DAMAGE_H
#define TTP_FUZZ_CATALOG_DAMAGE_H

/*
 * Damages to a catalog: bytes of the file that are written over, or values, rows and tables that
 * SQL changes (SQLite then finds nothing wrong with the file).
 */

#include <stdbool.h>

#include "support/input.h"
#include "util/buffer.h"

/* Remembers the columns of the tables of the catalog at `path`: of those that have rows, or of all.
 * NOT NULL is taken out of it, since another's need not have it. */
void catalog_damage_prepare(const char *path, bool with_empty_tables);

/* Damages `bytes`, a prepared catalog: bytes first, then by SQL, if the first bit of the input says
 * so and SQLite can still read it, and if memory_vfs is switched to memory. `path` is its name
 * there. */
void catalog_damage(struct fuzz_input *input, const char *path, struct buffer *bytes);

#endif
