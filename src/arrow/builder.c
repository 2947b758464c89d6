// SPDX-License-Identifier: Apache-2.0
#include "arrow/builder.h"

#include "util/memory.h"

#define CAPACITY_MIN_ROWS 512

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "Arrow's values are stored as they are");

void arrow_builder_init(struct arrow_builder *builder, const struct arrow_column_type *types,
                        size_t column_count)
{
    assert(column_count <= ARROW_BUILDER_COLUMN_MAX);
    *builder = (struct arrow_builder){.column_count = column_count};
    for (size_t i = 0; i < column_count; i++) {
        struct arrow_column *column = &builder->columns[i];
        column->type = types[i];
        column->slot_bytes =
            types[i].kind == ARROW_COLUMN_FIXED ? types[i].width_bytes : sizeof(int32_t);
    }
}

void arrow_builder_release(struct arrow_builder *builder)
{
    for (size_t i = 0; i < builder->column_count; i++) {
        struct arrow_column *column = &builder->columns[i];
        mem_free(column->values);
        mem_free(column->validity);
        column->values = NULL;
        column->validity = NULL;
        buffer_release(&column->text);
    }
    builder->row_count = 0;
    builder->capacity_rows = 0;
}

static size_t bitmap_bytes(int64_t rows)
{
    return ((size_t)rows + 7) / 8;
}

static enum error_code grow_column(struct arrow_column *column, int64_t old_rows,
                                   int64_t capacity_rows)
{
    bool text = column->type.kind == ARROW_COLUMN_TEXT;
    size_t slots = (size_t)capacity_rows + (text ? 1 : 0);
    uint8_t *values = mem_realloc(column->values, slots * column->slot_bytes);
    if (values == NULL)
        return ERR_NO_MEMORY;
    if (text && column->values == NULL)
        memset(values, 0, column->slot_bytes); /* the first offset */
    column->values = values;
    if (column->type.nullable) {
        uint8_t *validity = mem_realloc(column->validity, bitmap_bytes(capacity_rows));
        if (validity == NULL)
            return ERR_NO_MEMORY;
        size_t old_bytes = bitmap_bytes(old_rows);
        memset(validity + old_bytes, 0, bitmap_bytes(capacity_rows) - old_bytes);
        column->validity = validity;
    }
    return OK;
}

enum error_code arrow_builder_reserve(struct arrow_builder *builder, int64_t more_rows)
{
    if (builder->capacity_rows - builder->row_count >= more_rows)
        return OK;
    if (more_rows > INT32_MAX - builder->row_count)
        return ERR_NO_MEMORY;
    int64_t capacity_rows = builder->capacity_rows * 2;
    if (capacity_rows < builder->row_count + more_rows)
        capacity_rows = builder->row_count + more_rows;
    if (capacity_rows < CAPACITY_MIN_ROWS)
        capacity_rows = CAPACITY_MIN_ROWS;
    /* Where one column can't grow, those before it only have more room than they need. */
    for (size_t i = 0; i < builder->column_count; i++)
        if (grow_column(&builder->columns[i], builder->capacity_rows, capacity_rows) != OK)
            return ERR_NO_MEMORY;
    builder->capacity_rows = capacity_rows;
    return OK;
}

static int32_t text_offset(const struct arrow_column *column, int64_t row)
{
    int32_t offset;
    memcpy(&offset, column->values + row * (int64_t)sizeof offset, sizeof offset);
    return offset;
}

static void put_text_offset(struct arrow_column *column, int64_t row, int32_t offset)
{
    memcpy(column->values + row * (int64_t)sizeof offset, &offset, sizeof offset);
}

enum error_code arrow_column_put_text(struct arrow_column *column, int64_t row,
                                      struct bytes_view text, bool valid)
{
    assert(column->type.kind == ARROW_COLUMN_TEXT);
    /* A row that was written and then dropped may have left its text. */
    column->text.size_bytes = (size_t)text_offset(column, row);
    if (text.size_bytes > INT32_MAX - column->text.size_bytes)
        return ERR_LIMIT;
    if (buffer_append(&column->text, text.data, text.size_bytes) != OK)
        return ERR_NO_MEMORY;
    put_text_offset(column, row + 1, (int32_t)column->text.size_bytes);
    arrow_column_put_validity(column, row, valid);
    return OK;
}

void arrow_builder_truncate(struct arrow_builder *builder, int64_t row_count)
{
    assert(row_count >= 0 && row_count <= builder->row_count);
    builder->row_count = row_count;
}

static enum error_code copy_texts(struct arrow_column *column, const struct arrow_column *from,
                                  int64_t to_row, int64_t first_row, int64_t row_count)
{
    for (int64_t i = 0; i < row_count; i++) {
        int32_t start = text_offset(from, first_row + i);
        int32_t end = text_offset(from, first_row + i + 1);
        struct bytes_view text = {NULL, 0}; /* if all texts are empty, there is no data */
        if (end != start)
            text = bytes_view_of(from->text.data + start, (size_t)(end - start));
        enum error_code code = arrow_column_put_text(column, to_row + i, text,
                                                     arrow_column_is_valid(from, first_row + i));
        if (code != OK)
            return ERR_NO_MEMORY;
    }
    return OK;
}

enum error_code arrow_builder_copy(struct arrow_builder *builder, const struct arrow_builder *from,
                                   int64_t first_row, int64_t row_count)
{
    assert(builder->column_count == from->column_count);
    assert(first_row >= 0 && row_count >= 0 && first_row + row_count <= from->row_count);
    if (row_count == 0)
        return OK;
    if (arrow_builder_reserve(builder, row_count) != OK)
        return ERR_NO_MEMORY;
    int64_t to_row = builder->row_count;
    for (size_t i = 0; i < builder->column_count; i++) {
        struct arrow_column *column = &builder->columns[i];
        const struct arrow_column *source = &from->columns[i];
        if (column->type.kind == ARROW_COLUMN_TEXT) {
            if (copy_texts(column, source, to_row, first_row, row_count) != OK)
                return ERR_NO_MEMORY;
            continue;
        }
        memcpy(column->values + to_row * (int64_t)column->slot_bytes,
               source->values + first_row * (int64_t)source->slot_bytes,
               (size_t)row_count * column->slot_bytes);
        for (int64_t row = 0; row < row_count && column->validity != NULL; row++)
            arrow_column_put_validity(column, to_row + row,
                                      arrow_column_is_valid(source, first_row + row));
    }
    builder->row_count += row_count;
    return OK;
}

size_t arrow_builder_memory_bytes(const struct arrow_builder *builder)
{
    size_t bytes = 0;
    for (size_t i = 0; i < builder->column_count; i++) {
        const struct arrow_column *column = &builder->columns[i];
        bytes += (size_t)builder->capacity_rows * column->slot_bytes + column->text.capacity_bytes;
        if (column->validity != NULL)
            bytes += bitmap_bytes(builder->capacity_rows);
    }
    return bytes;
}

static int64_t count_nulls(const uint8_t *validity, int64_t row_count)
{
    int64_t valid = 0;
    int64_t whole_bytes = row_count / 8;
    for (int64_t i = 0; i < whole_bytes; i++)
        valid += __builtin_popcount(validity[i]);
    if (row_count % 8 != 0)
        valid += __builtin_popcount(validity[whole_bytes] & ((1u << row_count % 8) - 1));
    return row_count - valid;
}

/* What an exported column owns. Each is a block of its own, since an importer may move a child out
 * of its parent and release it later. */
struct exported_column {
    const void *buffers[3];
    void *owned[3];
    struct ArrowArray dictionary;
};

static void release_column(struct ArrowArray *array)
{
    struct exported_column *exported = array->private_data;
    for (size_t i = 0; i < 3; i++)
        mem_free(exported->owned[i]);
    arrow_array_release(&exported->dictionary);
    mem_free(exported);
    array->release = NULL;
}

static void move_buffer(struct exported_column *exported, size_t index, uint8_t **from)
{
    exported->buffers[index] = exported->owned[index] = *from;
    *from = NULL;
}

/* The part that can fail: the block and the dictionary. */
static enum error_code prepare_column(const struct arrow_column *column,
                                      const struct arrow_values *values, struct ArrowArray *out)
{
    struct exported_column *exported = mem_alloc_zero(1, sizeof *exported);
    if (exported == NULL)
        return ERR_NO_MEMORY;
    *out = (struct ArrowArray){
        .n_buffers = column->type.kind == ARROW_COLUMN_TEXT ? 3 : 2,
        .buffers = exported->buffers,
        .release = release_column,
        .private_data = exported,
    };
    if (column->type.kind != ARROW_COLUMN_DICTIONARY)
        return OK;
    assert(values->dictionary != NULL);
    out->dictionary = &exported->dictionary;
    return arrow_dictionary_export_part(values->dictionary, values->first_new, values->count,
                                        &exported->dictionary);
}

/* The part that can't fail: the column's memory goes over. */
static void move_column(struct arrow_column *column, int64_t row_count, struct ArrowArray *out)
{
    struct exported_column *exported = out->private_data;
    out->length = row_count;
    if (column->validity != NULL)
        out->null_count = count_nulls(column->validity, row_count);
    if (out->null_count != 0)
        move_buffer(exported, 0, &column->validity);
    mem_free(column->validity);
    column->validity = NULL;
    move_buffer(exported, 1, &column->values);
    if (column->type.kind == ARROW_COLUMN_TEXT)
        move_buffer(exported, 2, &column->text.data);
    buffer_init(&column->text);
}

/* What an exported struct array owns. */
struct exported_batch {
    const void *buffers[1];
    struct ArrowArray children[ARROW_BUILDER_COLUMN_MAX];
    struct ArrowArray *child_pointers[ARROW_BUILDER_COLUMN_MAX];
};

static void release_batch(struct ArrowArray *array)
{
    struct exported_batch *exported = array->private_data;
    for (int64_t i = 0; i < array->n_children; i++)
        arrow_array_release(array->children[i]);
    mem_free(exported);
    array->release = NULL;
}

enum error_code arrow_builder_export(struct arrow_builder *builder,
                                     const struct arrow_values *values, struct ArrowArray *out)
{
    /* Even of no rows, offsets have one entry and buffers are there. */
    if (builder->capacity_rows == 0 && arrow_builder_reserve(builder, 1) != OK)
        return ERR_NO_MEMORY;
    struct exported_batch *exported = mem_alloc_zero(1, sizeof *exported);
    if (exported == NULL)
        return ERR_NO_MEMORY;
    struct ArrowArray batch = {
        .length = builder->row_count,
        .n_buffers = 1,
        .n_children = (int64_t)builder->column_count,
        .buffers = exported->buffers,
        .children = exported->child_pointers,
        .release = release_batch,
        .private_data = exported,
    };
    for (size_t i = 0; i < builder->column_count; i++)
        exported->child_pointers[i] = &exported->children[i];
    for (size_t i = 0; i < builder->column_count; i++) {
        if (prepare_column(&builder->columns[i], &values[i], &exported->children[i]) != OK) {
            arrow_array_release(&batch);
            return ERR_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < builder->column_count; i++)
        move_column(&builder->columns[i], builder->row_count, &exported->children[i]);
    builder->row_count = 0;
    builder->capacity_rows = 0;
    *out = batch;
    return OK;
}
