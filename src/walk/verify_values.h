// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_VERIFY_VALUES_H
#define TTP_WALK_VERIFY_VALUES_H

/* The deep half of a walk (walk/walk.h): holds statistics, column index and Bloom filter of one
 * column chunk against every value, page by page. */

#include "parquet/page_index.h"
#include "parquet/reader.h"

/* Where a check is: for messages. */
struct verify_place {
    const struct parquet_source *source;
    const struct parquet_file_metadata *metadata;
    size_t row_group;
    size_t column;
};

/* ERR_CORRUPT with file, row group, column and byte in front of the text. */
enum error_code verify_fail(const struct verify_place *place, uint64_t offset, struct error *error,
                            const char *format, ...) PRINTF_LIKE(4, 5);
/* The same in front of a message that is there. Returns its code. */
enum error_code verify_prefix(const struct verify_place *place, uint64_t offset,
                              enum error_code code, struct error *error);

/* What the values of one chunk are held against, and what was seen of them. */
struct value_check {
    struct verify_place place;
    const struct parquet_column_metadata *column;
    const struct parquet_chunk_metadata *chunk;
    struct column_index index; /* page_count 0: none */
    struct bytes_view filter;  /* empty: none */
    size_t page_number;
    int64_t null_count;
    bool has_values;
    bool found_min, found_max; /* a value that equals the exact bound */
};

/* The next page. ERR_CORRUPT. */
enum error_code value_check_page(struct value_check *check, const struct parquet_page_values *page,
                                 struct error *error) MUST_CHECK;
/* After the last one. ERR_CORRUPT. */
enum error_code value_check_end(const struct value_check *check, struct error *error) MUST_CHECK;

#endif
