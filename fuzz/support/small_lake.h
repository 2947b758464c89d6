// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_SMALL_LAKE_H
#define TTP_FUZZ_SMALL_LAKE_H

/* A small lake that has one of everything: two partitions, dead letters, ledgers without events, a
 * hole, a seam finding, a commit that was taken out. For targets that link the room sink. */

#include <stdint.h>

#include "util/error.h"

/* Makes it in `folder`, which must exist; aborts if it can't. */
void small_lake_make(const char *folder);

/* Opens the lake, whatever it is, as `run` does, and commits these ledgers. Waits for nothing. */
enum error_code small_lake_add(const char *folder, uint32_t first, uint32_t last,
                               struct error *error) MUST_CHECK;

/* As small_lake_add, by a process that dies on the way (docs/commit-protocol.md). */
enum small_lake_end {
    SMALL_LAKE_INTENDED, /* the intent is there, and no file has its final name */
    SMALL_LAKE_PLACED,   /* all files have them, and the catalog does not know it */
    SMALL_LAKE_COMMITTED /* the catalog knows it, and the intent is still there */
};
void small_lake_interrupt(const char *folder, uint32_t first, uint32_t last,
                          enum small_lake_end end);

#endif
