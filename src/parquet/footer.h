// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_FOOTER_H
#define TTP_PARQUET_FOOTER_H

/* Writes what stands behind the column chunks: column and offset index (PageIndex.md) and the file
 * metadata (parquet.thrift). */

#include "parquet/column.h"

struct row_group_meta {
    int64_t row_count;
    uint64_t file_offset;
    bool *is_sorted;           /* per column: it is marked sorted, and it is */
    struct chunk_meta *chunks; /* per column */
};

struct footer_input {
    const struct column_writer *columns;
    size_t column_count;
    struct row_group_meta *row_groups;
    size_t row_group_count;
    enum parquet_codec codec;
    const char *created_by;
    const struct parquet_key_value *metadata;
    size_t metadata_count;
};

/* Appends every column index and offset index and notes where they are; `file_bytes` is where `out`
 * ends in the file. ERR_NO_MEMORY. */
enum error_code footer_write_page_index(const struct footer_input *input, uint64_t file_bytes,
                                        struct buffer *out) MUST_CHECK;

/* Appends the FileMetaData. ERR_NO_MEMORY. */
enum error_code footer_write_metadata(const struct footer_input *input,
                                      struct buffer *out) MUST_CHECK;

#endif
