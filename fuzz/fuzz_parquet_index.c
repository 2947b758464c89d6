// SPDX-License-Identifier: Apache-2.0
// rooms: parquet
// parsers: parquet/page_index.c parquet/bloom.c
// without: bloom_size_bytes bloom_insert
/* Any bytes as a column index, an offset index or a Bloom filter: the first byte tells which. */

#include <assert.h>

#include "parquet/bloom.h"
#include "parquet/page_index.h"
#include "support/input.h"
#include "support/parquet_bytes.h"

enum { READ_COLUMN_INDEX, READ_OFFSET_INDEX, READ_BLOOM_FILTER, READ_SIZED_BLOOM_FILTER };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum error_code read_column_index(const struct parquet_source *source, struct arena *arena,
                                         struct error *error)
{
    struct parquet_chunk_metadata chunk = {.column_index_bytes = (uint32_t)source->size_bytes};
    struct column_index index;
    enum error_code code = column_index_read(source, &chunk, arena, &index, error);
    for (size_t i = 0; code == OK && i < index.page_count; i++) {
        fuzz_touch(index.pages[i].min_value);
        fuzz_touch(index.pages[i].max_value);
    }
    return code;
}

static enum error_code read_offset_index(const struct parquet_source *source, struct arena *arena,
                                         struct error *error)
{
    struct parquet_chunk_metadata chunk = {.offset_index_bytes = (uint32_t)source->size_bytes};
    struct offset_index index;
    enum error_code code = offset_index_read(source, &chunk, arena, &index, error);
    for (size_t i = 0; code == OK && i < index.page_count; i++)
        assert(index.pages[i].first_row >= 0 && index.pages[i].offset <= INT64_MAX);
    return code;
}

static enum error_code read_bloom_filter(const struct parquet_source *source, bool is_sized,
                                         struct arena *arena, struct error *error)
{
    struct parquet_file_metadata metadata = {.footer_offset = source->size_bytes};
    struct parquet_chunk_metadata chunk = {
        .has_bloom = true, .bloom_bytes = is_sized ? (uint32_t)source->size_bytes : 0};
    struct bytes_view filter;
    enum error_code code = bloom_filter_read(source, &metadata, &chunk, arena, &filter, error);
    for (uint64_t i = 0; code == OK && i < 64; i++)
        (void)bloom_contains(filter.data, (uint32_t)filter.size_bytes,
                             bloom_hash(bytes_view_of(&i, sizeof i)));
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t kind = fuzz_input_u8(&input) % 4;
    struct bytes_view bytes = bytes_view_of(input.data, input.size_bytes);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "input");
    struct arena arena;
    struct error error;
    enum error_code code;
    arena_init(&arena, 0);
    error_clear(&error);
    if (kind == READ_COLUMN_INDEX)
        code = read_column_index(&source, &arena, &error);
    else if (kind == READ_OFFSET_INDEX)
        code = read_offset_index(&source, &arena, &error);
    else
        code = read_bloom_filter(&source, kind == READ_SIZED_BLOOM_FILTER, &arena, &error);
    assert(code == OK ||
           ((code == ERR_CORRUPT || code == ERR_INVALID) && error.message[0] != '\0'));
    arena_release(&arena);
    return 0;
}
