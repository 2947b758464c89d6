// SPDX-License-Identifier: Apache-2.0
#include "parquet/footer.h"

#include "parquet/thrift.h"

/* "for maximum compatibility always populate 1" (parquet.thrift, FileMetaData). */
#define FORMAT_VERSION 1

static struct bytes_view bound(const struct chunk_meta *chunk, uint32_t offset, uint32_t size_bytes)
{
    if (size_bytes == 0) /* where all are empty, no bound took memory */
        return bytes_view_of(NULL, 0);
    return bytes_view_of(chunk->bounds.data + offset, size_bytes);
}

/* --- page index ---------------------------------------------------------------------------- */

static enum parquet_boundary_order boundary_order(const struct value_type *type,
                                                  const struct chunk_meta *chunk)
{
    const struct page_meta *last = NULL;
    bool rises = true;
    bool falls = true;
    for (size_t i = 0; i < chunk->page_count; i++) {
        const struct page_meta *page = &chunk->pages[i];
        if (!page->has_bounds)
            continue;
        if (last != NULL) {
            int min = value_compare(type, bound(chunk, last->min_offset, last->min_size_bytes),
                                    bound(chunk, page->min_offset, page->min_size_bytes));
            int max = value_compare(type, bound(chunk, last->max_offset, last->max_size_bytes),
                                    bound(chunk, page->max_offset, page->max_size_bytes));
            rises = rises && min <= 0 && max <= 0;
            falls = falls && min >= 0 && max >= 0;
        }
        last = page;
    }
    return rises ? PARQUET_ASCENDING : falls ? PARQUET_DESCENDING : PARQUET_UNORDERED;
}

static void write_column_index(struct thrift_writer *writer, const struct column_writer *column,
                               const struct chunk_meta *chunk)
{
    size_t count = chunk->page_count;
    thrift_begin_list(writer, 1, THRIFT_TRUE, count);
    for (size_t i = 0; i < count; i++)
        thrift_element_bool(writer, !chunk->pages[i].has_bounds);
    thrift_begin_list(writer, 2, THRIFT_BINARY, count);
    for (size_t i = 0; i < count; i++)
        thrift_element_binary(
            writer, bound(chunk, chunk->pages[i].min_offset, chunk->pages[i].min_size_bytes));
    thrift_begin_list(writer, 3, THRIFT_BINARY, count);
    for (size_t i = 0; i < count; i++)
        thrift_element_binary(
            writer, bound(chunk, chunk->pages[i].max_offset, chunk->pages[i].max_size_bytes));
    thrift_write_i32(writer, 4, boundary_order(&column->type, chunk));
    thrift_begin_list(writer, 5, THRIFT_I64, count);
    for (size_t i = 0; i < count; i++)
        thrift_element_i64(writer, chunk->pages[i].null_count);
    if (column->nullable) { /* definition levels 0 and 1 of each page */
        thrift_begin_list(writer, 7, THRIFT_I64, 2 * count);
        for (size_t i = 0; i < count; i++) {
            thrift_element_i64(writer, chunk->pages[i].null_count);
            thrift_element_i64(writer, chunk->pages[i].row_count - chunk->pages[i].null_count);
        }
    }
    thrift_end_struct(writer);
}

static void write_offset_index(struct thrift_writer *writer, const struct column_writer *column,
                               const struct chunk_meta *chunk)
{
    thrift_begin_list(writer, 1, THRIFT_STRUCT, chunk->page_count);
    for (size_t i = 0; i < chunk->page_count; i++) {
        const struct page_meta *page = &chunk->pages[i];
        thrift_element_begin_struct(writer);
        thrift_write_i64(writer, 1, (int64_t)chunk->file_offset + page->offset);
        thrift_write_i32(writer, 2, (int32_t)page->stored_bytes);
        thrift_write_i64(writer, 3, page->first_row);
        thrift_end_struct(writer);
    }
    if (column->type.kind == VALUE_TEXT) {
        thrift_begin_list(writer, 2, THRIFT_I64, chunk->page_count);
        for (size_t i = 0; i < chunk->page_count; i++)
            thrift_element_i64(writer, (int64_t)chunk->pages[i].text_bytes);
    }
    thrift_end_struct(writer);
}

enum error_code footer_write_page_index(const struct footer_input *input, uint64_t file_bytes,
                                        struct buffer *out)
{
    uint64_t base = file_bytes - out->size_bytes;
    struct thrift_writer writer;
    for (int pass = 0; pass < 2; pass++) { /* all column indexes, then all offset indexes */
        for (size_t g = 0; g < input->row_group_count; g++) {
            for (size_t c = 0; c < input->column_count; c++) {
                struct chunk_meta *chunk = &input->row_groups[g].chunks[c];
                uint64_t start = base + out->size_bytes;
                thrift_writer_init(&writer, out);
                if (pass == 0)
                    write_column_index(&writer, &input->columns[c], chunk);
                else
                    write_offset_index(&writer, &input->columns[c], chunk);
                if (writer.status != OK)
                    return writer.status;
                uint32_t size = (uint32_t)(base + out->size_bytes - start);
                *(pass == 0 ? &chunk->column_index_offset : &chunk->offset_index_offset) = start;
                *(pass == 0 ? &chunk->column_index_bytes : &chunk->offset_index_bytes) = size;
            }
        }
    }
    return OK;
}

/* --- schema -------------------------------------------------------------------------------- */

static void write_converted_type(struct thrift_writer *writer, enum value_kind kind)
{
    switch (kind) {
    case VALUE_UINT32: thrift_write_i32(writer, 6, PARQUET_CONVERTED_UINT_32); break;
    case VALUE_TIMESTAMP: thrift_write_i32(writer, 6, PARQUET_CONVERTED_TIMESTAMP_MICROS); break;
    case VALUE_TEXT: thrift_write_i32(writer, 6, PARQUET_CONVERTED_UTF8); break;
    case VALUE_DECIMAL:
        thrift_write_i32(writer, 6, PARQUET_CONVERTED_DECIMAL);
        thrift_write_i32(writer, 7, 0);
        thrift_write_i32(writer, 8, DECIMAL_PRECISION);
        break;
    case VALUE_FIXED: break;
    }
}

static void write_logical_type(struct thrift_writer *writer, enum value_kind kind)
{
    if (kind == VALUE_FIXED)
        return;
    thrift_begin_struct(writer, 10);
    switch (kind) {
    case VALUE_TEXT: thrift_begin_struct(writer, PARQUET_LOGICAL_STRING); break;
    case VALUE_DECIMAL:
        thrift_begin_struct(writer, PARQUET_LOGICAL_DECIMAL);
        thrift_write_i32(writer, 1, 0);
        thrift_write_i32(writer, 2, DECIMAL_PRECISION);
        break;
    case VALUE_TIMESTAMP:
        thrift_begin_struct(writer, PARQUET_LOGICAL_TIMESTAMP);
        thrift_write_bool(writer, 1, true); /* isAdjustedToUTC */
        thrift_begin_struct(writer, 2);     /* unit */
        thrift_begin_struct(writer, 2);     /* MICROS */
        thrift_end_struct(writer);
        thrift_end_struct(writer);
        break;
    case VALUE_UINT32:
        thrift_begin_struct(writer, PARQUET_LOGICAL_INTEGER);
        thrift_write_i8(writer, 1, 32);
        thrift_write_bool(writer, 2, false); /* isSigned */
        break;
    case VALUE_FIXED: break;
    }
    thrift_end_struct(writer);
    thrift_end_struct(writer);
}

static void write_schema(struct thrift_writer *writer, const struct footer_input *input)
{
    thrift_begin_list(writer, 2, THRIFT_STRUCT, input->column_count + 1);
    thrift_element_begin_struct(writer);
    thrift_write_text(writer, 4, "schema");
    thrift_write_i32(writer, 5, (int32_t)input->column_count);
    thrift_end_struct(writer);
    for (size_t i = 0; i < input->column_count; i++) {
        const struct column_writer *column = &input->columns[i];
        enum parquet_type type = value_physical_type(&column->type);
        thrift_element_begin_struct(writer);
        thrift_write_i32(writer, 1, type);
        if (type == PARQUET_FIXED_LEN_BYTE_ARRAY)
            thrift_write_i32(writer, 2, (int32_t)column->type.width_bytes);
        thrift_write_i32(writer, 3, column->nullable ? PARQUET_OPTIONAL : PARQUET_REQUIRED);
        thrift_write_text(writer, 4, column->name);
        write_converted_type(writer, column->type.kind);
        thrift_write_i32(writer, 9, column->options.field_id);
        write_logical_type(writer, column->type.kind);
        thrift_end_struct(writer);
    }
}

/* --- row groups ---------------------------------------------------------------------------- */

static void write_encodings(struct thrift_writer *writer, const struct chunk_meta *chunk)
{
    uint32_t used = chunk->encodings_used | 1u << PARQUET_RLE; /* levels */
    if (chunk->has_dictionary)
        used |= 1u << PARQUET_PLAIN;
    thrift_begin_list(writer, 2, THRIFT_I32, (size_t)__builtin_popcount(used));
    for (int32_t encoding = 0; encoding < PARQUET_ENCODING_COUNT; encoding++)
        if (used >> encoding & 1)
            thrift_element_i32(writer, encoding);
}

static void write_statistics(struct thrift_writer *writer, const struct chunk_meta *chunk)
{
    thrift_begin_struct(writer, 12);
    thrift_write_i64(writer, 3, chunk->null_count);
    if (chunk->has_bounds) {
        thrift_write_binary(writer, 5, bound(chunk, chunk->max_offset, chunk->max_size_bytes));
        thrift_write_binary(writer, 6, bound(chunk, chunk->min_offset, chunk->min_size_bytes));
        thrift_write_bool(writer, 7, chunk->max_is_exact);
        thrift_write_bool(writer, 8, chunk->min_is_exact);
    }
    thrift_end_struct(writer);
}

static void write_encoding_count(struct thrift_writer *writer, enum parquet_page_type type,
                                 int32_t encoding, int32_t count)
{
    thrift_element_begin_struct(writer);
    thrift_write_i32(writer, 1, type);
    thrift_write_i32(writer, 2, encoding);
    thrift_write_i32(writer, 3, count);
    thrift_end_struct(writer);
}

static void write_encoding_stats(struct thrift_writer *writer, const struct chunk_meta *chunk)
{
    int32_t counts[PARQUET_ENCODING_COUNT] = {0};
    for (size_t i = 0; i < chunk->page_count; i++)
        counts[chunk->pages[i].encoding]++;
    thrift_begin_list(writer, 13, THRIFT_STRUCT,
                      (size_t)__builtin_popcount(chunk->encodings_used) + chunk->has_dictionary);
    if (chunk->has_dictionary)
        write_encoding_count(writer, PARQUET_DICTIONARY_PAGE, PARQUET_PLAIN, 1);
    for (int32_t encoding = 0; encoding < PARQUET_ENCODING_COUNT; encoding++)
        if (counts[encoding] != 0)
            write_encoding_count(writer, PARQUET_DATA_PAGE, encoding, counts[encoding]);
}

static void write_size_statistics(struct thrift_writer *writer, const struct column_writer *column,
                                  const struct chunk_meta *chunk)
{
    if (column->type.kind != VALUE_TEXT && !column->nullable)
        return;
    thrift_begin_struct(writer, 16);
    if (column->type.kind == VALUE_TEXT)
        thrift_write_i64(writer, 1, (int64_t)chunk->text_bytes);
    if (column->nullable) {
        thrift_begin_list(writer, 3, THRIFT_I64, 2);
        thrift_element_i64(writer, chunk->null_count);
        thrift_element_i64(writer, chunk->value_count - chunk->null_count);
    }
    thrift_end_struct(writer);
}

static void write_chunk_metadata(struct thrift_writer *writer, const struct footer_input *input,
                                 const struct column_writer *column, const struct chunk_meta *chunk)
{
    thrift_begin_struct(writer, 3);
    thrift_write_i32(writer, 1, value_physical_type(&column->type));
    write_encodings(writer, chunk);
    thrift_begin_list(writer, 3, THRIFT_BINARY, 1);
    thrift_element_text(writer, column->name);
    thrift_write_i32(writer, 4, codec_compression(input->codec));
    thrift_write_i64(writer, 5, chunk->value_count);
    thrift_write_i64(writer, 6, (int64_t)chunk->uncompressed_bytes);
    thrift_write_i64(writer, 7, (int64_t)chunk->compressed_bytes);
    thrift_write_i64(writer, 9, (int64_t)(chunk->file_offset + chunk->data_page_offset));
    if (chunk->has_dictionary)
        thrift_write_i64(writer, 11, (int64_t)chunk->file_offset);
    write_statistics(writer, chunk);
    write_encoding_stats(writer, chunk);
    if (chunk->bloom_offset != 0) {
        thrift_write_i64(writer, 14, (int64_t)chunk->bloom_offset);
        thrift_write_i32(writer, 15, (int32_t)chunk->bloom_bytes);
    }
    write_size_statistics(writer, column, chunk);
    thrift_end_struct(writer);
}

static void write_chunk(struct thrift_writer *writer, const struct footer_input *input,
                        const struct column_writer *column, const struct chunk_meta *chunk)
{
    thrift_element_begin_struct(writer);
    thrift_write_i64(writer, 2, 0); /* file_offset: deprecated, "writers should set it to 0" */
    write_chunk_metadata(writer, input, column, chunk);
    thrift_write_i64(writer, 4, (int64_t)chunk->offset_index_offset);
    thrift_write_i32(writer, 5, (int32_t)chunk->offset_index_bytes);
    thrift_write_i64(writer, 6, (int64_t)chunk->column_index_offset);
    thrift_write_i32(writer, 7, (int32_t)chunk->column_index_bytes);
    thrift_end_struct(writer);
}

/* Each column marked sorted rises by itself, so the rows are in the order of all of them too. */
static void write_sorting_columns(struct thrift_writer *writer, const struct footer_input *input,
                                  const struct row_group_meta *group)
{
    size_t count = 0;
    for (size_t i = 0; i < input->column_count; i++)
        count += group->is_sorted[i];
    if (count == 0)
        return;
    thrift_begin_list(writer, 4, THRIFT_STRUCT, count);
    for (size_t i = 0; i < input->column_count; i++) {
        if (!group->is_sorted[i])
            continue;
        thrift_element_begin_struct(writer);
        thrift_write_i32(writer, 1, (int32_t)i);
        thrift_write_bool(writer, 2, false); /* descending */
        thrift_write_bool(writer, 3, false); /* nulls_first */
        thrift_end_struct(writer);
    }
}

static void write_row_group(struct thrift_writer *writer, const struct footer_input *input,
                            size_t ordinal)
{
    const struct row_group_meta *group = &input->row_groups[ordinal];
    uint64_t uncompressed = 0;
    uint64_t compressed = 0;
    thrift_element_begin_struct(writer);
    thrift_begin_list(writer, 1, THRIFT_STRUCT, input->column_count);
    for (size_t i = 0; i < input->column_count; i++) {
        write_chunk(writer, input, &input->columns[i], &group->chunks[i]);
        uncompressed += group->chunks[i].uncompressed_bytes;
        compressed += group->chunks[i].compressed_bytes;
    }
    thrift_write_i64(writer, 2, (int64_t)uncompressed);
    thrift_write_i64(writer, 3, group->row_count);
    write_sorting_columns(writer, input, group);
    thrift_write_i64(writer, 5, (int64_t)group->file_offset);
    thrift_write_i64(writer, 6, (int64_t)compressed);
    if (ordinal <= INT16_MAX)
        thrift_write_i16(writer, 7, (int16_t)ordinal);
    thrift_end_struct(writer);
}

static void write_key_values(struct thrift_writer *writer, const struct footer_input *input)
{
    if (input->metadata_count == 0)
        return;
    thrift_begin_list(writer, 5, THRIFT_STRUCT, input->metadata_count);
    for (size_t i = 0; i < input->metadata_count; i++) {
        thrift_element_begin_struct(writer);
        thrift_write_text(writer, 1, input->metadata[i].key);
        thrift_write_text(writer, 2, input->metadata[i].value);
        thrift_end_struct(writer);
    }
}

enum error_code footer_write_metadata(const struct footer_input *input, struct buffer *out)
{
    struct thrift_writer writer;
    int64_t rows = 0;
    for (size_t i = 0; i < input->row_group_count; i++)
        rows += input->row_groups[i].row_count;
    thrift_writer_init(&writer, out);
    thrift_write_i32(&writer, 1, FORMAT_VERSION);
    write_schema(&writer, input);
    thrift_write_i64(&writer, 3, rows);
    thrift_begin_list(&writer, 4, THRIFT_STRUCT, input->row_group_count);
    for (size_t i = 0; i < input->row_group_count; i++)
        write_row_group(&writer, input, i);
    write_key_values(&writer, input);
    thrift_write_text(&writer, 6, input->created_by);
    thrift_begin_list(&writer, 7, THRIFT_STRUCT, input->column_count); /* all TYPE_ORDER */
    for (size_t i = 0; i < input->column_count; i++) {
        thrift_element_begin_struct(&writer);
        thrift_begin_struct(&writer, 1);
        thrift_end_struct(&writer);
        thrift_end_struct(&writer);
    }
    thrift_end_struct(&writer);
    return writer.status;
}
