// SPDX-License-Identifier: Apache-2.0
#include "parquet/reader.h"

#include "parquet/codec.h"
#include "parquet/decode.h"
#include "util/memory.h"

struct parquet_column_reader {
    struct codec_context *codecs;
    struct page_reader pages;
    struct decode_scratch scratch;
    struct buffer page;     /* decompressed */
    struct buffer validity; /* a byte a row */

    const struct parquet_source *source;
    const struct parquet_column_metadata *column;
    const struct parquet_chunk_metadata *chunk;
    size_t row_group_index;
    int64_t next_row;
    int64_t wanted_row; /* pages before it are passed over */
    bool keeps_ids;
    bool has_dictionary;
    struct decoded_values dictionary;
    struct buffer dictionary_page;
    struct decode_scratch dictionary_scratch;
};

enum error_code parquet_column_reader_new(struct parquet_column_reader **out, struct error *error)
{
    *out = mem_alloc_zero(1, sizeof **out);
    if (*out != NULL && codec_context_new(&(*out)->codecs) == OK)
        return OK;
    mem_free(*out);
    *out = NULL;
    return error_no_memory(error, "a column reader");
}

void parquet_column_reader_free(struct parquet_column_reader *reader)
{
    if (reader == NULL)
        return;
    codec_context_free(reader->codecs);
    page_reader_release(&reader->pages);
    decode_scratch_release(&reader->scratch);
    decode_scratch_release(&reader->dictionary_scratch);
    buffer_release(&reader->page);
    buffer_release(&reader->validity);
    buffer_release(&reader->dictionary_page);
    mem_free(reader);
}

/* Puts where it happened in front of what happened. */
static enum error_code in_page(const struct parquet_column_reader *reader, const struct page *page,
                               enum error_code code, struct error *error)
{
    if (code == ERR_NO_MEMORY)
        return code;
    return error_prefix(
        error, code, "%s: row group %zu, column %s, page at byte %llu: ", reader->source->name,
        reader->row_group_index, reader->column->name, (unsigned long long)page->offset);
}

/* Decompresses a page's part behind `skip` bytes, which are not compressed (V2's levels). */
static enum error_code decompress(struct parquet_column_reader *reader, const struct page *page,
                                  struct bytes_view body, size_t skip, struct buffer *into,
                                  struct bytes_view *out, struct error *error)
{
    bool is_compressed = reader->chunk->codec != PARQUET_UNCOMPRESSED &&
                         (page->header.type != PARQUET_DATA_PAGE_V2 || page->header.is_compressed);
    if (!is_compressed) {
        *out = bytes_view_of(body.data + skip, body.size_bytes - skip);
        if (body.size_bytes != (size_t)page->header.uncompressed_bytes)
            return error_set(error, ERR_CORRUPT, "a page is not as large as its header says");
        return OK;
    }
    size_t size = (size_t)page->header.uncompressed_bytes;
    if (size < skip)
        return error_set(error, ERR_CORRUPT, "a page is smaller than its levels");
    size -= skip;
    buffer_reset(into);
    if (buffer_reserve(into, size + 1) != OK)
        return error_no_memory(error, "a page");
    into->size_bytes = size;
    *out = buffer_view(into);
    if (size == 0 && body.size_bytes == skip)
        return OK; /* V2 pages without values */
    return codec_decompress(reader->codecs, reader->chunk->codec,
                            bytes_view_of(body.data + skip, body.size_bytes - skip), into->data,
                            size, error);
}

static enum error_code read_dictionary(struct parquet_column_reader *reader,
                                       const struct page *page, struct bytes_view body,
                                       struct error *error)
{
    struct bytes_view bytes;
    if (reader->has_dictionary || reader->next_row != 0)
        return error_set(error, ERR_CORRUPT, "a second dictionary, or one behind data");
    if (page->header.encoding != PARQUET_PLAIN && page->header.encoding != PARQUET_PLAIN_DICTIONARY)
        return error_set(error, ERR_INVALID, "a dictionary encoded as %s is not read",
                         parquet_encoding_name(page->header.encoding));
    enum error_code code =
        decompress(reader, page, body, 0, &reader->dictionary_page, &bytes, error);
    if (code != OK)
        return code;
    if (bytes.data == body.data) { /* not compressed: the window will move on, the dictionary not */
        buffer_reset(&reader->dictionary_page);
        if (buffer_append(&reader->dictionary_page, bytes.data, bytes.size_bytes) != OK)
            return error_no_memory(error, "a dictionary");
        bytes = buffer_view(&reader->dictionary_page);
    }
    reader->has_dictionary = true;
    return decode_values(reader->column, PARQUET_PLAIN, bytes, (uint32_t)page->header.value_count,
                         NULL, &reader->dictionary_scratch, &reader->dictionary, error);
}

enum error_code parquet_column_reader_open(struct parquet_column_reader *reader,
                                           const struct parquet_source *source,
                                           const struct parquet_file_metadata *metadata,
                                           size_t row_group, size_t column, struct error *error)
{
    assert(row_group < metadata->row_group_count && column < metadata->column_count);
    (void)error;
    reader->source = source;
    reader->column = &metadata->columns[column];
    reader->chunk = &metadata->row_groups[row_group].chunks[column];
    reader->row_group_index = row_group;
    reader->next_row = 0;
    reader->wanted_row = 0;
    reader->has_dictionary = false;
    reader->pages.source = source;
    page_reader_open(&reader->pages, reader->chunk);
    return OK;
}

void parquet_column_reader_keep_ids(struct parquet_column_reader *reader)
{
    reader->keeps_ids = true;
}

const struct decoded_values *
parquet_column_reader_dictionary(const struct parquet_column_reader *reader)
{
    return reader->has_dictionary ? &reader->dictionary : NULL;
}

void parquet_column_reader_seek(struct parquet_column_reader *reader, int64_t row)
{
    reader->wanted_row = row;
}

/* Splits a data page into levels and values, all decompressed. */
static enum error_code split_v1(struct parquet_column_reader *reader, const struct page *page,
                                struct bytes_view body, struct bytes_view *levels,
                                struct bytes_view *values, struct error *error)
{
    enum error_code code = decompress(reader, page, body, 0, &reader->page, values, error);
    if (code != OK || !reader->column->nullable)
        return code;
    uint32_t size;
    if (page->header.definition_levels_encoding != PARQUET_RLE)
        return error_set(error, ERR_INVALID, "definition levels encoded as %s are not read",
                         parquet_encoding_name(page->header.definition_levels_encoding));
    if (values->size_bytes < sizeof size)
        return error_set(error, ERR_CORRUPT, "a page ends within its levels");
    memcpy(&size, values->data, sizeof size);
    if (size > values->size_bytes - sizeof size)
        return error_set(error, ERR_CORRUPT, "a page ends within its levels");
    *levels = bytes_view_of(values->data + sizeof size, size);
    *values = bytes_view_of(levels->data + size, values->size_bytes - sizeof size - size);
    return OK;
}

static enum error_code split_v2(struct parquet_column_reader *reader, const struct page *page,
                                struct bytes_view body, struct bytes_view *levels,
                                struct bytes_view *values, struct error *error)
{
    uint64_t size = (uint64_t)page->header.definition_levels_bytes +
                    (uint64_t)page->header.repetition_levels_bytes;
    if (size > body.size_bytes || page->header.row_count != page->header.value_count)
        return error_set(error, ERR_CORRUPT, "a page's levels do not fit it");
    *levels = bytes_view_of(body.data + page->header.repetition_levels_bytes,
                            (size_t)page->header.definition_levels_bytes);
    return decompress(reader, page, body, (size_t)size, &reader->page, values, error);
}

/* Whether the rows that a page says it has can be. */
static enum error_code check_rows(const struct parquet_column_reader *reader,
                                  const struct page *page, struct error *error)
{
    uint32_t rows = (uint32_t)page->header.value_count;
    if (rows > PARQUET_MAX_PAGE_ROWS)
        return error_set(error, ERR_LIMIT, "a page of %u rows is larger than %u", rows,
                         PARQUET_MAX_PAGE_ROWS);
    if (rows > reader->chunk->value_count - reader->next_row)
        return error_set(error, ERR_CORRUPT, "the column chunk has more rows than its row group");
    return OK;
}

static bool is_of_indices(enum parquet_encoding encoding)
{
    return encoding == PARQUET_RLE_DICTIONARY || encoding == PARQUET_PLAIN_DICTIONARY;
}

static enum error_code decode_page(struct parquet_column_reader *reader, const struct page *page,
                                   struct bytes_view body, struct parquet_page_values *out,
                                   struct error *error)
{
    struct bytes_view levels = {0};
    struct bytes_view bytes;
    uint32_t rows = (uint32_t)page->header.value_count;
    enum error_code code = page->header.type == PARQUET_DATA_PAGE
                               ? split_v1(reader, page, body, &levels, &bytes, error)
                               : split_v2(reader, page, body, &levels, &bytes, error);
    if (code != OK)
        return code;
    uint32_t valid = rows;
    if (reader->column->nullable) {
        buffer_reset(&reader->validity);
        if (buffer_reserve(&reader->validity, (size_t)rows + 1) != OK)
            return error_no_memory(error, "a page's levels");
        code = decode_levels(levels, rows, reader->validity.data, &valid, error);
        if (code != OK)
            return code;
    }
    struct decoded_values values = {0};
    const uint32_t *ids = NULL;
    if (reader->keeps_ids && reader->has_dictionary && is_of_indices(page->header.encoding))
        code = decode_ids(bytes, valid, reader->dictionary.count, &reader->scratch, &ids, error);
    else
        code = decode_values(reader->column, page->header.encoding, bytes, valid,
                             reader->has_dictionary ? &reader->dictionary : NULL, &reader->scratch,
                             &values, error);
    *out = (struct parquet_page_values){
        .first_row = reader->next_row,
        .row_count = rows,
        .value_count = valid,
        .validity = valid == rows ? NULL : reader->validity.data,
        .width_bytes = values.width_bytes,
        .fixed = values.fixed,
        .texts = values.texts,
        .ids = ids,
        .encoding = page->header.encoding,
        .offset = page->offset,
        .stored_bytes = (uint32_t)page->header_bytes + (uint32_t)page->header.compressed_bytes,
    };
    return code;
}

struct page_reader *parquet_column_reader_pages(struct parquet_column_reader *reader)
{
    return &reader->pages;
}

enum error_code parquet_column_reader_take(struct parquet_column_reader *reader,
                                           const struct page *page, struct bytes_view body,
                                           struct parquet_page_values *out, struct error *error)
{
    enum error_code code = OK;
    bool has_data =
        page->header.type == PARQUET_DATA_PAGE || page->header.type == PARQUET_DATA_PAGE_V2;
    out->row_count = 0;
    if (page->header.type == PARQUET_DICTIONARY_PAGE)
        code = read_dictionary(reader, page, body, error);
    else if (has_data)
        code = check_rows(reader, page, error);
    if (code == OK && has_data) {
        if (reader->next_row + page->header.value_count > reader->wanted_row)
            code = decode_page(reader, page, body, out, error);
        reader->next_row += page->header.value_count;
    }
    return code == OK ? OK : in_page(reader, page, code, error);
}

enum error_code parquet_column_reader_next(struct parquet_column_reader *reader,
                                           struct parquet_page_values *out, struct error *error)
{
    do {
        struct page page = {.offset = reader->pages.next_offset};
        struct bytes_view body;
        if (reader->next_row == reader->chunk->value_count)
            return ERR_NOT_FOUND;
        if (page_reader_at_end(&reader->pages))
            return in_page(reader, &page,
                           error_set(error, ERR_CORRUPT, "the column chunk ends at row %lld",
                                     (long long)reader->next_row),
                           error);
        enum error_code code = page_reader_next(&reader->pages, &page, &body, error);
        if (code == OK && !page.crc_matches)
            code = error_set(error, ERR_CORRUPT, "the page's CRC does not match its bytes");
        if (code != OK)
            return in_page(reader, &page, code, error);
        code = parquet_column_reader_take(reader, &page, body, out, error);
        if (code != OK)
            return code;
    } while (out->row_count == 0);
    return OK;
}
