// SPDX-License-Identifier: Apache-2.0
#include "parquet/verify.h"

#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/page_reader.h"
#include "parquet/verify_values.h"

static const char *const level_names[] = {"off", "footer", "pages", "values"};
#define LEVEL_COUNT (sizeof level_names / sizeof level_names[0])

bool parquet_verify_level_parse(const char *name, enum parquet_verify_level *level)
{
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum parquet_verify_level)i;
            return true;
        }
    }
    return false;
}

const char *parquet_verify_level_name(enum parquet_verify_level level)
{
    assert((size_t)level < LEVEL_COUNT);
    return level_names[level];
}

/* --- footer -------------------------------------------------------------------------------- */

/* No column chunk begins before the one in front of it ends. */
static enum error_code check_order(const struct parquet_source *source,
                                   const struct parquet_file_metadata *metadata,
                                   struct error *error)
{
    uint64_t end = PARQUET_MAGIC_BYTES;
    for (size_t g = 0; g < metadata->row_group_count; g++) {
        for (size_t c = 0; c < metadata->column_count; c++) {
            const struct parquet_chunk_metadata *chunk = &metadata->row_groups[g].chunks[c];
            if (chunk->offset < end)
                return error_set(error, ERR_CORRUPT,
                                 "%s: row group %zu, column %s begins at byte %llu, inside the "
                                 "column before it",
                                 source->name, g, metadata->columns[c].name,
                                 (unsigned long long)chunk->offset);
            end = chunk->offset + chunk->compressed_bytes;
        }
    }
    return OK;
}

/* --- pages --------------------------------------------------------------------------------- */

/* What the walk over a chunk's pages has seen. */
struct chunk_walk {
    const struct verify_place *place;
    const struct parquet_chunk_metadata *chunk;
    struct offset_index offsets; /* page_count 0: there is none */
    struct column_index bounds;
    size_t data_pages;
    int64_t rows;
    uint64_t uncompressed_bytes;
};

static enum error_code check_location(const struct chunk_walk *walk, const struct page *page,
                                      uint64_t stored_bytes, struct error *error)
{
    if (walk->chunk->offset_index_bytes == 0)
        return OK;
    if (walk->data_pages >= walk->offsets.page_count)
        return verify_fail(walk->place, page->offset, error, "the offset index has only %zu pages",
                           walk->offsets.page_count);
    const struct offset_index_page *entry = &walk->offsets.pages[walk->data_pages];
    if (entry->offset != page->offset || entry->size_bytes != stored_bytes ||
        entry->first_row != walk->rows)
        return verify_fail(walk->place, page->offset, error,
                           "the offset index has the page %zu elsewhere", walk->data_pages);
    return OK;
}

static enum error_code check_page(struct chunk_walk *walk, const struct page *page,
                                  struct error *error)
{
    uint64_t stored = page->header_bytes + (uint64_t)page->header.compressed_bytes;
    bool is_dictionary = page->header.type == PARQUET_DICTIONARY_PAGE;
    bool is_first = page->offset == walk->chunk->offset;
    walk->uncompressed_bytes += page->header_bytes + (uint64_t)page->header.uncompressed_bytes;
    if (!page->crc_matches)
        return verify_fail(walk->place, page->offset, error,
                           "the page's CRC does not match its bytes");
    if (is_dictionary && !is_first)
        return verify_fail(walk->place, page->offset, error, "a dictionary stands behind data");
    if (is_first && is_dictionary != walk->chunk->has_dictionary_page)
        return verify_fail(walk->place, page->offset, error,
                           "the footer and the first page disagree about a dictionary");
    if (is_dictionary || page->header.type == PARQUET_INDEX_PAGE)
        return OK;
    enum error_code code = check_location(walk, page, stored, error);
    if (code != OK)
        return code;
    walk->data_pages++;
    walk->rows += page->header.value_count;
    return OK;
}

static enum error_code check_totals(const struct chunk_walk *walk, struct error *error)
{
    const struct parquet_chunk_metadata *chunk = walk->chunk;
    if (walk->rows != chunk->value_count)
        return verify_fail(walk->place, chunk->offset, error, "its pages hold %lld rows, not %lld",
                           (long long)walk->rows, (long long)chunk->value_count);
    if (walk->uncompressed_bytes != chunk->uncompressed_bytes)
        return verify_fail(walk->place, chunk->offset, error,
                           "its pages hold %llu bytes before compression, not %llu",
                           (unsigned long long)walk->uncompressed_bytes,
                           (unsigned long long)chunk->uncompressed_bytes);
    if (chunk->offset_index_bytes != 0 && walk->offsets.page_count != walk->data_pages)
        return verify_fail(walk->place, chunk->offset_index_offset, error,
                           "the offset index has %zu pages, not %zu", walk->offsets.page_count,
                           walk->data_pages);
    if (chunk->column_index_bytes != 0 && walk->bounds.page_count != walk->data_pages)
        return verify_fail(walk->place, chunk->column_index_offset, error,
                           "the column index has %zu pages, not %zu", walk->bounds.page_count,
                           walk->data_pages);
    return OK;
}

static enum error_code read_indexes(const struct verify_place *place, struct chunk_walk *walk,
                                    struct arena *arena, struct error *error)
{
    const struct parquet_chunk_metadata *chunk = walk->chunk;
    struct bytes_view filter;
    enum error_code code = OK;
    if (chunk->offset_index_bytes != 0)
        code = offset_index_read(place->source, chunk, arena, &walk->offsets, error);
    if (code == OK && chunk->column_index_bytes != 0)
        code = column_index_read(place->source, chunk, arena, &walk->bounds, error);
    if (code == OK && chunk->has_bloom) {
        code = bloom_filter_read(place->source, place->metadata, chunk, arena, &filter, error);
        if (code == ERR_INVALID) /* of a kind we don't know: nothing to check */
            code = OK;
    }
    return code;
}

static enum error_code verify_chunk(struct page_reader *reader, const struct verify_place *place,
                                    struct arena *arena, struct error *error)
{
    struct chunk_walk walk = {
        .place = place,
        .chunk = &place->metadata->row_groups[place->row_group].chunks[place->column],
    };
    enum error_code code = read_indexes(place, &walk, arena, error);
    page_reader_open(reader, walk.chunk);
    while (code == OK && !page_reader_at_end(reader)) {
        struct page page;
        code = page_reader_next(reader, &page, NULL, error);
        if (code == ERR_CORRUPT || code == ERR_LIMIT)
            code = verify_prefix(place, page.offset, code, error);
        if (code == OK)
            code = check_page(&walk, &page, error);
    }
    return code == OK ? check_totals(&walk, error) : code;
}

static enum error_code verify_pages(const struct parquet_source *source,
                                    const struct parquet_file_metadata *metadata,
                                    struct error *error)
{
    enum error_code code = OK;
    struct page_reader reader;
    struct arena arena;
    page_reader_init(&reader, source);
    arena_init(&arena, 0);
    for (size_t g = 0; g < metadata->row_group_count && code == OK; g++) {
        for (size_t c = 0; c < metadata->column_count && code == OK; c++) {
            struct verify_place place = {source, metadata, g, c};
            code = verify_chunk(&reader, &place, &arena, error);
            arena_reset(&arena);
        }
    }
    page_reader_release(&reader);
    arena_release(&arena);
    return code;
}

enum error_code parquet_verify(const struct parquet_source *source, enum parquet_verify_level level,
                               int64_t expected_rows, struct error *error)
{
    if (level == PARQUET_VERIFY_OFF)
        return OK;
    struct parquet_file_metadata metadata;
    enum error_code code = parquet_metadata_read(source, &metadata, error);
    if (code != OK)
        return code;
    if (expected_rows >= 0 && metadata.row_count != expected_rows)
        code = error_set(error, ERR_CORRUPT, "%s: has %lld rows, not %lld", source->name,
                         (long long)metadata.row_count, (long long)expected_rows);
    if (code == OK)
        code = check_order(source, &metadata, error);
    if (code == OK && level >= PARQUET_VERIFY_PAGES)
        code = verify_pages(source, &metadata, error);
    if (code == OK && level >= PARQUET_VERIFY_VALUES)
        code = verify_values(source, &metadata, error);
    parquet_metadata_release(&metadata);
    return code;
}

enum error_code parquet_has_page_checksums(const struct parquet_source *source,
                                           const struct parquet_file_metadata *metadata, bool *has,
                                           struct error *error)
{
    struct page_reader reader;
    enum error_code code = OK;
    *has = true;
    page_reader_init(&reader, source);
    for (size_t c = 0; metadata->row_group_count > 0 && c < metadata->column_count; c++) {
        struct page page;
        page_reader_open(&reader, &metadata->row_groups[0].chunks[c]);
        if (page_reader_at_end(&reader))
            continue;
        code = page_reader_next(&reader, &page, NULL, error);
        *has = code == OK && *has && page.header.has_crc;
        if (code != OK || !*has)
            break;
    }
    page_reader_release(&reader);
    return code;
}
