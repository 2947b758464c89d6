// SPDX-License-Identifier: Apache-2.0
#include "parquet/bloom.h"
#include "parquet/column.h"
#include "parquet/hybrid.h"
#include "parquet/page_header.h"
#include "parquet/thrift.h"
#include "util/memory.h"

/* The most a header of ours takes. */
#define OWN_HEADER_MAX_BYTES 64

/* Appends a page to the chunk's bytes: compressed behind the room for its header, then moved up to
 * it, since the header says how large the page became. */
static enum error_code append_page(struct column_writer *column, struct codec_context *context,
                                   struct page_header *header, struct bytes_view page,
                                   struct error *error)
{
    struct buffer *out = &column->bytes;
    size_t start = out->size_bytes;
    if (page.size_bytes > INT32_MAX / 2)
        return error_set(error, ERR_LIMIT, "column %s: a page of %zu bytes is too large",
                         column->name, page.size_bytes);
    if (buffer_append_zeros(out, OWN_HEADER_MAX_BYTES) != OK)
        return error_no_memory(error, "a page");
    enum error_code code =
        codec_compress(context, column->writer_options->codec,
                       column->writer_options->compression_level, page, out, error);
    if (code != OK)
        return code;
    size_t size = out->size_bytes - start - OWN_HEADER_MAX_BYTES;
    uint8_t *stored = out->data + start + OWN_HEADER_MAX_BYTES;
    header->uncompressed_bytes = (int32_t)page.size_bytes;
    header->compressed_bytes = (int32_t)size;
    header->crc = page_crc(bytes_view_of(stored, size));
    out->size_bytes = start;
    if (page_header_write(header, out) != OK)
        return error_no_memory(error, "a page");
    size_t header_bytes = out->size_bytes - start;
    assert(header_bytes <= OWN_HEADER_MAX_BYTES);
    memmove(out->data + out->size_bytes, stored, size);
    out->size_bytes += size;
    column->chunk.uncompressed_bytes += header_bytes + page.size_bytes;
    return OK;
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

static enum error_code append_data_page(struct column_writer *column, struct codec_context *context,
                                        const struct sealed_page *page, struct error *error)
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
        .encoding = page->encoding,
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
        .encoding = page->encoding,
    };
    enum error_code code =
        append_page(column, context, &header,
                    bytes_view_of(column->sealed.data + page->offset, page->size_bytes), error);
    if (code != OK)
        return code;
    meta->stored_bytes = (uint32_t)(column->bytes.size_bytes - (size_t)meta->offset);
    chunk->page_count++;
    chunk->value_count += page->row_count;
    chunk->null_count += page->null_count;
    chunk->text_bytes += page->text_bytes;
    chunk->encodings_used |= 1u << page->encoding;
    return OK;
}

static enum error_code append_dictionary(struct column_writer *column,
                                         struct codec_context *context, struct error *error)
{
    struct page_header header = {
        .type = PARQUET_DICTIONARY_PAGE,
        .value_count = (int32_t)column->dictionary.count,
        .encoding = PARQUET_PLAIN,
    };
    column->chunk.has_dictionary = true;
    return append_page(column, context, &header, buffer_view(&column->dictionary.body), error);
}

/* The bounds of the chunk are those of its pages, compared before anything is cut. */
static enum error_code keep_chunk_bounds(struct column_writer *column, struct error *error)
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

/* --- going back to PLAIN ------------------------------------------------------------------- */

/* Appends `count` rows of a dictionary page as plain values, sealing pages as they fill. */
static enum error_code replay_rows(struct column_writer *column, const uint32_t *levels,
                                   const uint32_t *ids, uint32_t count, struct error *error)
{
    for (uint32_t row = 0; row < count; row++) {
        bool valid = levels == NULL || levels[row] != 0;
        column_add_levels(column, valid ? 1 : 0, 1);
        if (valid &&
            column_add_plain(column, chunk_dictionary_value(&column->dictionary, *ids++)) != OK)
            return error_no_memory(error, "values");
        if (column_page_is_full(column)) {
            enum error_code code = column_seal_page(column, error);
            if (code != OK)
                return code;
        }
    }
    return OK;
}

/* Decodes one of our own sealed dictionary pages; it cannot be damaged. */
static enum error_code replay_page(struct column_writer *column, const uint8_t *data,
                                   const struct sealed_page *page, uint32_t *scratch,
                                   struct error *error)
{
    uint32_t *levels = NULL;
    uint32_t *ids = scratch + PAGE_MAX_ROWS;
    struct hybrid_decoder decoder;
    if (column->nullable) {
        levels = scratch;
        hybrid_decoder_init(&decoder,
                            bytes_view_of(data + page->offset + 4, page->levels_bytes - 4), 1);
        bool whole = hybrid_decode(&decoder, levels, page->row_count);
        assert(whole);
        (void)whole;
    }
    const uint8_t *values = data + page->offset + page->levels_bytes;
    size_t size = page->size_bytes - page->levels_bytes;
    hybrid_decoder_init(&decoder, bytes_view_of(values + 1, size - 1), values[0]);
    bool whole = hybrid_decode(&decoder, ids, page->row_count - page->null_count);
    assert(whole);
    (void)whole;
    return replay_rows(column, levels, ids, page->row_count, error);
}

/* Copies a page that was plain already; its bounds move with it. */
static enum error_code keep_plain_page(struct column_writer *column, const uint8_t *data,
                                       const struct sealed_page *page, struct error *error)
{
    enum error_code code = column_seal_page(column, error);
    if (code != OK)
        return code;
    struct sealed_page moved = *page;
    moved.offset = column->sealed.size_bytes;
    moved.min = page->min - page->offset + moved.offset;
    moved.max = page->max - page->offset + moved.offset;
    if (buffer_append(&column->sealed, data + page->offset, page->size_bytes) != OK ||
        column_push_page(column, &moved) != OK)
        return error_no_memory(error, "a page");
    return OK;
}

/* Turns every dictionary page of the chunk into plain ones. */
static enum error_code replay_as_plain(struct column_writer *column, struct error *error)
{
    struct buffer sealed = column->sealed;
    struct page_list pages = column->pages;
    buffer_init(&column->sealed);
    column->pages = (struct page_list){0};
    column->uses_dictionary = false;
    enum error_code code = OK;
    uint32_t *scratch = mem_alloc(2 * PAGE_MAX_ROWS * sizeof *scratch);
    if (scratch == NULL)
        code = error_no_memory(error, "a column");
    for (size_t i = 0; i < pages.count && code == OK; i++) {
        const struct sealed_page *page = &pages.items[i];
        code = page->encoding == PARQUET_PLAIN
                   ? keep_plain_page(column, sealed.data, page, error)
                   : replay_page(column, sealed.data, page, scratch, error);
    }
    if (code == OK)
        code = column_seal_page(column, error);
    mem_free(scratch);
    buffer_release(&sealed);
    mem_free(pages.items);
    return code;
}

/* Whether the dictionary makes the chunk smaller, in exact bytes before compression. */
static bool dictionary_pays(const struct column_writer *column)
{
    uint64_t with = column->dictionary.body.size_bytes;
    for (size_t i = 0; i < column->pages.count; i++)
        with += column->pages.items[i].size_bytes - column->pages.items[i].levels_bytes;
    return column->dictionary.count != 0 && with <= column->plain_bytes;
}

/* --- the Bloom filter ---------------------------------------------------------------------- */

static void insert_dictionary(const struct chunk_dictionary *dictionary, uint8_t *filter,
                              uint32_t size_bytes)
{
    for (uint32_t id = 0; id < dictionary->count; id++)
        bloom_insert(filter, size_bytes,
                     id < dictionary->bloom_hash_count
                         ? dictionary->bloom_hashes[id]
                         : bloom_hash(chunk_dictionary_value(dictionary, id)));
}

static void insert_plain_page(const struct column_writer *column, const struct sealed_page *page,
                              uint8_t *filter, uint32_t size_bytes)
{
    const uint8_t *at = column->sealed.data + page->offset + page->levels_bytes;
    const uint8_t *end = column->sealed.data + page->offset + page->size_bytes;
    while (at < end) {
        uint32_t size = column->type.width_bytes;
        if (column->type.kind == VALUE_TEXT) {
            memcpy(&size, at, sizeof size);
            at += sizeof size;
        }
        bloom_insert(filter, size_bytes, bloom_hash(bytes_view_of(at, size)));
        at += size;
    }
}

/* parquet.thrift, BloomFilterHeader: size, then three unions of empty structs. */
static enum error_code write_bloom_header(uint32_t size_bytes, struct buffer *out)
{
    struct thrift_writer writer;
    thrift_writer_init(&writer, out);
    thrift_write_i32(&writer, 1, (int32_t)size_bytes);
    for (int16_t field = 2; field <= 4; field++) { /* algorithm BLOCK, hash XXHASH, UNCOMPRESSED */
        thrift_begin_struct(&writer, field);
        thrift_begin_struct(&writer, 1);
        thrift_end_struct(&writer);
        thrift_end_struct(&writer);
    }
    thrift_end_struct(&writer);
    return writer.status;
}

/* Pages that hold plain values count each value as distinct: that is why they are plain. */
static uint64_t distinct_estimate(const struct column_writer *column)
{
    uint64_t count = column->chunk.has_dictionary ? column->dictionary.count : 0;
    for (size_t i = 0; i < column->pages.count; i++) {
        const struct sealed_page *page = &column->pages.items[i];
        if (page->encoding == PARQUET_PLAIN)
            count += page->row_count - page->null_count;
    }
    return count;
}

static enum error_code make_bloom(struct column_writer *column, struct error *error)
{
    struct buffer *out = &column->chunk.bloom;
    uint64_t distinct = distinct_estimate(column);
    if (!column->options.bloom_filter || !column->writer_options->bloom_filters || distinct == 0)
        return OK;
    uint32_t size = bloom_size_bytes(distinct);
    if (write_bloom_header(size, out) != OK || buffer_reserve(out, size) != OK)
        return error_no_memory(error, "a Bloom filter");
    uint8_t *filter = out->data + out->size_bytes;
    memset(filter, 0, size);
    out->size_bytes += size;
    if (column->chunk.has_dictionary)
        insert_dictionary(&column->dictionary, filter, size);
    for (size_t i = 0; i < column->pages.count; i++)
        if (column->pages.items[i].encoding == PARQUET_PLAIN)
            insert_plain_page(column, &column->pages.items[i], filter, size);
    return OK;
}

enum error_code column_encode(struct column_writer *column, struct codec_context *context,
                              struct error *error)
{
    struct chunk_meta *chunk = &column->chunk;
    enum error_code code = column_seal_page(column, error);
    if (code == OK && !dictionary_pays(column))
        code = replay_as_plain(column, error);
    if (code != OK)
        return code;
    bool has_dictionary = column->pages.items[0].encoding == PARQUET_RLE_DICTIONARY;
    chunk->pages = mem_alloc(column->pages.count * sizeof *chunk->pages);
    if (chunk->pages == NULL)
        return error_no_memory(error, "a column");
    chunk->page_capacity = column->pages.count;
    if (has_dictionary)
        code = append_dictionary(column, context, error);
    chunk->data_page_offset = column->bytes.size_bytes;
    for (size_t i = 0; i < column->pages.count && code == OK; i++)
        code = append_data_page(column, context, &column->pages.items[i], error);
    if (code == OK)
        code = keep_chunk_bounds(column, error);
    if (code == OK)
        code = make_bloom(column, error);
    if (code != OK)
        return code;
    chunk->compressed_bytes = column->bytes.size_bytes;
    column->compressed_share =
        (double)chunk->compressed_bytes / (double)(chunk->uncompressed_bytes);
    return OK;
}
