// SPDX-License-Identifier: Apache-2.0
#include "parquet/column_pages.h"

#include "parquet/page_header.h"
#include "util/memory.h"

/* The most a header of ours takes. */
#define OWN_HEADER_MAX_BYTES 64
#define FIRST_PIECES         64

static enum error_code add_piece(struct chunk_bytes *bytes, struct chunk_piece piece)
{
    if (bytes->piece_count == bytes->piece_capacity) {
        size_t capacity = bytes->piece_capacity == 0 ? FIRST_PIECES : 2 * bytes->piece_capacity;
        struct chunk_piece *pieces = mem_realloc(bytes->pieces, capacity * sizeof *pieces);
        if (pieces == NULL)
            return ERR_NO_MEMORY;
        bytes->pieces = pieces;
        bytes->piece_capacity = capacity;
    }
    bytes->pieces[bytes->piece_count++] = piece;
    bytes->size_bytes += piece.size_bytes;
    return OK;
}

/* A page that is not compressed stays where it is. */
static enum error_code append_stored_page(struct column_writer *column, struct page_header *header,
                                          struct bytes_view page, struct error *error)
{
    struct chunk_bytes *bytes = &column->bytes;
    size_t start = bytes->own.size_bytes;
    header->compressed_bytes = (int32_t)page.size_bytes;
    header->crc = page_crc(page);
    if (page_header_write(header, &bytes->own) != OK)
        return error_no_memory(error, "a page");
    size_t header_bytes = bytes->own.size_bytes - start;
    if (add_piece(bytes, (struct chunk_piece){NULL, start, header_bytes}) != OK ||
        add_piece(bytes, (struct chunk_piece){page.data, 0, page.size_bytes}) != OK)
        return error_no_memory(error, "a page");
    column->chunk.uncompressed_bytes += header_bytes + page.size_bytes;
    return OK;
}

/* A page is compressed behind more room than its header takes, since the header says how large the
 * page became; the header then goes right before it. */
static enum error_code append_compressed_page(struct column_writer *column,
                                              struct codec_context *context,
                                              struct page_header *header, struct bytes_view page,
                                              struct error *error)
{
    struct buffer *out = &column->bytes.own;
    size_t start = out->size_bytes;
    if (buffer_append_zeros(out, OWN_HEADER_MAX_BYTES) != OK)
        return error_no_memory(error, "a page");
    enum error_code code =
        codec_compress(context, column->writer_options->codec,
                       column->writer_options->compression_level, page, out, error);
    if (code != OK)
        return code;
    size_t end = out->size_bytes;
    size_t size = end - start - OWN_HEADER_MAX_BYTES;
    header->compressed_bytes = (int32_t)size;
    header->crc = page_crc(bytes_view_of(out->data + end - size, size));
    out->size_bytes = start;
    if (page_header_write(header, out) != OK)
        return error_no_memory(error, "a page");
    size_t header_bytes = out->size_bytes - start;
    assert(header_bytes <= OWN_HEADER_MAX_BYTES);
    size_t at = end - size - header_bytes;
    memmove(out->data + at, out->data + start, header_bytes);
    out->size_bytes = end;
    if (add_piece(&column->bytes, (struct chunk_piece){NULL, at, header_bytes + size}) != OK)
        return error_no_memory(error, "a page");
    column->chunk.uncompressed_bytes += header_bytes + page.size_bytes;
    return OK;
}

/* `stays`: the page's bytes live until column_reset. */
static enum error_code append_page(struct column_writer *column, struct codec_context *context,
                                   struct page_header *header, struct bytes_view page, bool stays,
                                   struct error *error)
{
    if (page.size_bytes > INT32_MAX / 2)
        return error_set(error, ERR_LIMIT, "column %s: a page of %zu bytes is too large",
                         column->name, page.size_bytes);
    header->uncompressed_bytes = (int32_t)page.size_bytes;
    if (stays && column->writer_options->codec == PARQUET_CODEC_NONE)
        return append_stored_page(column, header, page, error);
    return append_compressed_page(column, context, header, page, error);
}

/* Keeps a lower bound in chunk->bounds. */
static enum error_code keep_min(struct column_writer *column, struct bytes_view value,
                                uint32_t *offset, uint32_t *size_bytes, bool *is_exact)
{
    struct buffer *bounds = &column->chunk.bounds;
    size_t size = value_lower_bound_size(&column->type, value);
    *offset = (uint32_t)bounds->size_bytes;
    *size_bytes = (uint32_t)size;
    *is_exact = size == value.size_bytes;
    return buffer_append(bounds, value.data, size);
}

static enum error_code keep_max(struct column_writer *column, struct bytes_view value,
                                uint32_t *offset, uint32_t *size_bytes, bool *is_exact)
{
    struct buffer *bounds = &column->chunk.bounds;
    uint8_t raised[VALUE_BOUND_MAX_BYTES];
    *is_exact = true;
    if (column->type.kind == VALUE_TEXT && value.size_bytes > VALUE_BOUND_MAX_BYTES) {
        size_t size = value_upper_bound(value, raised);
        *is_exact = size == 0;
        if (size != 0)
            value = bytes_view_of(raised, size);
    }
    *offset = (uint32_t)bounds->size_bytes;
    *size_bytes = (uint32_t)value.size_bytes;
    return buffer_append(bounds, value.data, value.size_bytes);
}

static struct bytes_view page_min(const struct column_writer *column,
                                  const struct sealed_page *page)
{
    if (page->encoding == PARQUET_RLE_DICTIONARY)
        return chunk_dictionary_value(&column->dictionary, (uint32_t)page->min);
    return bytes_view_of(column->sealed.data + page->min, page->min_size_bytes);
}

static struct bytes_view page_max(const struct column_writer *column,
                                  const struct sealed_page *page)
{
    if (page->encoding == PARQUET_RLE_DICTIONARY)
        return chunk_dictionary_value(&column->dictionary, (uint32_t)page->max);
    return bytes_view_of(column->sealed.data + page->max, page->max_size_bytes);
}

enum error_code chunk_append_data_page(struct column_writer *column, struct codec_context *context,
                                       const struct sealed_page *page,
                                       enum parquet_encoding encoding, struct bytes_view body,
                                       struct error *error)
{
    struct chunk_meta *chunk = &column->chunk;
    assert(chunk->page_count < chunk->page_capacity);
    struct page_meta *meta = &chunk->pages[chunk->page_count];
    *meta = (struct page_meta){
        .first_row = chunk->value_count,
        .offset = (int64_t)column->bytes.size_bytes,
        .row_count = page->row_count,
        .null_count = page->null_count,
        .text_bytes = page->text_bytes,
        .has_bounds = page->null_count < page->row_count,
        .encoding = encoding,
    };
    bool exact;
    if (meta->has_bounds && (keep_min(column, page_min(column, page), &meta->min_offset,
                                      &meta->min_size_bytes, &exact) != OK ||
                             keep_max(column, page_max(column, page), &meta->max_offset,
                                      &meta->max_size_bytes, &exact) != OK))
        return error_no_memory(error, "a page's bounds");
    struct page_header header = {
        .type = PARQUET_DATA_PAGE,
        .value_count = (int32_t)page->row_count,
        .encoding = encoding,
    };
    enum error_code code =
        append_page(column, context, &header, body, encoding == page->encoding, error);
    if (code != OK)
        return code;
    meta->stored_bytes = (uint32_t)(column->bytes.size_bytes - (size_t)meta->offset);
    chunk->page_count++;
    chunk->value_count += page->row_count;
    chunk->null_count += page->null_count;
    chunk->text_bytes += page->text_bytes;
    chunk->encodings_used |= 1u << encoding;
    return OK;
}

enum error_code chunk_append_dictionary(struct column_writer *column, struct codec_context *context,
                                        struct error *error)
{
    struct page_header header = {
        .type = PARQUET_DICTIONARY_PAGE,
        .value_count = (int32_t)column->dictionary.count,
        .encoding = PARQUET_PLAIN,
    };
    column->chunk.has_dictionary = true;
    return append_page(column, context, &header, buffer_view(&column->dictionary.body), true,
                       error);
}

/* The bounds of the chunk are those of its pages, compared before anything is cut. */
enum error_code chunk_keep_bounds(struct column_writer *column, struct error *error)
{
    struct chunk_meta *chunk = &column->chunk;
    struct bytes_view min = {0};
    struct bytes_view max = {0};
    for (size_t i = 0; i < column->pages.count; i++) {
        const struct sealed_page *page = &column->pages.items[i];
        if (page->null_count == page->row_count)
            continue;
        struct bytes_view low = page_min(column, page);
        struct bytes_view high = page_max(column, page);
        if (!chunk->has_bounds || value_compare(&column->type, low, min) < 0)
            min = low;
        if (!chunk->has_bounds || value_compare(&column->type, high, max) > 0)
            max = high;
        chunk->has_bounds = true;
    }
    if (chunk->has_bounds && (keep_min(column, min, &chunk->min_offset, &chunk->min_size_bytes,
                                       &chunk->min_is_exact) != OK ||
                              keep_max(column, max, &chunk->max_offset, &chunk->max_size_bytes,
                                       &chunk->max_is_exact) != OK))
        return error_no_memory(error, "a column's bounds");
    return OK;
}
