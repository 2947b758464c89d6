// SPDX-License-Identifier: Apache-2.0
/* The compact profile: DELTA encodings, and PLAIN instead of a dictionary, where they make a chunk
 * smaller after compression. */
#include "parquet/column_pages.h"
#include "parquet/delta.h"
#include "util/memory.h"

/* Texts whose plain values take this many times what the dictionary form takes are not tried: no
 * delta of them comes near. */
#define HOPELESS_RATIO 4

/* What one try works in. */
struct delta_try {
    struct column_writer *column;
    struct codec_context *context;
    enum parquet_encoding encoding;
    uint32_t *ids;            /* PAGE_MAX_ROWS */
    int64_t *numbers;         /* PAGE_MAX_ROWS; integers */
    struct bytes_view *texts; /* PAGE_MAX_ROWS; the values as they are */
    struct buffer body;
};

/* The values of a sealed page as views, whatever its encoding. */
static void collect_views(struct delta_try *try, const struct sealed_page *page,
                          struct bytes_view *views)
{
    const struct column_writer *column = try->column;
    uint32_t count = page->row_count - page->null_count;
    if (page->encoding == PARQUET_RLE_DICTIONARY) {
        sealed_page_decode(column, column->sealed.data, page, NULL, try->ids);
        for (uint32_t i = 0; i < count; i++)
            views[i] = chunk_dictionary_value(&column->dictionary, try->ids[i]);
        return;
    }
    const uint8_t *at = column->sealed.data + page->offset + page->levels_bytes;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = column->type.width_bytes;
        if (column->type.kind == VALUE_TEXT) {
            memcpy(&size, at, sizeof size);
            at += sizeof size;
        }
        views[i] = bytes_view_of(at, size);
        at += size;
    }
}

static enum error_code encode_plain(struct delta_try *try, uint32_t count)
{
    uint32_t width = try->column->type.width_bytes;
    if (buffer_reserve(&try->body, (size_t)count * width) != OK)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        buffer_append_unchecked(&try->body, try->texts[i].data, width);
    return OK;
}

static enum error_code encode_values(struct delta_try *try, uint32_t count)
{
    if (try->encoding == PARQUET_PLAIN)
        return encode_plain(try, count);
    if (try->encoding == PARQUET_DELTA_LENGTH_BYTE_ARRAY)
        return delta_length_encode(try->texts, count, &try->body);
    if (try->encoding == PARQUET_DELTA_BYTE_ARRAY)
        return delta_bytes_encode(try->texts, count, &try->body);
    bool is_wide = try->column->type.width_bytes == 8;
    for (uint32_t i = 0; i < count; i++) {
        int32_t narrow;
        if (is_wide)
            memcpy(&try->numbers[i], try->texts[i].data, 8);
        else {
            memcpy(&narrow, try->texts[i].data, 4);
            try->numbers[i] = narrow;
        }
    }
    return delta_encode_integers(try->numbers, count, is_wide ? 64 : 32, &try->body);
}

static enum error_code append_delta_page(struct delta_try *try, const struct sealed_page *page,
                                         struct error *error)
{
    const struct column_writer *column = try->column;
    collect_views(try, page, try->texts);
    buffer_reset(&try->body);
    if (buffer_append(&try->body, column->sealed.data + page->offset, page->levels_bytes) != OK ||
        encode_values(try, page->row_count - page->null_count) != OK)
        return error_no_memory(error, "a page");
    return chunk_append_data_page(try->column, try->context, page, try->encoding,
                                  buffer_view(&try->body), error);
}

/* Encodes the chunk anew until it is no smaller than limit_bytes; column->bytes and column->chunk
 * are empty before. */
static enum error_code encode_chunk(struct delta_try *try, size_t limit_bytes, struct error *error)
{
    struct column_writer *column = try->column;
    struct chunk_meta *chunk = &column->chunk;
    chunk->pages = mem_alloc(column->pages.count * sizeof *chunk->pages);
    if (chunk->pages == NULL)
        return error_no_memory(error, "a column");
    chunk->page_capacity = column->pages.count;
    enum error_code code = OK;
    for (size_t i = 0;
         i < column->pages.count && code == OK && column->bytes.size_bytes < limit_bytes; i++)
        code = append_delta_page(try, &column->pages.items[i], error);
    return code;
}

/* Tries one encoding, and goes back to what was there unless it is smaller. */
static enum error_code try_encoding(struct delta_try *try, enum parquet_encoding encoding,
                                    struct error *error)
{
    struct column_writer *column = try->column;
    struct chunk_bytes bytes = column->bytes;
    struct chunk_meta chunk = column->chunk;
    column->bytes = (struct chunk_bytes){0};
    column->chunk = (struct chunk_meta){0};
    try->encoding = encoding;
    enum error_code code = encode_chunk(try, bytes.size_bytes, error);
    if (code == OK && column->bytes.size_bytes < bytes.size_bytes) {
        chunk_bytes_release(&bytes);
        chunk_meta_release(&chunk);
        return OK;
    }
    chunk_bytes_release(&column->bytes);
    chunk_meta_release(&column->chunk);
    column->bytes = bytes;
    column->chunk = chunk;
    return code;
}

static bool is_hopeless(const struct column_writer *column)
{
    return column->type.kind == VALUE_TEXT &&
           column->plain_bytes / HOPELESS_RATIO > column->chunk.uncompressed_bytes;
}

/* Binaries and decimals have no deltas that all readers know; a codec may find what repeats among
 * their plain values by itself. */
static enum error_code try_all(struct delta_try *try, struct error *error)
{
    enum value_kind kind = try->column->type.kind;
    if (kind == VALUE_FIXED || kind == VALUE_DECIMAL)
        return try_encoding(try, PARQUET_PLAIN, error);
    if (kind != VALUE_TEXT)
        return try_encoding(try, PARQUET_DELTA_BINARY_PACKED, error);
    enum error_code code = try_encoding(try, PARQUET_DELTA_LENGTH_BYTE_ARRAY, error);
    return code == OK ? try_encoding(try, PARQUET_DELTA_BYTE_ARRAY, error) : code;
}

enum error_code column_try_deltas(struct column_writer *column, struct codec_context *context,
                                  struct error *error)
{
    bool is_binary = column->type.kind == VALUE_FIXED || column->type.kind == VALUE_DECIMAL;
    if (column->dictionary.count == 0 || is_hopeless(column) ||
        (is_binary && !column->chunk.has_dictionary))
        return OK;
    struct delta_try try = {
        .column = column,
        .context = context,
        .ids = mem_alloc(PAGE_MAX_ROWS * sizeof *try.ids),
        .numbers = mem_alloc(PAGE_MAX_ROWS * sizeof *try.numbers),
        .texts = mem_alloc(PAGE_MAX_ROWS * sizeof *try.texts),
    };
    enum error_code code = OK;
    if (try.ids == NULL || try.numbers == NULL || try.texts == NULL)
        code = error_no_memory(error, "a column");
    else
        code = try_all(&try, error);
    mem_free(try.ids);
    mem_free(try.numbers);
    mem_free(try.texts);
    buffer_release(&try.body);
    return code;
}
