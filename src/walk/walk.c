// SPDX-License-Identifier: Apache-2.0
#include "walk/walk.h"

#include <assert.h>

#include "walk/read_once.h"
#include "walk/verify_values.h"

/* What is read of the end at first: the footer and indexes of most files lie within. */
#define END_TRY_BYTES ((uint64_t)64 << 10)

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

/* What was seen of a chunk's pages. */
struct chunk_walk {
    const struct verify_place *place;
    const struct parquet_chunk_metadata *chunk;
    struct offset_index offsets; /* page_count 0: there is none */
    struct value_check values;
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
    if (chunk->column_index_bytes != 0 && walk->values.index.page_count != walk->data_pages)
        return verify_fail(walk->place, chunk->column_index_offset, error,
                           "the column index has %zu pages, not %zu", walk->values.index.page_count,
                           walk->data_pages);
    return OK;
}

/* --- chunks ---------------------------------------------------------------------------------- */

/* One run. */
struct walk_run {
    struct parquet_walk *walk;
    enum parquet_verify_level level;
    const struct parquet_visitor *visitor;
    struct parquet_column_reader *reader; /* NULL: no value is looked at */
    struct page_reader pages;             /* of chunks that are not decoded */
    struct arena arena;                   /* a chunk's indexes */
};

static enum error_code read_indexes(const struct verify_place *place, struct chunk_walk *walk,
                                    struct arena *arena, struct error *error)
{
    const struct parquet_chunk_metadata *chunk = walk->chunk;
    struct bytes_view *filter = &walk->values.filter;
    enum error_code code = OK;
    if (chunk->offset_index_bytes != 0)
        code = offset_index_read(place->source, chunk, arena, &walk->offsets, error);
    if (code == OK && chunk->column_index_bytes != 0)
        code = column_index_read(place->source, chunk, arena, &walk->values.index, error);
    if (code == OK && chunk->has_bloom) {
        code = bloom_filter_read(place->source, place->metadata, chunk, arena, filter, error);
        if (code == ERR_INVALID) { /* of a kind we don't know: nothing to check */
            *filter = (struct bytes_view){0};
            code = OK;
        }
    }
    return code;
}

/* The first row that the visitor wants of the chunk; -1: none. */
static int64_t wanted_row(const struct walk_run *run, const struct verify_place *place)
{
    const struct parquet_visitor *visitor = run->visitor;
    return visitor == NULL ? -1 : visitor->wants(visitor->context, place->row_group, place->column);
}

static enum error_code visit(const struct walk_run *run, const struct verify_place *place,
                             const struct parquet_page_values *page, struct error *error)
{
    const struct parquet_visitor *visitor = run->visitor;
    return visitor->see(visitor->context, place->row_group, place->column, page, error);
}

static enum error_code open_reader(struct walk_run *run, const struct verify_place *place,
                                   int64_t from_row, struct error *error)
{
    enum error_code code =
        parquet_column_reader_open(run->reader, read_once_in_order(run->walk->once),
                                   place->metadata, place->row_group, place->column, error);
    if (run->level < PARQUET_VERIFY_VALUES)
        parquet_column_reader_seek(run->reader, from_row);
    return code;
}

/* The values of a page, which the checks of its header and CRC have nothing against. */
static enum error_code take_values(struct walk_run *run, struct chunk_walk *walk,
                                   const struct page *page, struct bytes_view body,
                                   int64_t from_row, struct error *error)
{
    struct parquet_page_values values;
    enum error_code code = parquet_column_reader_take(run->reader, page, body, &values, error);
    if (code != OK || values.row_count == 0)
        return code;
    if (run->level >= PARQUET_VERIFY_VALUES)
        code = value_check_page(&walk->values, &values, error);
    if (code == OK && from_row >= 0 && values.first_row + values.row_count > from_row)
        code = visit(run, walk->place, &values, error);
    return code;
}

/* Every page of a chunk, and its values where they are checked or wanted. */
static enum error_code check_chunk(struct walk_run *run, const struct verify_place *place,
                                   struct error *error)
{
    struct chunk_walk walk = {
        .place = place,
        .chunk = &place->metadata->row_groups[place->row_group].chunks[place->column],
    };
    walk.values.place = *place;
    walk.values.column = &place->metadata->columns[place->column];
    walk.values.chunk = walk.chunk;
    int64_t from_row = wanted_row(run, place);
    bool is_checked =
        run->level >= PARQUET_VERIFY_VALUES && walk.values.column->type != PARQUET_BOOLEAN;
    bool is_decoded = is_checked || from_row >= 0;
    struct page_reader *pages = is_decoded ? parquet_column_reader_pages(run->reader) : &run->pages;
    enum error_code code = read_indexes(place, &walk, &run->arena, error);
    if (code == OK && is_decoded)
        code = open_reader(run, place, from_row, error);
    else
        page_reader_open(pages, walk.chunk);
    while (code == OK && !page_reader_at_end(pages)) {
        struct page page;
        struct bytes_view body;
        code = page_reader_next(pages, &page, is_decoded ? &body : NULL, error);
        if (code == ERR_CORRUPT || code == ERR_LIMIT)
            code = verify_prefix(place, page.offset, code, error);
        if (code == OK)
            code = check_page(&walk, &page, error);
        if (code == OK && place->row_group == 0 && page.offset == walk.chunk->offset &&
            !page.header.has_crc)
            run->walk->lacks_checksums = true;
        if (code == OK && is_decoded)
            code = take_values(run, &walk, &page, body, from_row, error);
    }
    if (code == OK)
        code = check_totals(&walk, error);
    return code == OK && is_checked ? value_check_end(&walk.values, error) : code;
}

/* Only the values that are wanted. */
static enum error_code visit_chunk(struct walk_run *run, const struct verify_place *place,
                                   struct error *error)
{
    struct parquet_page_values page;
    int64_t from_row = wanted_row(run, place);
    if (from_row < 0)
        return OK;
    enum error_code code = open_reader(run, place, from_row, error);
    while (code == OK) {
        code = parquet_column_reader_next(run->reader, &page, error);
        if (code == OK)
            code = visit(run, place, &page, error);
    }
    return code == ERR_NOT_FOUND ? OK : code;
}

/* --- the file -------------------------------------------------------------------------------- */

static uint64_t group_end(const struct parquet_file_metadata *metadata, size_t row_group)
{
    const struct parquet_chunk_metadata *last =
        &metadata->row_groups[row_group].chunks[metadata->column_count - 1];
    return last->offset + last->compressed_bytes;
}

static bool has_bloom(const struct parquet_file_metadata *metadata, size_t row_group)
{
    for (size_t c = 0; c < metadata->column_count; c++)
        if (metadata->row_groups[row_group].chunks[c].has_bloom)
            return true;
    return false;
}

/* What stands behind the row group's pages is looked at before them. */
static enum error_code keep_filters(const struct walk_run *run, size_t row_group,
                                    struct error *error)
{
    const struct parquet_file_metadata *metadata = &run->walk->metadata;
    if (row_group + 1 == metadata->row_group_count || !has_bloom(metadata, row_group))
        return OK; /* the end of the file is kept */
    return read_once_keep_gap(run->walk->once, group_end(metadata, row_group),
                              metadata->row_groups[row_group + 1].chunks[0].offset, error);
}

static enum error_code run_chunks(struct walk_run *run, struct error *error)
{
    const struct parquet_file_metadata *metadata = &run->walk->metadata;
    bool checks_pages = run->level >= PARQUET_VERIFY_PAGES;
    /* For a checksum these bytes are wanted twice. */
    bool keeps = checks_pages && run->walk->with_checksum && metadata->column_count > 0;
    enum error_code code = OK;
    if (keeps && metadata->row_group_count > 0)
        code = read_once_keep_end(run->walk->once,
                                  group_end(metadata, metadata->row_group_count - 1), error);
    for (size_t g = 0; g < metadata->row_group_count && code == OK; g++) {
        if (keeps)
            code = keep_filters(run, g, error);
        for (size_t c = 0; c < metadata->column_count && code == OK; c++) {
            struct verify_place place = {read_once_aside(run->walk->once), metadata, g, c};
            code = checks_pages ? check_chunk(run, &place, error) : visit_chunk(run, &place, error);
            arena_reset(&run->arena);
        }
    }
    return code;
}

enum error_code parquet_walk_begin(struct parquet_walk *walk, const struct parquet_source *source,
                                   bool with_checksum, struct error *error)
{
    *walk = (struct parquet_walk){.source = source, .with_checksum = with_checksum};
    uint64_t end_bytes = source->size_bytes < END_TRY_BYTES ? source->size_bytes : END_TRY_BYTES;
    enum error_code code = read_once_new(&walk->once, source, with_checksum, error);
    if (code == OK)
        code = read_once_keep_end(walk->once, source->size_bytes - end_bytes, error);
    if (code == OK)
        code = parquet_metadata_read(read_once_aside(walk->once), &walk->metadata, error);
    walk->has_metadata = code == OK;
    return code;
}

void parquet_walk_end(struct parquet_walk *walk)
{
    if (walk->has_metadata)
        parquet_metadata_release(&walk->metadata);
    read_once_free(walk->once);
    *walk = (struct parquet_walk){0};
}

enum error_code parquet_walk_run(struct parquet_walk *walk, enum parquet_verify_level level,
                                 int64_t expected_rows, const struct parquet_visitor *visitor,
                                 struct error *error)
{
    struct walk_run run = {.walk = walk, .level = level, .visitor = visitor};
    assert(walk->has_metadata && level >= PARQUET_VERIFY_FOOTER);
    if (expected_rows >= 0 && walk->metadata.row_count != expected_rows)
        return error_set(error, ERR_CORRUPT, "%s: has %lld rows, not %lld", walk->source->name,
                         (long long)walk->metadata.row_count, (long long)expected_rows);
    enum error_code code = check_order(walk->source, &walk->metadata, error);
    if (code != OK || (level < PARQUET_VERIFY_PAGES && visitor == NULL))
        return code;
    if (level >= PARQUET_VERIFY_VALUES || visitor != NULL) {
        code = parquet_column_reader_new(&run.reader, error);
        if (code != OK)
            return code;
    }
    page_reader_init(&run.pages, read_once_in_order(walk->once));
    arena_init(&run.arena, 0);
    code = run_chunks(&run, error);
    arena_release(&run.arena);
    page_reader_release(&run.pages);
    parquet_column_reader_free(run.reader);
    return code;
}

enum error_code parquet_walk_checksum(struct parquet_walk *walk, uint64_t *checksum,
                                      struct error *error)
{
    return read_once_checksum(walk->once, checksum, error);
}
