// SPDX-License-Identifier: Apache-2.0
#include "parquet/page_index.h"

#include "parquet/bloom.h"
#include "parquet/thrift.h"

/* The header is three empty unions and a number. */
#define BLOOM_HEADER_MAX_BYTES 256

static enum error_code read_bytes(const struct parquet_source *source, uint64_t offset, size_t size,
                                  struct arena *arena, struct bytes_view *bytes,
                                  struct error *error)
{
    uint8_t *data = arena_alloc(arena, size + 1);
    if (data == NULL)
        return error_no_memory(error, "an index");
    *bytes = bytes_view_of(data, size);
    return source->read(source->context, offset, data, size, error);
}

static void *allocate(struct arena *arena, struct thrift_reader *reader, size_t count, size_t size,
                      enum error_code *code)
{
    void *memory = arena_alloc(arena, count * size + 1);
    if (memory == NULL) {
        *code = ERR_NO_MEMORY;
        reader->failed = true;
    } else {
        memset(memory, 0, count * size + 1);
    }
    return memory;
}

/* Each list must have the same number of elements, one a page; the first makes the array. */
static bool same_count(struct thrift_reader *reader, struct column_index *index, size_t count)
{
    if (index->pages == NULL || index->page_count != count)
        reader->failed = true;
    return !reader->failed;
}

static void read_column_index(struct thrift_reader *reader, struct arena *arena,
                              struct column_index *index, enum error_code *code)
{
    int16_t field;
    enum thrift_type type;
    while (thrift_read_field(reader, &field, &type)) {
        if (field == 1 && index->pages == NULL) {
            index->page_count = thrift_read_list(reader, type, THRIFT_TRUE);
            index->pages = allocate(arena, reader, index->page_count, sizeof *index->pages, code);
            for (size_t i = 0; i < index->page_count && !reader->failed; i++) {
                index->pages[i].is_null_page = thrift_read_element_bool(reader);
                index->pages[i].null_count = -1;
            }
        } else if (field == 2 || field == 3) {
            size_t count = thrift_read_list(reader, type, THRIFT_BINARY);
            for (size_t i = 0; same_count(reader, index, count) && i < count; i++)
                *(field == 2 ? &index->pages[i].min_value : &index->pages[i].max_value) =
                    thrift_read_element_binary(reader);
        } else if (field == 4) {
            int32_t order = thrift_read_i32(reader, type);
            index->order = (enum parquet_boundary_order)order;
            if (order < PARQUET_UNORDERED || order > PARQUET_DESCENDING)
                reader->failed = true;
        } else if (field == 5) {
            size_t count = thrift_read_list(reader, type, THRIFT_I64);
            for (size_t i = 0; same_count(reader, index, count) && i < count; i++)
                index->pages[i].null_count = thrift_read_element_i64(reader);
        } else {
            thrift_skip(reader, type);
        }
    }
}

static enum error_code index_error(const struct parquet_source *source, enum error_code code,
                                   const char *what, uint64_t offset, struct error *error)
{
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, "an index");
    return error_set(error, ERR_CORRUPT, "%s: the %s at byte %llu is damaged", source->name, what,
                     (unsigned long long)offset);
}

enum error_code column_index_read(const struct parquet_source *source,
                                  const struct parquet_chunk_metadata *chunk, struct arena *arena,
                                  struct column_index *index, struct error *error)
{
    struct bytes_view bytes;
    struct thrift_reader reader;
    *index = (struct column_index){0};
    enum error_code code = read_bytes(source, chunk->column_index_offset, chunk->column_index_bytes,
                                      arena, &bytes, error);
    if (code != OK)
        return code;
    thrift_reader_init(&reader, bytes);
    read_column_index(&reader, arena, index, &code);
    if (reader.failed || index->pages == NULL)
        return index_error(source, code, "column index", chunk->column_index_offset, error);
    return OK;
}

static void read_page_location(struct thrift_reader *reader, struct offset_index_page *page)
{
    int16_t field;
    enum thrift_type type;
    int64_t offset = -1;
    int32_t size = -1;
    page->first_row = -1;
    thrift_open_element_struct(reader);
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: offset = thrift_read_i64(reader, type); break;
        case 2: size = thrift_read_i32(reader, type); break;
        case 3: page->first_row = thrift_read_i64(reader, type); break;
        default: thrift_skip(reader, type);
        }
    }
    if (offset < 0 || size < 0 || page->first_row < 0)
        reader->failed = true;
    page->offset = (uint64_t)offset;
    page->size_bytes = (uint32_t)size;
}

enum error_code offset_index_read(const struct parquet_source *source,
                                  const struct parquet_chunk_metadata *chunk, struct arena *arena,
                                  struct offset_index *index, struct error *error)
{
    struct bytes_view bytes;
    struct thrift_reader reader;
    int16_t field;
    enum thrift_type type;
    *index = (struct offset_index){0};
    enum error_code code = read_bytes(source, chunk->offset_index_offset, chunk->offset_index_bytes,
                                      arena, &bytes, error);
    if (code != OK)
        return code;
    thrift_reader_init(&reader, bytes);
    while (thrift_read_field(&reader, &field, &type)) {
        if (field != 1 || index->pages != NULL) {
            thrift_skip(&reader, type);
            continue;
        }
        index->page_count = thrift_read_list(&reader, type, THRIFT_STRUCT);
        index->pages = allocate(arena, &reader, index->page_count, sizeof *index->pages, &code);
        for (size_t i = 0; i < index->page_count && !reader.failed; i++)
            read_page_location(&reader, &index->pages[i]);
    }
    if (reader.failed || index->pages == NULL)
        return index_error(source, code, "offset index", chunk->offset_index_offset, error);
    return OK;
}

/* Reads a union of empty structs; returns which member it is. */
static int16_t read_union(struct thrift_reader *reader, enum thrift_type type)
{
    int16_t field;
    int16_t member = 0;
    thrift_open_struct(reader, type);
    while (thrift_read_field(reader, &field, &type)) {
        member = field;
        thrift_skip(reader, type);
    }
    return member;
}

struct bloom_header {
    int32_t size_bytes;
    int16_t algorithm, hash, compression;
    size_t header_bytes;
};

static bool parse_bloom_header(struct bytes_view bytes, struct bloom_header *header)
{
    struct thrift_reader reader;
    int16_t field;
    enum thrift_type type;
    *header = (struct bloom_header){.size_bytes = -1};
    thrift_reader_init(&reader, bytes);
    while (thrift_read_field(&reader, &field, &type)) {
        switch (field) {
        case 1: header->size_bytes = thrift_read_i32(&reader, type); break;
        case 2: header->algorithm = read_union(&reader, type); break;
        case 3: header->hash = read_union(&reader, type); break;
        case 4: header->compression = read_union(&reader, type); break;
        default: thrift_skip(&reader, type);
        }
    }
    header->header_bytes = (size_t)(reader.data - bytes.data);
    return !reader.failed && header->size_bytes > 0 &&
           header->size_bytes % BLOOM_BLOCK_BYTES == 0 &&
           (uint32_t)header->size_bytes <= BLOOM_MAX_BYTES;
}

enum error_code bloom_filter_read(const struct parquet_source *source,
                                  const struct parquet_file_metadata *metadata,
                                  const struct parquet_chunk_metadata *chunk, struct arena *arena,
                                  struct bytes_view *filter, struct error *error)
{
    struct bytes_view bytes;
    struct bloom_header header;
    uint64_t room = metadata->footer_offset - chunk->bloom_offset;
    uint64_t known =
        chunk->bloom_bytes != 0 && chunk->bloom_bytes < room ? chunk->bloom_bytes : room;
    size_t head = known < BLOOM_HEADER_MAX_BYTES ? (size_t)known : BLOOM_HEADER_MAX_BYTES;
    enum error_code code = read_bytes(source, chunk->bloom_offset, head, arena, &bytes, error);
    if (code != OK)
        return code;
    if (!parse_bloom_header(bytes, &header) ||
        header.header_bytes + (uint64_t)header.size_bytes > room ||
        (chunk->bloom_bytes != 0 &&
         chunk->bloom_bytes != header.header_bytes + (uint64_t)header.size_bytes))
        return index_error(source, OK, "Bloom filter", chunk->bloom_offset, error);
    if (header.algorithm != 1 || header.hash != 1 || header.compression != 1)
        return error_set(error, ERR_INVALID, "%s: a Bloom filter of an unknown kind", source->name);
    return read_bytes(source, chunk->bloom_offset + header.header_bytes, (size_t)header.size_bytes,
                      arena, filter, error);
}
