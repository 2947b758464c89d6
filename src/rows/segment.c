// SPDX-License-Identifier: Apache-2.0
#include "rows/segment.h"

#include <assert.h>
#include <string.h>

#include "util/memory.h"

void segment_layout_init(struct segment_layout *layout, const struct row_schema *schema,
                         bool dictionaries)
{
    *layout = (struct segment_layout){.schema = schema, .dictionaries = dictionaries};
    for (size_t i = 0; i < schema->column_count; i++) {
        const struct row_column *column = &schema->columns[i];
        struct arrow_column_type *type = &layout->types[i];
        /* segment_add_row relies on it. */
        assert(column->id == (enum row_column_id)(i + 1));
        type->nullable = column->nullable;
        type->width_bytes = row_column_width(column);
        if (dictionaries && row_column_is_numbered(column))
            type->kind = ARROW_COLUMN_DICTIONARY;
        else if (type->width_bytes == 0)
            type->kind = ARROW_COLUMN_TEXT;
    }
}

enum error_code segment_new(struct segment **out, const struct segment_layout *layout,
                            struct row_epoch *epoch)
{
    struct segment *segment = *out = mem_alloc_zero(1, sizeof *segment);
    if (segment == NULL)
        return ERR_NO_MEMORY;
    segment->layout = layout;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        arrow_builder_init(&segment->parts[i].rows, layout->types, layout->schema->column_count);
    segment->epoch = epoch != NULL ? row_epoch_retain(epoch) : NULL;
    return OK;
}

void segment_free(struct segment *segment)
{
    if (segment == NULL)
        return;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        arrow_builder_release(&segment->parts[i].rows);
    row_epoch_release(segment->epoch);
    buffer_release(&segment->letters);
    buffer_release(&segment->letter_bytes);
    buffer_release(&segment->unconfirmed);
    row_batch_free(segment->batch);
    mem_free(segment);
}

int64_t segment_rows(const struct segment *segment)
{
    int64_t rows = 0;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        rows += segment->parts[i].rows.row_count;
    return rows;
}

int64_t segment_complete_rows(const struct segment *segment)
{
    int64_t rows = 0;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        rows += segment->parts[i].complete_rows;
    return rows;
}

size_t segment_memory_bytes(const struct segment *segment)
{
    size_t bytes = sizeof *segment + segment->letters.capacity_bytes +
                   segment->letter_bytes.capacity_bytes + segment->unconfirmed.capacity_bytes;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        bytes += arrow_builder_memory_bytes(&segment->parts[i].rows);
    return bytes;
}

/* A text as the row has it: '' of none where the column takes no NULL. */
static struct optional_text text_of(const struct row_view *row, const struct row_column *column)
{
    const void *value = row_value(row, column);
    struct optional_text text = {.present = true};
    switch (column->kind) {
    case ROW_TEXT: text.text = *(const struct bytes_view *)value; break;
    case ROW_EVENT_TYPE:
        text.text = bytes_view_text(event_type_name(*(const enum event_type *)value));
        break;
    case ROW_MEMO_KIND:
        text.text = bytes_view_text(memo_kind_name(*(const enum memo_kind *)value));
        text.present = text.text.size_bytes != 0;
        break;
    default: text = *(const struct optional_text *)value;
    }
    if (!text.present)
        text = (struct optional_text){!column->nullable, bytes_view_of(NULL, 0)};
    return text;
}

/* A value that is no text. */
static inline void put_fixed(struct arrow_column *to, int64_t at, const struct row_view *row,
                             const struct row_column *column)
{
    const void *value = row_value(row, column);
    bool valid = true;
    if (column->kind == ROW_MAYBE_NUMBER || column->kind == ROW_MAYBE_DECIMAL)
        valid = row_has_value(row, column);
    if (to->slot_bytes == sizeof(uint32_t))
        arrow_column_put_u32(to, at, *(const uint32_t *)value, valid);
    else if (to->slot_bytes == sizeof(int64_t))
        arrow_column_put_i64(to, at, *(const int64_t *)value, valid);
    else if (column->kind == ROW_MAYBE_DECIMAL)
        arrow_column_put_decimal(to, at, *(const __int128 *)value, valid);
    else
        arrow_column_put_fixed(to, at, value, valid);
}

static enum error_code put_text(struct arrow_column *to, int64_t at, const struct row_view *row,
                                const struct row_column *column)
{
    struct optional_text text = text_of(row, column);
    return arrow_column_put_text(to, at, text.text, text.present);
}

/* One value of the row under construction; `ids` as of segment_add_row. */
static inline enum error_code put_value(struct arrow_column *to, int64_t at,
                                        const struct row_view *row, const struct row_column *column,
                                        const uint32_t *ids)
{
    if (to->type.kind == ARROW_COLUMN_DICTIONARY) {
        uint32_t id = ids[column->id - 1];
        bool valid = id != ROW_ID_NULL;
        arrow_column_put_u32(to, at, valid ? id : 0, valid);
        return OK;
    }
    if (to->type.kind == ARROW_COLUMN_TEXT)
        return put_text(to, at, row, column);
    put_fixed(to, at, row, column);
    return OK;
}

enum error_code segment_add_row(struct segment *segment, enum event_type part,
                                const struct row_view *row, const uint32_t *ids)
{
    const struct row_schema *schema = segment->layout->schema;
    struct segment_part *to = &segment->parts[part];
    if (arrow_builder_reserve(&to->rows, 1) != OK)
        return ERR_NO_MEMORY;
    int64_t at = to->rows.row_count;
    for (size_t i = 0; i < schema->column_count; i++)
        if (put_value(&to->rows.columns[i], at, row, &schema->columns[i], ids) != OK)
            return ERR_NO_MEMORY;
    if (at == 0)
        to->first_close_us = row->timestamp_us;
    arrow_builder_end_row(&to->rows);
    return OK;
}

enum error_code segment_add_letter(struct segment *segment, uint32_t ledger_sequence,
                                   uint32_t event_index, const char *reason, struct bytes_view raw)
{
    size_t reason_bytes = strlen(reason) + 1;
    if (buffer_reserve(&segment->letter_bytes, reason_bytes + raw.size_bytes) != OK ||
        buffer_reserve(&segment->letters, sizeof(struct segment_letter)) != OK)
        return ERR_NO_MEMORY;
    struct segment_letter letter = {
        .ledger_sequence = ledger_sequence,
        .event_index = event_index,
        .reason_offset = segment->letter_bytes.size_bytes,
        .raw_offset = segment->letter_bytes.size_bytes + reason_bytes,
        .raw_size_bytes = raw.size_bytes,
    };
    buffer_append_unchecked(&segment->letter_bytes, reason, reason_bytes);
    buffer_append_unchecked(&segment->letter_bytes, raw.data, raw.size_bytes);
    buffer_append_unchecked(&segment->letters, &letter, sizeof letter);
    return OK;
}

void segment_drop_progress(struct segment *segment)
{
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        arrow_builder_truncate(&segment->parts[i].rows, segment->parts[i].complete_rows);
    segment->letters.size_bytes = segment->complete_letters_bytes;
    segment->letter_bytes.size_bytes = segment->complete_letter_bytes;
}

void segment_complete_progress(struct segment *segment)
{
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        segment->parts[i].complete_rows = segment->parts[i].rows.row_count;
    segment->complete_letters_bytes = segment->letters.size_bytes;
    segment->complete_letter_bytes = segment->letter_bytes.size_bytes;
}

enum error_code segment_add_unconfirmed(struct segment *segment, struct ledger_range run)
{
    struct buffer *runs = &segment->unconfirmed;
    if (runs->size_bytes != 0) {
        struct ledger_range last;
        uint8_t *at = runs->data + runs->size_bytes - sizeof last;
        memcpy(&last, at, sizeof last);
        if (last.last + UINT64_C(1) == run.first) {
            last.last = run.last;
            memcpy(at, &last, sizeof last);
            return OK;
        }
    }
    return buffer_append(runs, &run, sizeof run);
}

static enum error_code copy_progress(const struct segment *segment, struct segment *to)
{
    for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
        const struct segment_part *part = &segment->parts[i];
        struct segment_part *copy = &to->parts[i];
        int64_t rows = part->rows.row_count - part->complete_rows;
        if (rows == 0)
            continue;
        if (arrow_builder_copy(&copy->rows, &part->rows, part->complete_rows, rows) != OK)
            return ERR_NO_MEMORY;
        memcpy(&copy->first_close_us, copy->rows.columns[COLUMN_TIMESTAMP - 1].values,
               sizeof copy->first_close_us);
    }
    for (size_t at = segment->complete_letters_bytes; at < segment->letters.size_bytes;
         at += sizeof(struct segment_letter)) {
        struct segment_letter letter;
        memcpy(&letter, segment->letters.data + at, sizeof letter);
        const uint8_t *bytes = segment->letter_bytes.data;
        if (segment_add_letter(to, letter.ledger_sequence, letter.event_index,
                               (const char *)bytes + letter.reason_offset,
                               bytes_view_of(bytes + letter.raw_offset, letter.raw_size_bytes)) !=
            OK)
            return ERR_NO_MEMORY;
    }
    return OK;
}

enum error_code segment_split(struct segment *segment, struct segment *to)
{
    if (copy_progress(segment, to) != OK)
        return ERR_NO_MEMORY;
    to->start_us = segment->start_us;
    segment_drop_progress(segment);
    return OK;
}

void segment_set_epoch(struct segment *segment, struct row_epoch *epoch)
{
    assert(segment_rows(segment) == 0);
    row_epoch_retain(epoch);
    row_epoch_release(segment->epoch);
    segment->epoch = epoch;
}

/* The new ids of all numbered columns of a part, one column's behind the other's. */
static enum error_code renumber_part(const struct segment *segment, int type,
                                     struct row_epoch *epoch, struct buffer *ids)
{
    const struct row_schema *schema = segment->layout->schema;
    const struct arrow_builder *rows = &segment->parts[type].rows;
    struct epoch_part *to;
    size_t bytes = (size_t)rows->row_count * sizeof(uint32_t);
    enum error_code code = row_epoch_part(epoch, (enum event_type)type, &to);
    for (size_t i = 0; i < schema->column_count && code == OK; i++) {
        if (!row_column_is_numbered(&schema->columns[i]))
            continue;
        if (buffer_reserve(ids, bytes) != OK)
            return ERR_NO_MEMORY;
        code =
            epoch_part_renumber(segment->epoch->parts[type], to, i, &rows->columns[i],
                                rows->row_count, (uint32_t *)(void *)(ids->data + ids->size_bytes));
        ids->size_bytes += bytes;
    }
    return code;
}

static void take_ids(struct segment *segment, int type, const uint8_t *ids)
{
    const struct row_schema *schema = segment->layout->schema;
    struct arrow_builder *rows = &segment->parts[type].rows;
    size_t bytes = (size_t)rows->row_count * sizeof(uint32_t);
    for (size_t i = 0; i < schema->column_count && bytes != 0; i++) {
        if (!row_column_is_numbered(&schema->columns[i]))
            continue;
        memcpy(rows->columns[i].values, ids, bytes);
        ids += bytes;
    }
}

enum error_code segment_renumber(struct segment *segment, struct row_epoch *epoch)
{
    struct buffer ids[EVENT_TYPE_COUNT];
    enum error_code code = OK;
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        buffer_init(&ids[type]);
        if (code == OK && segment->parts[type].rows.row_count != 0)
            code = renumber_part(segment, type, epoch, &ids[type]);
    }
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        if (code == OK)
            take_ids(segment, type, ids[type].data);
        buffer_release(&ids[type]);
    }
    if (code != OK)
        return code;
    row_epoch_retain(epoch);
    row_epoch_release(segment->epoch);
    segment->epoch = epoch;
    return OK;
}
