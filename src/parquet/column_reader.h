// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_COLUMN_READER_H
#define TTP_PARQUET_COLUMN_READER_H

/* The two halves of parquet_column_reader_next, for who looks at every page in between. */

#include "parquet/page_reader.h"
#include "parquet/reader.h"

/* The pages of the chunk that is open. */
struct page_reader *column_reader_pages(struct parquet_column_reader *reader);

/* Takes the next of them, whose CRC was checked. Its values live until the next call; `row_count`
 * is 0 where it has none that are wanted. Errors as those of parquet_column_reader_next. */
enum error_code column_reader_take(struct parquet_column_reader *reader, const struct page *page,
                                   struct bytes_view body, struct parquet_page_values *values,
                                   struct error *error) MUST_CHECK;

#endif
