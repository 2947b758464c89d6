// SPDX-License-Identifier: Apache-2.0
#include "rows/segment_take.h"

#include <assert.h>
#include <string.h>

#include "util/memory.h"

/* Which values of the dictionaries the rows have, and which of them no batch brought before. */
static void name_values(const struct segment *segment, enum event_type type,
                        struct arrow_values values[ROW_COLUMN_MAX])
{
    const struct row_schema *schema = segment->layout->schema;
    if (segment->epoch == NULL)
        return;
    const struct epoch_part *part = segment->epoch->parts[type];
    for (size_t i = 0; i < schema->column_count; i++)
        values[i] =
            (struct arrow_values){part->columns[i].dictionary, part->columns[i].handed_count,
                                  part->columns[i].complete_count};
}

static void note_handed(const struct segment *segment, enum event_type type)
{
    if (segment->epoch == NULL)
        return;
    struct epoch_part *part = segment->epoch->parts[type];
    for (size_t i = 0; i < ROW_COLUMN_MAX; i++)
        part->columns[i].handed_count = part->columns[i].complete_count;
    part->was_handed = true;
}

/* Moves the rows of one part into the batch. */
static enum error_code take_part(struct segment *segment, enum event_type type,
                                 enum partitioning_scheme scheme, struct row_batch *batch)
{
    struct segment_part *part = &segment->parts[type];
    struct partition_rows *rows = &batch->parts[batch->part_count];
    struct arrow_values values[ROW_COLUMN_MAX] = {{NULL, 0, 0}};
    int64_t row_count = part->rows.row_count;
    name_values(segment, type, values);
    if (arrow_builder_export(&part->rows, values, &rows->array) != OK)
        return ERR_NO_MEMORY;
    rows->key = partition_key_of(scheme, segment->start_us, type);
    rows->row_count = row_count;
    rows->first_close_us = part->first_close_us;
    rows->begins_epoch = segment->epoch != NULL && !segment->epoch->parts[type]->was_handed;
    note_handed(segment, type);
    batch->part_count++;
    batch->row_count += row_count;
    part->complete_rows = 0;
    return OK;
}

static enum error_code take_letters(struct segment *segment, struct row_batch *batch)
{
    size_t count = segment->letters.size_bytes / sizeof(struct segment_letter);
    if (count == 0)
        return OK;
    batch->dead_letters = mem_alloc_zero(count, sizeof *batch->dead_letters);
    if (batch->dead_letters == NULL)
        return ERR_NO_MEMORY;
    buffer_move(&batch->letter_bytes, &segment->letter_bytes);
    const uint8_t *bytes = batch->letter_bytes.data;
    for (size_t i = 0; i < count; i++) {
        struct segment_letter letter;
        memcpy(&letter, segment->letters.data + i * sizeof letter, sizeof letter);
        batch->dead_letters[i] = (struct dead_letter){
            .ledger_sequence = letter.ledger_sequence,
            .event_index = letter.event_index,
            .reason = (const char *)bytes + letter.reason_offset,
            .raw = bytes_view_of(bytes + letter.raw_offset, letter.raw_size_bytes),
        };
    }
    batch->dead_letter_count = count;
    buffer_reset(&segment->letters);
    return OK;
}

/* A batch without rows keeps no dictionary alive. */
static void note_epoch(const struct segment *segment, struct row_batch *batch)
{
    if (batch->row_count == 0 || segment->epoch == NULL)
        return;
    batch->epoch = (struct batch_epoch){.id = segment->epoch->id,
                                        .memory_bytes = row_epoch_memory_bytes(segment->epoch)};
}

/* What can't fail any more. */
static void take_rest(struct segment *segment, struct row_batch *batch)
{
    buffer_move(&batch->unconfirmed_bytes, &segment->unconfirmed);
    batch->unconfirmed_count = batch->unconfirmed_bytes.size_bytes / sizeof(struct ledger_range);
    batch->unconfirmed = (struct ledger_range *)(void *)batch->unconfirmed_bytes.data;
    note_epoch(segment, batch);
    batch->range = segment->range;
    batch->replaced_memo_count = segment->replaced_memo_count;
    batch->null_decimal_count = segment->null_decimal_count;
    batch->digest_ledger = segment->digest_ledger;
    batch->digest = segment->digest;
    batch->first_close_us = segment->first_close_us;
    batch->last_close_us = segment->last_close_us;
    segment->batch = NULL;
}

enum error_code segment_take(struct segment *segment, enum partitioning_scheme scheme,
                             struct row_batch **batch)
{
    assert(segment->has_range && segment_rows(segment) == segment_complete_rows(segment));
    if (segment->batch == NULL) {
        segment->batch = mem_alloc_zero(1, sizeof *segment->batch);
        if (segment->batch == NULL)
            return ERR_NO_MEMORY;
        segment->batch->memory_bytes = segment_memory_bytes(segment) + sizeof **batch;
    }
    for (int type = 0; type < EVENT_TYPE_COUNT; type++)
        if (segment->parts[type].rows.row_count != 0 &&
            take_part(segment, (enum event_type)type, scheme, segment->batch) != OK)
            return ERR_NO_MEMORY;
    if (take_letters(segment, segment->batch) != OK)
        return ERR_NO_MEMORY;
    *batch = segment->batch;
    take_rest(segment, *batch);
    return OK;
}
