// SPDX-License-Identifier: Apache-2.0
// rooms: parquet
// parsers: parquet/page_header.c parquet/page_reader.c parquet/reader.c parquet/codec.c
// without: page_header_write codec_compress compress_* codec_compression parquet_codec_*
// without: codec_pool_* worst_case codec_context_*
/*
 * Any bytes as the pages of a column chunk. In front of them: the column's type and width, flags
 * (bit 0 nullable, bit 1 a dictionary comes first), the codec, the count of values.
 */

#include <assert.h>
#include <stdlib.h>

#include "parquet/page_reader.h"
#include "parquet/reader.h"
#include "support/input.h"
#include "support/parquet_column.h"
#include "support/parquet_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch_page(const struct parquet_page_values *page)
{
    assert(page->value_count <= page->row_count);
    for (uint32_t i = 0; i < page->value_count; i++)
        fuzz_touch(parquet_page_value(page, i));
    if (page->validity != NULL)
        fuzz_touch(bytes_view_of(page->validity, page->row_count));
}

static void read_values(const struct parquet_source *source,
                        const struct parquet_file_metadata *metadata)
{
    static struct parquet_column_reader
        *reader; /* kept: what is left of one input meets the next */
    struct parquet_page_values page;
    struct error error;
    if (reader == NULL && parquet_column_reader_new(&reader, &error) != OK)
        abort();
    error_clear(&error);
    int64_t rows = 0;
    enum error_code code = parquet_column_reader_open(reader, source, metadata, 0, 0, &error);
    while (code == OK && (code = parquet_column_reader_next(reader, &page, &error)) == OK) {
        assert(page.first_row == rows);
        touch_page(&page);
        rows += page.row_count;
    }
    assert(rows <= metadata->row_groups[0].row_count);
    assert(code != ERR_NOT_FOUND || rows == metadata->row_groups[0].row_count);
    assert(code == ERR_NOT_FOUND || error.message[0] != '\0');
}

static void walk_pages(const struct parquet_source *source,
                       const struct parquet_chunk_metadata *chunk)
{
    struct page_reader reader;
    struct page page;
    struct error error;
    page_reader_init(&reader, source);
    page_reader_open(&reader, chunk);
    while (!page_reader_at_end(&reader) && page_reader_next(&reader, &page, NULL, &error) == OK)
        assert(page.offset + page.header_bytes <= source->size_bytes);
    page_reader_release(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t type = fuzz_input_u8(&input);
    uint8_t width = fuzz_input_u8(&input);
    uint8_t flags = fuzz_input_u8(&input);
    struct parquet_column_metadata column = fuzz_parquet_column(type, width, (flags & 1) != 0);
    struct parquet_chunk_metadata chunk = {.codec = fuzz_input_u8(&input) % 9,
                                           .has_dictionary_page = (flags & 2) != 0,
                                           .value_count = fuzz_input_u16(&input),
                                           .statistics = {.null_count = -1}};
    struct bytes_view bytes = fuzz_input_bytes(&input, input.size_bytes);
    chunk.compressed_bytes = chunk.uncompressed_bytes = bytes.size_bytes;
    struct parquet_row_group_metadata group = {.row_count = chunk.value_count, .chunks = &chunk};
    struct parquet_file_metadata metadata = {.row_count = chunk.value_count,
                                             .footer_offset = bytes.size_bytes,
                                             .created_by = "",
                                             .column_count = 1,
                                             .columns = &column,
                                             .row_group_count = 1,
                                             .row_groups = &group};
    struct parquet_source source = parquet_source_of_bytes(&bytes, "input");
    read_values(&source, &metadata);
    walk_pages(&source, &chunk);
    return 0;
}
