// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_READER_H
#define TTP_PARQUET_READER_H

/*
 * Reads the values of one column chunk, page by page. Metadata and source are borrowed and must
 * outlive the reader. One thread at a time; several readers may share a source whose read function
 * allows it.
 *
 *   parquet_column_reader_new(&reader, &error);
 *   parquet_column_reader_open(reader, source, metadata, row_group, column, &error);
 *   while ((code = parquet_column_reader_next(reader, &page, &error)) == OK) …
 *   ERR_NOT_FOUND: all rows were read
 */

#include "parquet/metadata.h"
#include "parquet/page_reader.h"

/* Rows of one page at most: what its levels, ids and views take stays bounded. */
#define PARQUET_MAX_PAGE_ROWS (1u << 22)

struct parquet_page_values {
    int64_t first_row; /* in the row group */
    uint32_t row_count;
    uint32_t value_count;    /* rows that are not null: what `fixed` or `texts` hold */
    const uint8_t *validity; /* a byte a row, 0 where it is null; NULL: there is no null */
    uint32_t width_bytes;
    const uint8_t *fixed;           /* fixed-width values, raw as Parquet stores them */
    const struct bytes_view *texts; /* or BYTE_ARRAY values */
    const uint32_t *ids;            /* or, where they were asked for, indices into the dictionary */
    enum parquet_encoding encoding;
    uint64_t offset;       /* of the page's header, in the file */
    uint32_t stored_bytes; /* with its header */
};

struct parquet_column_reader;
struct decoded_values; /* parquet/decode.h */

enum error_code parquet_column_reader_new(struct parquet_column_reader **out,
                                          struct error *error) MUST_CHECK;
void parquet_column_reader_free(struct parquet_column_reader *reader);

/* Starts a column chunk, reading its dictionary if it has one. ERR_CORRUPT, ERR_INVALID, ERR_LIMIT,
 * ERR_NO_MEMORY, the source's errors. */
enum error_code parquet_column_reader_open(struct parquet_column_reader *reader,
                                           const struct parquet_source *source,
                                           const struct parquet_file_metadata *metadata,
                                           size_t row_group, size_t column,
                                           struct error *error) MUST_CHECK;

/* Pages that end before `row` of the row group are passed over undecoded from now on; the page that
 * has it comes next, unless it was read. */
void parquet_column_reader_seek(struct parquet_column_reader *reader, int64_t row);

/* From now on the values of pages that hold indices come as such (ids), in place of the values. */
void parquet_column_reader_keep_ids(struct parquet_column_reader *reader);
/* The chunk's dictionary, which its first page has read; NULL: there is none. It lives until
 * another chunk is opened. */
const struct decoded_values *
parquet_column_reader_dictionary(const struct parquet_column_reader *reader);

/* The next page that has rows; its values live until the next call. Page CRCs are checked.
 * ERR_NOT_FOUND (without a message) after the last row. */
enum error_code parquet_column_reader_next(struct parquet_column_reader *reader,
                                           struct parquet_page_values *page,
                                           struct error *error) MUST_CHECK;

/* Its two halves, for who looks at every page in between: the pages of the chunk that is open, … */
struct page_reader *parquet_column_reader_pages(struct parquet_column_reader *reader);
/* … and the values of the next of them, whose CRC was checked; `row_count` is 0 where it has none
 * that are wanted. Errors as above. */
enum error_code parquet_column_reader_take(struct parquet_column_reader *reader,
                                           const struct page *page, struct bytes_view body,
                                           struct parquet_page_values *values,
                                           struct error *error) MUST_CHECK;

/* The i-th value that is not null. */
static inline struct bytes_view parquet_page_value(const struct parquet_page_values *page,
                                                   uint32_t i)
{
    if (page->texts != NULL)
        return page->texts[i];
    return bytes_view_of(page->fixed + (size_t)i * page->width_bytes, page->width_bytes);
}

#endif
