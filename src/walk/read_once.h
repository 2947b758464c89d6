// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_READ_ONCE_H
#define TTP_WALK_READ_ONCE_H

/*
 * A file whose bytes are read once: what must be known before its turn (the footer, the indexes, a
 * row group's Bloom filters) is kept until the pages in front of it were read. The checksum of the
 * whole file is made of the bytes as they pass. What is kept is bounded; bytes beyond that are read
 * a second time. One thread at a time.
 */

#include "parquet/source.h"

struct read_once;

/* `file` is borrowed. */
enum error_code read_once_new(struct read_once **out, const struct parquet_source *file,
                              bool with_checksum, struct error *error) MUST_CHECK;
void read_once_free(struct read_once *once);

/* Pages, which are read in the order of the file. */
const struct parquet_source *read_once_in_order(struct read_once *once);
/* What stands between and behind them, in any order. */
const struct parquet_source *read_once_aside(struct read_once *once);

/* Keeps the end of the file, from `offset` on at least. Nothing happens where that is too much to
 * be kept. ERR_NO_MEMORY, the source's errors. */
enum error_code read_once_keep_end(struct read_once *once, uint64_t offset,
                                   struct error *error) MUST_CHECK;
/* Keeps what stands behind a row group; it replaces what stood behind the one before. */
enum error_code read_once_keep_gap(struct read_once *once, uint64_t offset, uint64_t end,
                                   struct error *error) MUST_CHECK;

/* XXH64 (seed 0) of the whole file; reads what did not pass yet. Once. */
enum error_code read_once_checksum(struct read_once *once, uint64_t *checksum,
                                   struct error *error) MUST_CHECK;

#endif
