// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_STORED_ROWS_H
#define TTP_WALK_STORED_ROWS_H

/* Rows read back from a data file of ours. One thread at a time. */

#include "parquet/reader.h"
#include "rows/row.h"
#include "util/arena.h"

/* Appends the page's values, `width_bytes` each, raw. ERR_CORRUPT if they are of another width or
 * there are NULLs among them. */
enum error_code stored_column_append(const struct parquet_source *source, const char *column,
                                     const struct parquet_page_values *page, uint32_t width_bytes,
                                     struct buffer *values, struct error *error) MUST_CHECK;

/* Sets the value of one column in a row; a text is copied into `arena`. */
enum error_code stored_row_set(struct row_view *row, const struct row_column *column,
                               struct bytes_view value, struct arena *arena,
                               struct error *error) MUST_CHECK;

/* Reads a row group's rows in blocks, ascending, in the memory of a page a column. Source and
 * metadata are borrowed while it is open. */
struct stored_rows_reader;
enum error_code stored_rows_reader_new(struct stored_rows_reader **out,
                                       struct error *error) MUST_CHECK;
void stored_rows_reader_free(struct stored_rows_reader *reader);
enum error_code stored_rows_reader_open(struct stored_rows_reader *reader,
                                        const struct parquet_source *source,
                                        const struct parquet_file_metadata *metadata,
                                        size_t row_group, struct error *error) MUST_CHECK;
/* Rows [first_row, first_row + row_count), as they were before they were columns; columns that the
 * file lacks stay empty. first_row is not below the end of the block before. */
enum error_code stored_rows_reader_read(struct stored_rows_reader *reader, int64_t first_row,
                                        size_t row_count, struct arena *arena,
                                        struct row_view *rows, struct error *error) MUST_CHECK;

#endif
