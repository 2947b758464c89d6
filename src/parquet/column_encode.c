// SPDX-License-Identifier: Apache-2.0
#include "parquet/bloom.h"
#include "parquet/column_pages.h"
#include "parquet/thrift.h"
#include "util/memory.h"

/* Whether the dictionary makes the chunk smaller, in exact bytes before compression. */
static bool dictionary_pays(const struct column_writer *column)
{
    uint64_t with = column->dictionary.body.size_bytes;
    for (size_t i = 0; i < column->pages.count; i++)
        with += column->pages.items[i].size_bytes - column->pages.items[i].levels_bytes;
    return column->dictionary.count != 0 && with <= column->plain_bytes;
}

uint64_t column_closing_bytes(const struct column_writer *column)
{
    bool goes_plain = column->uses_dictionary && !dictionary_pays(column);
    uint64_t chunk = column_bytes_estimate(column);
    uint64_t kept = column->bytes.own.capacity_bytes; /* of the row group before */
    uint64_t more = chunk > kept ? chunk - kept : 0;
    /* The dictionary goes before the plain pages are compressed. */
    return goes_plain && column->plain_bytes > more ? column->plain_bytes : more;
}

/* The first page tells: a chunk that once went over to plain pages never goes back. */
static bool has_dictionary_pages(const struct column_writer *column)
{
    return column->pages.items[0].encoding == PARQUET_RLE_DICTIONARY;
}

/* --- the Bloom filter ---------------------------------------------------------------------- */

/* Bytes that are no text are looked for in two ways, so that each value has two entries. */
static bool has_escaped_entries(const struct column_writer *column)
{
    return column->type.kind == VALUE_FIXED && column->type.width_bytes <= BLOOM_ESCAPED_MAX_BYTES;
}

static void insert_value(const struct column_writer *column, struct bytes_view value, uint64_t hash,
                         uint8_t *filter, uint32_t size_bytes)
{
    bloom_insert(filter, size_bytes, hash);
    if (has_escaped_entries(column))
        bloom_insert(filter, size_bytes, bloom_hash_escaped(value));
}

static void insert_dictionary(const struct column_writer *column, uint8_t *filter,
                              uint32_t size_bytes)
{
    const struct chunk_dictionary *dictionary = &column->dictionary;
    for (uint32_t id = 0; id < dictionary->count; id++) {
        struct bytes_view value = chunk_dictionary_value(dictionary, id);
        bool is_hashed = id < dictionary->bloom_hash_count;
        uint64_t hash = is_hashed ? dictionary->bloom_hashes[id] : bloom_hash(value);
        insert_value(column, value, hash, filter, size_bytes);
    }
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
        struct bytes_view value = bytes_view_of(at, size);
        insert_value(column, value, bloom_hash(value), filter, size_bytes);
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
    uint64_t count = has_dictionary_pages(column) ? column->dictionary.count : 0;
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
    uint32_t size = bloom_size_bytes(has_escaped_entries(column) ? 2 * distinct : distinct);
    if (write_bloom_header(size, out) != OK || buffer_reserve(out, size) != OK)
        return error_no_memory(error, "a Bloom filter");
    uint8_t *filter = out->data + out->size_bytes;
    memset(filter, 0, size);
    out->size_bytes += size;
    if (has_dictionary_pages(column))
        insert_dictionary(column, filter, size);
    for (size_t i = 0; i < column->pages.count; i++)
        if (column->pages.items[i].encoding == PARQUET_PLAIN)
            insert_plain_page(column, &column->pages.items[i], filter, size);
    return OK;
}

/* Writes the chunk as its pages were sealed. */
static enum error_code append_sealed_pages(struct column_writer *column,
                                           struct codec_context *context, struct error *error)
{
    struct chunk_meta *chunk = &column->chunk;
    chunk->pages = mem_alloc(column->pages.count * sizeof *chunk->pages);
    if (chunk->pages == NULL)
        return error_no_memory(error, "a column");
    chunk->page_capacity = column->pages.count;
    enum error_code code = OK;
    if (has_dictionary_pages(column))
        code = chunk_append_dictionary(column, context, error);
    chunk->data_page_offset = column->bytes.size_bytes;
    for (size_t i = 0; i < column->pages.count && code == OK; i++) {
        const struct sealed_page *page = &column->pages.items[i];
        code = chunk_append_data_page(
            column, context, page, page->encoding,
            bytes_view_of(column->sealed.data + page->offset, page->size_bytes), error);
    }
    return code;
}

/* The chunk just written tells how far the next one will shrink. */
static void learn_shares(struct column_writer *column)
{
    const struct chunk_meta *chunk = &column->chunk;
    double body = (double)column->dictionary.body.size_bytes;
    double all = (double)chunk->uncompressed_bytes;
    if (!chunk->has_dictionary) {
        column->body_share = (double)chunk->compressed_bytes / all;
        return;
    }
    column->body_share = (double)chunk->data_page_offset / body;
    if (all > body)
        column->page_share =
            (double)(chunk->compressed_bytes - chunk->data_page_offset) / (all - body);
}

enum error_code column_encode(struct column_writer *column, struct codec_context *context,
                              struct error *error)
{
    struct chunk_meta *chunk = &column->chunk;
    bool is_compact = column->writer_options->profile == PARQUET_PROFILE_COMPACT;
    enum error_code code = column_seal_page(column, error);
    if (code == OK && !dictionary_pays(column)) {
        code = column_replay_as_plain(column, error);
        if (code == OK && !is_compact) /* no page refers to it any more */
            chunk_dictionary_release(&column->dictionary);
    }
    if (code == OK)
        code = append_sealed_pages(column, context, error);
    if (code == OK && is_compact)
        code = column_try_deltas(column, context, error);
    if (code == OK)
        code = chunk_keep_bounds(column, error);
    if (code == OK)
        code = make_bloom(column, error);
    if (code != OK)
        return code;
    chunk->compressed_bytes = column->bytes.size_bytes;
    learn_shares(column);
    return OK;
}
