// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_PAGE_INDEX_H
#define TTP_PARQUET_PAGE_INDEX_H

/* Reads what stands between the column chunks and the footer: column index, offset index
 * (PageIndex.md) and Bloom filters (BloomFilter.md). */

#include "parquet/metadata.h"
#include "util/arena.h"

struct column_index_page {
    bool is_null_page; /* all values are null, and there are no bounds */
    struct bytes_view min_value, max_value;
    int64_t null_count; /* -1: not given */
};

struct column_index {
    size_t page_count;
    struct column_index_page *pages;
    enum parquet_boundary_order order;
};

struct offset_index_page {
    uint64_t offset;     /* of the header, in the file */
    uint32_t size_bytes; /* with it */
    int64_t first_row;
};

struct offset_index {
    size_t page_count;
    struct offset_index_page *pages;
};

/* Each reads the chunk's index (which must have one) into `arena`. ERR_CORRUPT, ERR_NO_MEMORY, the
 * source's errors. */
enum error_code column_index_read(const struct parquet_source *source,
                                  const struct parquet_chunk_metadata *chunk, struct arena *arena,
                                  struct column_index *index, struct error *error) MUST_CHECK;
enum error_code offset_index_read(const struct parquet_source *source,
                                  const struct parquet_chunk_metadata *chunk, struct arena *arena,
                                  struct offset_index *index, struct error *error) MUST_CHECK;

/* Reads the chunk's Bloom filter (it must have one); *filter points into `arena`. ERR_INVALID where
 * it is of a kind that is not in the specification of 2026. */
enum error_code bloom_filter_read(const struct parquet_source *source,
                                  const struct parquet_file_metadata *metadata,
                                  const struct parquet_chunk_metadata *chunk, struct arena *arena,
                                  struct bytes_view *filter, struct error *error) MUST_CHECK;

#endif
