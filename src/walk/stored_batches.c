// SPDX-License-Identifier: Apache-2.0
#include "walk/stored_batches.h"

#include <assert.h>
#include <string.h>

#include "arrow/dictionary.h"
#include "parquet/decode.h"
#include "util/memory.h"

/* What Arrow's values are aligned to, where they are numbers. */
#define VALUE_ALIGNMENT 8u

/* One column of the open row group: the page that the next rows stand in, as an Arrow array. */
struct page_column {
    const struct row_column *column;
    uint32_t width_bytes; /* 0: texts */
    bool is_decimal;
    struct parquet_column_reader *reader;
    int64_t first_row, end_row; /* of the page */
    /* The values of the row group's dictionary; NULL: not met yet. */
    struct arrow_dictionary *dictionary;
    struct ArrowArray dictionary_array;
    struct buffer list, list_offsets; /* its values, where they don't stand so in the page */
    struct buffer validity, values, text;
    const void *buffers[3];
    struct ArrowArray array;
};

struct stored_batches {
    const struct row_schema *schema;
    const struct parquet_source *source;
    struct page_column columns[ROW_COLUMN_MAX];
    struct ArrowArray *children[ROW_COLUMN_MAX];
    const void *no_buffers[1];
    struct ArrowArray array;
};

static uint32_t width_of(const char *arrow_format)
{
    switch (arrow_format[0]) {
    case 't': return sizeof(int64_t);
    case 'I': return sizeof(uint32_t);
    case 'w': return 32;
    case 'd': return DECIMAL_BYTES;
    default: return 0;
    }
}

static void drop_dictionary(struct page_column *column)
{
    arrow_array_release(&column->dictionary_array);
    arrow_dictionary_release(column->dictionary);
    column->dictionary = NULL;
}

enum error_code stored_batches_new(struct stored_batches **out, const struct row_schema *schema,
                                   struct error *error)
{
    struct stored_batches *batches = mem_alloc_zero(1, sizeof *batches);
    enum error_code code = OK;
    *out = batches;
    if (batches == NULL)
        return error_no_memory(error, "a file's rows");
    batches->schema = schema;
    batches->array = (struct ArrowArray){.n_buffers = 1,
                                         .buffers = batches->no_buffers,
                                         .n_children = (int64_t)schema->column_count,
                                         .children = batches->children};
    for (size_t i = 0; code == OK && i < schema->column_count; i++) {
        struct page_column *column = &batches->columns[i];
        column->column = &schema->columns[i];
        column->width_bytes = width_of(column->column->arrow_format);
        column->is_decimal = column->column->arrow_format[0] == 'd';
        batches->children[i] = &column->array;
        code = parquet_column_reader_new(&column->reader, error);
        if (code == OK)
            parquet_column_reader_keep_ids(column->reader);
    }
    if (code != OK) {
        stored_batches_free(batches);
        *out = NULL;
    }
    return code;
}

void stored_batches_free(struct stored_batches *batches)
{
    if (batches == NULL)
        return;
    for (size_t i = 0; i < batches->schema->column_count; i++) {
        struct page_column *column = &batches->columns[i];
        drop_dictionary(column);
        parquet_column_reader_free(column->reader);
        buffer_release(&column->list);
        buffer_release(&column->list_offsets);
        buffer_release(&column->validity);
        buffer_release(&column->values);
        buffer_release(&column->text);
    }
    mem_free(batches);
}

enum error_code stored_batches_open(struct stored_batches *batches,
                                    const struct parquet_source *source,
                                    const struct parquet_file_metadata *metadata, size_t row_group,
                                    struct error *error)
{
    enum error_code code = OK;
    batches->source = source;
    for (size_t i = 0; code == OK && i < batches->schema->column_count; i++) {
        struct page_column *column = &batches->columns[i];
        int index = parquet_metadata_column(metadata, column->column->name);
        if (index < 0)
            return error_set(error, ERR_CORRUPT, "%s has no column %s", source->name,
                             column->column->name);
        drop_dictionary(column);
        column->first_row = column->end_row = 0;
        code = parquet_column_reader_open(column->reader, source, metadata, row_group,
                                          (size_t)index, error);
    }
    return code;
}

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "a file's rows");
}

static enum error_code wrong_values(const struct stored_batches *batches,
                                    const struct page_column *column, struct error *error)
{
    return error_set(error, ERR_CORRUPT, "%s: column %s has values of another kind or width",
                     batches->source->name, column->column->name);
}

/* Room for `size_bytes` in place of what the buffer holds; NULL when memory is out. */
static void *room(struct buffer *buffer, size_t size_bytes)
{
    buffer_reset(buffer);
    if (buffer_reserve(buffer, size_bytes + 1) != OK)
        return NULL;
    buffer->size_bytes = size_bytes;
    return buffer->data;
}

/* ---- dictionaries ---- */

/* Parquet holds decimals big-endian, Arrow little-endian. */
static void swap_decimal(uint8_t *to, const uint8_t *from)
{
    for (size_t i = 0; i < DECIMAL_BYTES; i++)
        to[i] = from[DECIMAL_BYTES - 1 - i];
}

static struct bytes_view decoded_value(const struct decoded_values *values, uint32_t i)
{
    return values->texts != NULL ? values->texts[i]
                                 : bytes_view_of(values->fixed + (size_t)i * values->width_bytes,
                                                 values->width_bytes);
}

/* Whether all are texts, or of the column's width: others may have written hashes as bytes of any
 * length. *size_bytes: of them together. */
static bool are_of_column(const struct page_column *column, const struct decoded_values *values,
                          uint64_t *size_bytes)
{
    *size_bytes = 0;
    if (column->width_bytes == 0 && values->texts == NULL)
        return false;
    for (uint32_t i = 0; i < values->count; i++) {
        size_t size = decoded_value(values, i).size_bytes;
        if (column->width_bytes != 0 && size != column->width_bytes)
            return false;
        *size_bytes += size;
    }
    return true;
}

/* Texts, or decimals in Arrow's order, side by side in the column's own memory. */
static enum error_code copy_values(struct page_column *column, const struct decoded_values *values,
                                   size_t size_bytes, struct error *error)
{
    uint8_t *to = room(&column->list, size_bytes);
    int32_t *offsets = room(&column->list_offsets, (values->count + UINT64_C(1)) * sizeof *offsets);
    if (to == NULL || offsets == NULL)
        return no_memory(error);
    uint32_t at = 0;
    for (uint32_t i = 0; i < values->count; i++) {
        struct bytes_view value = decoded_value(values, i);
        offsets[i] = (int32_t)at;
        if (column->is_decimal)
            swap_decimal(to + at, value.data);
        else if (value.size_bytes != 0)
            memcpy(to + at, value.data, value.size_bytes);
        at += (uint32_t)value.size_bytes;
    }
    offsets[values->count] = (int32_t)at;
    return OK;
}

/* Lists the values of the row group's dictionary, so that its pages' ids stay as they are. */
static enum error_code list_values(const struct stored_batches *batches, struct page_column *column,
                                   const struct decoded_values *values, struct error *error)
{
    uint64_t size_bytes;
    const uint8_t *listed = values->fixed;
    const int32_t *offsets = NULL;
    if (!are_of_column(column, values, &size_bytes))
        return wrong_values(batches, column, error);
    assert(size_bytes <= PAGE_MAX_BYTES); /* they stood in a page */
    if (values->texts != NULL || column->is_decimal || (uintptr_t)listed % VALUE_ALIGNMENT != 0) {
        if (copy_values(column, values, (size_t)size_bytes, error) != OK)
            return ERR_NO_MEMORY;
        listed = column->list.data;
    }
    if (column->width_bytes == 0)
        offsets = (const void *)column->list_offsets.data;
    if (arrow_dictionary_new_list(&column->dictionary, column->width_bytes, values->count, offsets,
                                  listed) != OK ||
        arrow_dictionary_export(column->dictionary, &column->dictionary_array) != OK)
        return no_memory(error);
    return OK;
}

/* ---- a page as an array ---- */

/* Goes over the rows of a page: `next` is the value that the next row with one has. */
struct places {
    const struct parquet_page_values *page;
    uint32_t next;
};

static bool has_value(const struct places *places, uint32_t row)
{
    return places->page->validity == NULL || places->page->validity[row] != 0;
}

/* Eight bytes of 0 or 1 become the bits of one. */
static void pack_bits(const uint8_t *bytes, uint32_t count, uint8_t *bits)
{
    for (uint32_t i = 0; i < count; i += 8) {
        uint64_t eight = 0;
        memcpy(&eight, bytes + i, count - i < 8 ? count - i : 8);
        bits[i / 8] = (uint8_t)(eight * UINT64_C(0x0102040810204080) >> 56);
    }
}

static enum error_code put_validity(struct page_column *column,
                                    const struct parquet_page_values *page, struct error *error)
{
    column->buffers[0] = NULL;
    if (page->validity == NULL)
        return OK;
    uint8_t *bits = room(&column->validity, (page->row_count + 7) / 8);
    if (bits == NULL)
        return no_memory(error);
    pack_bits(page->validity, page->row_count, bits);
    column->buffers[0] = bits;
    return OK;
}

static enum error_code put_indices(struct page_column *column,
                                   const struct parquet_page_values *page, struct error *error)
{
    column->array.dictionary = &column->dictionary_array;
    column->array.n_buffers = 2;
    column->buffers[1] = page->ids;
    if (page->validity == NULL)
        return OK;
    uint32_t *indices = room(&column->values, page->row_count * sizeof *indices);
    if (indices == NULL)
        return no_memory(error);
    /* Without a branch a row, up to the last one that has a value. */
    uint32_t row = 0;
    for (uint32_t next = 0; next < page->value_count; row++) {
        indices[row] = page->ids[next];
        next += page->validity[row] != 0;
    }
    memset(indices + row, 0, (page->row_count - row) * sizeof *indices);
    column->buffers[1] = indices;
    return OK;
}

/* Texts that come as such. */
static enum error_code put_texts(struct page_column *column, const struct parquet_page_values *page,
                                 struct error *error)
{
    struct places at = {.page = page};
    int32_t *offsets = room(&column->values, (page->row_count + UINT64_C(1)) * sizeof *offsets);
    if (offsets == NULL)
        return no_memory(error);
    buffer_reset(&column->text);
    for (uint32_t i = 0; i < page->row_count; i++) {
        struct bytes_view text = {0};
        offsets[i] = (int32_t)column->text.size_bytes;
        if (!has_value(&at, i))
            continue;
        text = page->texts[at.next++];
        if (column->text.size_bytes + text.size_bytes > INT32_MAX)
            return error_set(error, ERR_LIMIT, "column %s: a page's texts take more than %d bytes",
                             column->column->name, INT32_MAX);
        if (buffer_append(&column->text, text.data, text.size_bytes) != OK)
            return no_memory(error);
    }
    offsets[page->row_count] = (int32_t)column->text.size_bytes;
    column->array.dictionary = NULL;
    column->array.n_buffers = 3;
    column->buffers[1] = offsets;
    column->buffers[2] = column->text.data;
    return OK;
}

static enum error_code put_fixed(const struct stored_batches *batches, struct page_column *column,
                                 const struct parquet_page_values *page, struct error *error)
{
    struct places at = {.page = page};
    uint32_t width = column->width_bytes;
    if (page->texts == NULL && page->width_bytes != width)
        return wrong_values(batches, column, error);
    column->array.dictionary = NULL;
    column->array.n_buffers = 2;
    column->buffers[1] = page->fixed;
    if (page->texts == NULL && page->validity == NULL && !column->is_decimal &&
        (uintptr_t)page->fixed % VALUE_ALIGNMENT == 0)
        return OK;
    uint8_t *values = room(&column->values, (size_t)page->row_count * width);
    if (values == NULL)
        return no_memory(error);
    for (uint32_t i = 0; i < page->row_count; i++) {
        uint8_t *value = values + (size_t)i * width;
        if (!has_value(&at, i)) {
            memset(value, 0, width);
            continue;
        }
        struct bytes_view stored = parquet_page_value(page, at.next++);
        if (stored.size_bytes != width) /* a hash that others wrote as bytes of any length */
            return wrong_values(batches, column, error);
        if (column->is_decimal)
            swap_decimal(value, stored.data);
        else
            memcpy(value, stored.data, width);
    }
    column->buffers[1] = values;
    return OK;
}

static enum error_code put_page(const struct stored_batches *batches, struct page_column *column,
                                const struct parquet_page_values *page, struct error *error)
{
    enum error_code code = put_validity(column, page, error);
    if (code == OK && page->ids != NULL && column->dictionary == NULL)
        code =
            list_values(batches, column, parquet_column_reader_dictionary(column->reader), error);
    if (code != OK)
        return code;
    if (page->ids != NULL)
        return put_indices(column, page, error);
    if (column->width_bytes != 0)
        return put_fixed(batches, column, page, error);
    return page->texts != NULL || page->value_count == 0 ? put_texts(column, page, error)
                                                         : wrong_values(batches, column, error);
}

/* Makes the page that has the row the column's. */
static enum error_code turn_to(const struct stored_batches *batches, struct page_column *column,
                               int64_t row, struct error *error)
{
    struct parquet_page_values page = {0};
    enum error_code code = OK;
    if (row < column->end_row)
        return OK;
    parquet_column_reader_seek(column->reader, row);
    do
        code = parquet_column_reader_next(column->reader, &page, error);
    while (code == OK && row >= page.first_row + page.row_count);
    if (code == ERR_NOT_FOUND)
        return error_set(error, ERR_CORRUPT, "%s: column %s ends before its row group does",
                         batches->source->name, column->column->name);
    if (code != OK)
        return code;
    column->first_row = page.first_row;
    column->end_row = page.first_row + page.row_count;
    column->array.buffers = column->buffers;
    return put_page(batches, column, &page, error);
}

enum error_code stored_batches_read(struct stored_batches *batches, int64_t first_row,
                                    int64_t max_rows, const struct ArrowArray **rows,
                                    struct error *error)
{
    int64_t end = first_row + max_rows;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < batches->schema->column_count; i++) {
        code = turn_to(batches, &batches->columns[i], first_row, error);
        if (batches->columns[i].end_row < end)
            end = batches->columns[i].end_row;
    }
    if (code != OK)
        return code;
    for (size_t i = 0; i < batches->schema->column_count; i++) {
        struct page_column *column = &batches->columns[i];
        column->array.length = end - first_row;
        column->array.offset = first_row - column->first_row;
        column->array.null_count = column->buffers[0] == NULL ? 0 : -1;
    }
    batches->array.length = end - first_row;
    *rows = &batches->array;
    return OK;
}
