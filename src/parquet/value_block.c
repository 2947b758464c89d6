// SPDX-License-Identifier: Apache-2.0
#include "parquet/value_block.h"

#include <stdbool.h>

#include "parquet/long_table.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* What of the two words at a short text's beginning belongs to it, by its size. */
static const uint64_t head_masks[SHORT_VALUE_BYTES + 2] = {
    0,          0xff,         0xffff,         0xffffff,
    0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff,
    UINT64_MAX, UINT64_MAX,   UINT64_MAX,     UINT64_MAX,
    UINT64_MAX, UINT64_MAX,   UINT64_MAX,     UINT64_MAX,
    UINT64_MAX, UINT64_MAX,
};
static const uint64_t tail_masks[SHORT_VALUE_BYTES + 2] = {
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0xff,
    0xffff,
    0xffffff,
    0xffffffff,
    0xffffffffff,
    0xffffffffffff,
    0xffffffffffffff,
    UINT64_MAX,
    UINT64_MAX,
};

/* A value's two words, read 16 bytes at once where that many may be read. */
ALWAYS_INLINE void load_words(const uint8_t *data, uint32_t size, const uint8_t *end,
                              uint64_t *head, uint64_t *tail)
{
    if (size <= SHORT_VALUE_BYTES && end - data < (ptrdiff_t)SHORT_VALUE_BYTES) {
        *head = *tail = 0;
        if (size > 0)
            memcpy(head, data, size < 8 ? size : 8);
        if (size > 8)
            memcpy(tail, data + 8, size - 8);
        return;
    }
    uint32_t kind = size <= SHORT_VALUE_BYTES ? size : SHORT_VALUE_BYTES + 1;
    uint32_t tail_at = size <= SHORT_VALUE_BYTES ? 8 : size - 8;
    *head = hash_load(data) & head_masks[kind];
    *tail = hash_load(data + tail_at) & tail_masks[kind];
}

/* The newest change and the sums so far, kept out of the block so that they stay in registers. */
struct cursor {
    uint32_t change_count;
    uint32_t size;
    const uint8_t *data;
    uint64_t head, tail;
    uint64_t bytes, change_bytes;
};

/* Takes a value in as the next change; it becomes one where it differs from the newest. */
ALWAYS_INLINE void add_value(struct value_block *block, struct cursor *newest, uint32_t place,
                             const uint8_t *data, uint32_t size, uint64_t head, uint64_t tail)
{
    bool differs =
        ((head ^ newest->head) | (tail ^ newest->tail) | (size ^ newest->size)) != 0 || place == 0;
    if (!differs && size > SHORT_VALUE_BYTES)
        differs = !long_bytes_equal(data, newest->data, size);
    uint32_t at = newest->change_count;
    block->starts[at] = (uint16_t)place;
    block->sizes[at] = size;
    block->data[at] = data;
    block->heads[at] = head;
    block->tails[at] = tail;
    *newest = (struct cursor){.change_count = at + differs,
                              .size = size,
                              .data = data,
                              .head = head,
                              .tail = tail,
                              .bytes = newest->bytes + size,
                              .change_bytes = newest->change_bytes + (differs ? size : 0)};
}

static void finish(struct value_block *block, const struct cursor *cursor, uint32_t count)
{
    assert(count <= VALUE_BLOCK_MAX);
    block->value_count = count;
    block->change_count = cursor->change_count;
    block->bytes = cursor->bytes;
    block->change_bytes = cursor->change_bytes;
    block->starts[cursor->change_count] = (uint16_t)count;
}

ALWAYS_INLINE void load_texts(struct value_block *block, const uint8_t *data,
                              const int32_t *offsets, const uint16_t *rows, uint32_t count,
                              const uint8_t *end)
{
    struct cursor cursor = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows == NULL ? i : rows[i];
        const uint8_t *at = data + offsets[row];
        uint32_t size = (uint32_t)(offsets[row + 1] - offsets[row]);
        uint64_t head, tail;
        load_words(at, size, end, &head, &tail);
        add_value(block, &cursor, i, at, size, head, tail);
    }
    finish(block, &cursor, count);
}

void value_block_load_texts(struct value_block *block, const uint8_t *data, const int32_t *offsets,
                            const uint16_t *rows, uint32_t count, const uint8_t *end)
{
    if (rows == NULL)
        load_texts(block, data, offsets, NULL, count, end);
    else
        load_texts(block, data, offsets, rows, count, end);
}

ALWAYS_INLINE void load_fixed(struct value_block *block, const uint8_t *data, uint32_t width,
                              const uint16_t *rows, uint32_t count)
{
    struct cursor cursor = {0};
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = data + (size_t)(rows == NULL ? i : rows[i]) * width;
        uint64_t head = 0, tail = 0;
        memcpy(&head, at, width < 8 ? width : 8);
        if (width > 8 && width <= SHORT_VALUE_BYTES)
            memcpy(&tail, at + 8, width - 8);
        add_value(block, &cursor, i, at, width, head, tail);
    }
    finish(block, &cursor, count);
}

void value_block_load_fixed(struct value_block *block, const uint8_t *data, uint32_t width_bytes,
                            const uint16_t *rows, uint32_t count)
{
    switch (width_bytes) {
    case 8: load_fixed(block, data, 8, rows, count); break;
    case 16: load_fixed(block, data, 16, rows, count); break;
    case 32: load_fixed(block, data, 32, rows, count); break;
    default: load_fixed(block, data, width_bytes, rows, count);
    }
}

void value_block_load_views(struct value_block *block, const struct value_type *type,
                            const struct bytes_view *values, uint32_t count)
{
    struct cursor cursor = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)values[i].size_bytes;
        uint64_t head, tail;
        load_words(values[i].data, size, values[i].data + size, &head, &tail);
        if (type->kind == VALUE_FIXED && size > SHORT_VALUE_BYTES)
            tail = 0;
        add_value(block, &cursor, i, values[i].data, size, head, tail);
    }
    finish(block, &cursor, count);
}

void value_block_spread_ids(const struct value_block *block, const uint32_t *change_ids,
                            uint32_t *ids)
{
    if (block->change_count == block->value_count) {
        memcpy(ids, change_ids, block->change_count * sizeof *ids);
        return;
    }
    for (uint32_t change = 0; change < block->change_count; change++)
        for (uint32_t i = block->starts[change]; i < block->starts[change + 1]; i++)
            ids[i] = change_ids[change];
}
