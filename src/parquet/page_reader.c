// SPDX-License-Identifier: Apache-2.0
#include "parquet/page_reader.h"

#include <libdeflate.h>

/* Large enough that a call costs little beside the copy, small enough for a cache. */
#define WINDOW_BYTES ((size_t)512 << 10)
/* A first try at a header: ours take some 40 bytes. */
#define HEADER_TRY_BYTES ((size_t)1 << 10)

void page_reader_init(struct page_reader *reader, const struct parquet_source *source)
{
    *reader = (struct page_reader){.source = source};
}

void page_reader_release(struct page_reader *reader)
{
    buffer_release(&reader->window);
}

void page_reader_open(struct page_reader *reader, const struct parquet_chunk_metadata *chunk)
{
    reader->next_offset = chunk->offset;
    reader->end_offset = chunk->offset + chunk->compressed_bytes;
    reader->window_offset = chunk->offset;
    buffer_reset(&reader->window);
}

bool page_reader_at_end(const struct page_reader *reader)
{
    return reader->next_offset == reader->end_offset;
}

/* Brings [offset, offset + size_bytes) of the chunk into the window, and more behind it. */
static enum error_code fill(struct page_reader *reader, uint64_t offset, size_t size_bytes,
                            struct bytes_view *view, struct error *error)
{
    struct buffer *window = &reader->window;
    assert(offset >= reader->window_offset && offset + size_bytes <= reader->end_offset);
    if (offset + size_bytes > reader->window_offset + window->size_bytes) {
        size_t drop = window->size_bytes;
        if (offset - reader->window_offset < drop)
            drop = (size_t)(offset - reader->window_offset);
        buffer_drop_front(window, drop);
        reader->window_offset += drop;
        if (window->size_bytes == 0)
            reader->window_offset = offset;
        uint64_t from = reader->window_offset + window->size_bytes;
        uint64_t wanted = offset + size_bytes - from;
        if (wanted < WINDOW_BYTES)
            wanted = WINDOW_BYTES;
        if (wanted > reader->end_offset - from)
            wanted = reader->end_offset - from;
        if (buffer_reserve(window, (size_t)wanted) != OK)
            return error_no_memory(error, "a page");
        enum error_code code =
            reader->source->read(reader->source->context, from, window->data + window->size_bytes,
                                 (size_t)wanted, error);
        if (code != OK)
            return code;
        window->size_bytes += (size_t)wanted;
    }
    *view = bytes_view_of(window->data + (offset - reader->window_offset), size_bytes);
    return OK;
}

static enum error_code read_header(struct page_reader *reader, struct page *page,
                                   struct error *error)
{
    uint64_t left = reader->end_offset - reader->next_offset;
    for (size_t limit = HEADER_TRY_BYTES;; limit = PAGE_HEADER_MAX_BYTES) {
        struct bytes_view bytes;
        size_t size = left < limit ? (size_t)left : limit;
        enum error_code code = fill(reader, reader->next_offset, size, &bytes, error);
        if (code != OK)
            return code;
        code = page_header_read(bytes, &page->header, &page->header_bytes, error);
        if (code == OK || limit == PAGE_HEADER_MAX_BYTES || size == left)
            return code;
    }
}

static enum error_code check_sizes(const struct page_reader *reader, const struct page *page,
                                   struct error *error)
{
    uint64_t left = reader->end_offset - page->offset - page->header_bytes;
    if ((uint64_t)page->header.compressed_bytes > left)
        return error_set(error, ERR_CORRUPT, "a page of %d bytes reaches beyond its column chunk",
                         page->header.compressed_bytes);
    if ((uint32_t)page->header.uncompressed_bytes > PAGE_MAX_BYTES)
        return error_set(error, ERR_LIMIT, "a page of %d bytes is larger than %u",
                         page->header.uncompressed_bytes, PAGE_MAX_BYTES);
    return OK;
}

/* The CRC of a page that need not be whole in memory. */
static enum error_code stream_crc(struct page_reader *reader, uint64_t offset, size_t size_bytes,
                                  uint32_t *crc, struct error *error)
{
    *crc = 0;
    while (size_bytes != 0) {
        struct bytes_view bytes;
        size_t size = size_bytes < WINDOW_BYTES ? size_bytes : WINDOW_BYTES;
        enum error_code code = fill(reader, offset, size, &bytes, error);
        if (code != OK)
            return code;
        *crc = libdeflate_crc32(*crc, bytes.data, bytes.size_bytes);
        offset += size;
        size_bytes -= size;
    }
    return OK;
}

enum error_code page_reader_next(struct page_reader *reader, struct page *page,
                                 struct bytes_view *body, struct error *error)
{
    page->offset = reader->next_offset;
    enum error_code code = read_header(reader, page, error);
    if (code == OK)
        code = check_sizes(reader, page, error);
    if (code != OK)
        return code;
    uint64_t offset = page->offset + page->header_bytes;
    size_t size = (size_t)page->header.compressed_bytes;
    uint32_t crc = 0;
    if (body != NULL) {
        code = fill(reader, offset, size, body, error);
        if (code == OK && page->header.has_crc)
            crc = page_crc(*body);
    } else if (page->header.has_crc) {
        code = stream_crc(reader, offset, size, &crc, error);
    }
    page->crc_matches = !page->header.has_crc || crc == page->header.crc;
    reader->next_offset = offset + size;
    return code;
}
