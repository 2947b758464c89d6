// SPDX-License-Identifier: Apache-2.0
#include "parquet/codec.h"
#include "parquet/writer.h"

#include <stdio.h>

#include "parquet/column.h"
#include "parquet/footer.h"
#include "util/memory.h"

#define DEFAULT_ROW_GROUP_ROWS  1000000u
#define DEFAULT_PAGE_SIZE_BYTES (1u << 20)
/* Below this a page is more header than data; above it a page outgrows its 32-bit sizes. */
#define MIN_PAGE_SIZE_BYTES 1024u
#define MAX_PAGE_SIZE_BYTES (256u << 20)
/* Widest fixed-size binary taken. */
#define MAX_FIXED_BYTES 1024u
/* The ordinal of a row group is a 16-bit number, and the footer holds them all. */
#define MAX_ROW_GROUPS INT16_MAX

enum writer_state { WRITER_OPEN, WRITER_CLOSING_GROUP, WRITER_FINISHED };

struct parquet_writer {
    struct parquet_writer_options options;
    char *created_by;
    struct codec_pool codecs;
    enum writer_state state;
    size_t column_count;
    struct column_writer *columns;
    struct row_group_meta *row_groups;
    size_t row_group_count;
    size_t row_group_capacity;
    int64_t open_rows;
    int64_t closed_rows;
    uint64_t file_bytes;
};

/* --- making one ---------------------------------------------------------------------------- */

static bool parse_format(const char *format, struct value_type *type)
{
    unsigned width = 0;
    char end = 0;
    if (strcmp(format, "tsu:UTC") == 0)
        *type = (struct value_type){VALUE_TIMESTAMP, 8};
    else if (strcmp(format, "I") == 0)
        *type = (struct value_type){VALUE_UINT32, 4};
    else if (strcmp(format, "u") == 0)
        *type = (struct value_type){VALUE_TEXT, 0};
    else if (strcmp(format, "d:38,0") == 0)
        *type = (struct value_type){VALUE_DECIMAL, DECIMAL_BYTES};
    else if (sscanf(format, "w:%4u%c", &width, &end) == 1 && width > 0 && width <= MAX_FIXED_BYTES)
        *type = (struct value_type){VALUE_FIXED, width};
    else
        return false;
    return true;
}

static bool child_type(const struct ArrowSchema *child, struct value_type *type)
{
    if (child->dictionary == NULL)
        return parse_format(child->format, type);
    return strcmp(child->format, "i") == 0 && parse_format(child->dictionary->format, type) &&
           (type->kind == VALUE_TEXT || type->kind == VALUE_FIXED || type->kind == VALUE_DECIMAL);
}

static enum error_code make_columns(struct parquet_writer *writer, const struct ArrowSchema *schema,
                                    const struct parquet_column_options *columns,
                                    struct error *error)
{
    if (strcmp(schema->format, "+s") != 0 || schema->n_children <= 0)
        return error_set(error, ERR_INVALID, "a Parquet writer takes a struct with columns");
    writer->columns = mem_alloc_zero((size_t)schema->n_children, sizeof *writer->columns);
    if (writer->columns == NULL)
        return error_no_memory(error, "a Parquet writer");
    for (int64_t i = 0; i < schema->n_children; i++) {
        const struct ArrowSchema *child = schema->children[i];
        struct value_type type;
        if (!child_type(child, &type))
            return error_set(error, ERR_INVALID,
                             "column %s has the Arrow format '%s', which is not written",
                             child->name, child->format);
        enum error_code code = column_init(&writer->columns[i], child->name, type,
                                           (child->flags & ARROW_FLAG_NULLABLE) != 0, &columns[i],
                                           &writer->options, &writer->codecs, error);
        if (code != OK)
            return code;
        writer->column_count++;
    }
    return OK;
}

static enum error_code check_options(struct parquet_writer_options *options, struct error *error)
{
    int min, max;
    parquet_codec_levels(options->codec, &min, &max);
    if (max != 0 && (options->compression_level < min || options->compression_level > max))
        return error_set(error, ERR_INVALID, "%s takes compression levels %d to %d, not %d",
                         parquet_codec_name(options->codec), min, max, options->compression_level);
    if (options->row_group_rows == 0)
        options->row_group_rows = DEFAULT_ROW_GROUP_ROWS;
    if (options->page_size_bytes == 0)
        options->page_size_bytes = DEFAULT_PAGE_SIZE_BYTES;
    if (options->page_size_bytes < MIN_PAGE_SIZE_BYTES ||
        options->page_size_bytes > MAX_PAGE_SIZE_BYTES)
        return error_set(error, ERR_INVALID, "a page size of %u bytes is not between %u and %u",
                         options->page_size_bytes, MIN_PAGE_SIZE_BYTES, MAX_PAGE_SIZE_BYTES);
    return OK;
}

enum error_code parquet_writer_new(struct parquet_writer **out, const struct ArrowSchema *schema,
                                   const struct parquet_column_options *columns,
                                   const struct parquet_writer_options *options,
                                   struct error *error)
{
    *out = NULL;
    struct parquet_writer *writer = mem_alloc_zero(1, sizeof *writer);
    if (writer == NULL)
        return error_no_memory(error, "a Parquet writer");
    codec_pool_init(&writer->codecs);
    writer->options = *options;
    writer->created_by = mem_copy_text(options->created_by);
    writer->options.created_by = writer->created_by;
    enum error_code code = writer->created_by == NULL ? error_no_memory(error, "a Parquet writer")
                                                      : check_options(&writer->options, error);
    if (code == OK)
        code = make_columns(writer, schema, columns, error);
    if (code == OK)
        *out = writer;
    else
        parquet_writer_free(writer);
    return code;
}

static void release_row_group(struct parquet_writer *writer, struct row_group_meta *group)
{
    for (size_t i = 0; i < writer->column_count && group->chunks != NULL; i++)
        chunk_meta_release(&group->chunks[i]);
    mem_free(group->chunks);
    mem_free(group->is_sorted);
}

void parquet_writer_free(struct parquet_writer *writer)
{
    if (writer == NULL)
        return;
    for (size_t i = 0; i < writer->row_group_count; i++)
        release_row_group(writer, &writer->row_groups[i]);
    mem_free(writer->row_groups);
    for (size_t i = 0; i < writer->column_count; i++)
        column_release(&writer->columns[i]);
    mem_free(writer->columns);
    codec_pool_release(&writer->codecs);
    mem_free(writer->created_by);
    mem_free(writer);
}

/* --- rows ---------------------------------------------------------------------------------- */

enum error_code parquet_writer_append(struct parquet_writer *writer, const struct ArrowArray *batch,
                                      int64_t first_row, int64_t row_count, int64_t *taken,
                                      struct error *error)
{
    assert(writer->state == WRITER_OPEN);
    *taken = 0;
    if ((size_t)batch->n_children != writer->column_count)
        return error_set(error, ERR_INVALID, "a record batch of %lld columns, not %zu",
                         (long long)batch->n_children, writer->column_count);
    if (first_row < 0 || row_count < 0 || first_row > batch->length - row_count)
        return error_set(error, ERR_INVALID, "rows outside their record batch");
    int64_t room = writer->options.row_group_rows - writer->open_rows;
    if (row_count > room)
        row_count = room;
    for (size_t i = 0; i < writer->column_count; i++) {
        enum error_code code = column_append(&writer->columns[i], batch->children[i],
                                             batch->offset + first_row, row_count, error);
        if (code != OK)
            return code;
    }
    writer->open_rows += row_count;
    *taken = row_count;
    return OK;
}

int64_t parquet_writer_open_rows(const struct parquet_writer *writer)
{
    return writer->open_rows;
}

bool parquet_writer_row_group_is_full(const struct parquet_writer *writer)
{
    return writer->open_rows >= writer->options.row_group_rows;
}

uint64_t parquet_writer_open_bytes_estimate(const struct parquet_writer *writer)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < writer->column_count; i++)
        bytes += column_bytes_estimate(&writer->columns[i]);
    return bytes;
}

uint64_t parquet_writer_closing_bytes(const struct parquet_writer *writer)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < writer->column_count; i++)
        bytes += column_closing_bytes(&writer->columns[i]);
    return bytes;
}

size_t parquet_writer_memory_bytes(const struct parquet_writer *writer)
{
    size_t bytes = sizeof *writer;
    for (size_t i = 0; i < writer->column_count; i++)
        bytes += column_memory_bytes(&writer->columns[i]);
    for (size_t g = 0; g < writer->row_group_count; g++) {
        for (size_t i = 0; i < writer->column_count; i++) {
            const struct chunk_meta *chunk = &writer->row_groups[g].chunks[i];
            bytes += sizeof *chunk + chunk->bounds.capacity_bytes +
                     chunk->page_capacity * sizeof *chunk->pages;
        }
    }
    return bytes;
}

/* --- row groups ---------------------------------------------------------------------------- */

static enum error_code add_row_group(struct parquet_writer *writer, struct error *error)
{
    if (writer->row_group_count == MAX_ROW_GROUPS)
        return error_set(error, ERR_LIMIT, "a Parquet file takes at most %d row groups: %s",
                         MAX_ROW_GROUPS, "raise row_group_rows or lower max_file_size");
    if (writer->row_group_count == writer->row_group_capacity) {
        size_t capacity = writer->row_group_capacity == 0 ? 8 : writer->row_group_capacity * 2;
        struct row_group_meta *groups = mem_realloc(writer->row_groups, capacity * sizeof *groups);
        if (groups == NULL)
            return error_no_memory(error, "a row group");
        writer->row_groups = groups;
        writer->row_group_capacity = capacity;
    }
    struct row_group_meta *group = &writer->row_groups[writer->row_group_count];
    *group = (struct row_group_meta){
        .row_count = writer->open_rows,
        .chunks = mem_alloc_zero(writer->column_count, sizeof *group->chunks),
        .is_sorted = mem_alloc_zero(writer->column_count, sizeof *group->is_sorted),
    };
    writer->row_group_count++;
    if (group->chunks == NULL || group->is_sorted == NULL)
        return error_no_memory(error, "a row group");
    return OK;
}

enum error_code parquet_writer_row_group_begin(struct parquet_writer *writer, size_t *task_count,
                                               struct error *error)
{
    assert(writer->state == WRITER_OPEN && writer->open_rows > 0);
    enum error_code code = add_row_group(writer, error);
    if (code != OK)
        return code;
    writer->state = WRITER_CLOSING_GROUP;
    *task_count = writer->column_count;
    return OK;
}

enum error_code parquet_writer_run_task(struct parquet_writer *writer, size_t task_index,
                                        struct error *error)
{
    assert(writer->state == WRITER_CLOSING_GROUP && task_index < writer->column_count);
    struct codec_context *context;
    if (codec_pool_take(&writer->codecs, &context) != OK)
        return error_no_memory(error, "a codec");
    enum error_code code = column_encode(&writer->columns[task_index], context, error);
    codec_pool_give(&writer->codecs, context);
    return code;
}

/* Where the bytes of a row group go. */
struct row_group_sink {
    parquet_write_function write;
    void *context;
};

static enum error_code write_chunk_bytes(const struct chunk_bytes *bytes,
                                         const struct row_group_sink *sink, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; i < bytes->piece_count && code == OK; i++) {
        const struct chunk_piece *piece = &bytes->pieces[i];
        const uint8_t *from =
            piece->borrowed != NULL ? piece->borrowed : bytes->own.data + piece->offset;
        code = sink->write(sink->context, bytes_view_of(from, piece->size_bytes), error);
    }
    return code;
}

/* Moves a finished column chunk into the file and its description into the row group. */
static enum error_code hand_out_chunk(struct parquet_writer *writer, size_t index,
                                      const struct row_group_sink *sink, struct error *error)
{
    struct column_writer *column = &writer->columns[index];
    struct row_group_meta *group = &writer->row_groups[writer->row_group_count - 1];
    assert(column->chunk.value_count == writer->open_rows); /* its task was run */
    enum error_code code = write_chunk_bytes(&column->bytes, sink, error);
    if (code != OK)
        return code;
    column->chunk.file_offset = writer->file_bytes;
    writer->file_bytes += column->bytes.size_bytes;
    group->chunks[index] = column->chunk;
    column->chunk = (struct chunk_meta){0};
    group->is_sorted[index] = column->options.sorted_ascending && column->is_rising;
    column_reset(column);
    return OK;
}

/* Bloom filters follow the row group they belong to, so that they need not be held to the end. */
static enum error_code hand_out_blooms(struct parquet_writer *writer,
                                       const struct row_group_sink *sink, struct error *error)
{
    struct row_group_meta *group = &writer->row_groups[writer->row_group_count - 1];
    for (size_t i = 0; i < writer->column_count; i++) {
        struct chunk_meta *chunk = &group->chunks[i];
        if (chunk->bloom.size_bytes == 0)
            continue;
        enum error_code code = sink->write(sink->context, buffer_view(&chunk->bloom), error);
        if (code != OK)
            return code;
        chunk->bloom_offset = writer->file_bytes;
        chunk->bloom_bytes = (uint32_t)chunk->bloom.size_bytes;
        writer->file_bytes += chunk->bloom.size_bytes;
        buffer_release(&chunk->bloom);
    }
    return OK;
}

static enum error_code begin_file(struct parquet_writer *writer, const struct row_group_sink *sink,
                                  struct error *error)
{
    if (writer->file_bytes != 0)
        return OK;
    writer->file_bytes = PARQUET_MAGIC_BYTES;
    return sink->write(sink->context, bytes_view_of(PARQUET_MAGIC, PARQUET_MAGIC_BYTES), error);
}

enum error_code parquet_writer_row_group_drain(struct parquet_writer *writer,
                                               parquet_write_function write, void *context,
                                               struct error *error)
{
    assert(writer->state == WRITER_CLOSING_GROUP);
    struct row_group_sink sink = {write, context};
    enum error_code code = begin_file(writer, &sink, error);
    writer->row_groups[writer->row_group_count - 1].file_offset = writer->file_bytes;
    for (size_t i = 0; i < writer->column_count && code == OK; i++)
        code = hand_out_chunk(writer, i, &sink, error);
    if (code == OK)
        code = hand_out_blooms(writer, &sink, error);
    if (code != OK)
        return code;
    writer->closed_rows += writer->open_rows;
    writer->open_rows = 0;
    writer->state = WRITER_OPEN;
    return OK;
}

static enum error_code append_to_buffer(void *context, struct bytes_view bytes, struct error *error)
{
    if (buffer_append(context, bytes.data, bytes.size_bytes) != OK)
        return error_no_memory(error, "a row group");
    return OK;
}

/* --- the end ------------------------------------------------------------------------------- */

enum error_code parquet_writer_finish(struct parquet_writer *writer,
                                      const struct parquet_key_value *metadata,
                                      size_t metadata_count, struct buffer *out,
                                      uint32_t *footer_size_bytes, struct error *error)
{
    assert(writer->state == WRITER_OPEN && writer->open_rows == 0);
    struct row_group_sink sink = {append_to_buffer, out};
    enum error_code code = begin_file(writer, &sink, error);
    if (code != OK)
        return code;
    size_t start = out->size_bytes;
    struct footer_input input = {
        .columns = writer->columns,
        .column_count = writer->column_count,
        .row_groups = writer->row_groups,
        .row_group_count = writer->row_group_count,
        .codec = writer->options.codec,
        .created_by = writer->created_by,
        .metadata = metadata,
        .metadata_count = metadata_count,
    };
    if (footer_write_page_index(&input, writer->file_bytes, out) != OK)
        return error_no_memory(error, "the page index");
    size_t footer_start = out->size_bytes;
    if (footer_write_metadata(&input, out) != OK)
        return error_no_memory(error, "the footer");
    uint32_t size = (uint32_t)(out->size_bytes - footer_start); /* little-endian in the file */
    if (buffer_append(out, &size, sizeof size) != OK ||
        buffer_append(out, PARQUET_MAGIC, PARQUET_MAGIC_BYTES) != OK)
        return error_no_memory(error, "the footer");
    writer->file_bytes += out->size_bytes - start;
    writer->state = WRITER_FINISHED;
    *footer_size_bytes = size;
    return OK;
}

int64_t parquet_writer_row_count(const struct parquet_writer *writer)
{
    return writer->closed_rows;
}

static void merge_bounds(const struct value_type *type, const struct chunk_meta *chunk,
                         struct parquet_column_statistics *out)
{
    struct bytes_view min =
        bytes_view_of(chunk->bounds.data + chunk->min_offset, chunk->min_size_bytes);
    struct bytes_view max =
        bytes_view_of(chunk->bounds.data + chunk->max_offset, chunk->max_size_bytes);
    if (!out->has_bounds || value_compare(type, min, out->min_value) < 0) {
        out->min_value = min;
        out->min_is_exact = chunk->min_is_exact;
    }
    if (!out->has_bounds || value_compare(type, max, out->max_value) > 0) {
        out->max_value = max;
        out->max_is_exact = chunk->max_is_exact;
    }
    out->has_bounds = true;
}

void parquet_writer_column_statistics(const struct parquet_writer *writer, size_t column,
                                      struct parquet_column_statistics *out)
{
    assert(column < writer->column_count);
    *out = (struct parquet_column_statistics){0};
    for (size_t g = 0; g < writer->row_group_count; g++) {
        const struct chunk_meta *chunk = &writer->row_groups[g].chunks[column];
        out->value_count += chunk->value_count - chunk->null_count;
        out->null_count += chunk->null_count;
        out->compressed_bytes += (int64_t)chunk->compressed_bytes;
        if (chunk->has_bounds)
            merge_bounds(&writer->columns[column].type, chunk, out);
    }
}
