// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_CATALOG_JOURNAL_H
#define TTP_FUZZ_CATALOG_JOURNAL_H

/*
 * Side files of an SQLite database that SQLite takes for its own (fileformat.html, sections 3 and
 * 4): their checksums are right.
 */

#include <stdint.h>

#include "util/buffer.h"

/* A write-ahead log with the pages by which `after` differs from `before`. `flags`: 1 without the
 * frame that commits, 2 with a page number far out, 4 cut in the last frame. */
void catalog_journal_make_wal(struct bytes_view before, struct bytes_view after, uint8_t flags,
                              struct buffer *out);

/* A rollback journal that brings those pages. `super`: the super-journal that it names, or "". */
void catalog_journal_make_rollback(struct bytes_view before, struct bytes_view after,
                                   const char *super, struct buffer *out);

#endif
