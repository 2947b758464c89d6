// SPDX-License-Identifier: Apache-2.0
#include "parquet/value_block.h"

#include <stdbool.h>

#include "parquet/long_table.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* What of the 16 bytes at a short text's beginning belongs to it, by its size. */
static const struct {
    uint64_t head, tail;
} masks[SHORT_VALUE_BYTES + 1] = {
    {0, 0},
    {0xff, 0},
    {0xffff, 0},
    {0xffffff, 0},
    {0xffffffff, 0},
    {0xffffffffff, 0},
    {0xffffffffffff, 0},
    {0xffffffffffffff, 0},
    {UINT64_MAX, 0},
    {UINT64_MAX, 0xff},
    {UINT64_MAX, 0xffff},
    {UINT64_MAX, 0xffffff},
    {UINT64_MAX, 0xffffffff},
    {UINT64_MAX, 0xffffffffff},
    {UINT64_MAX, 0xffffffffffff},
    {UINT64_MAX, 0xffffffffffffff},
    {UINT64_MAX, UINT64_MAX},
};

/* A short value's two words; 16 bytes can be read there. */
ALWAYS_INLINE void load_short(const uint8_t *data, uint32_t size, uint64_t *head, uint64_t *tail)
{
    *head = hash_load(data) & masks[size].head;
    *tail = hash_load(data + 8) & masks[size].tail;
}

/* The same of any value, of which no more than itself can be read. */
ALWAYS_INLINE void load_carefully(const uint8_t *data, uint32_t size, uint64_t *head,
                                  uint64_t *tail)
{
    *head = *tail = 0;
    if (size > SHORT_VALUE_BYTES) {
        *head = hash_load(data);
        *tail = hash_load(data + size - 8);
        return;
    }
    if (size > 0)
        memcpy(head, data, size < 8 ? size : 8);
    if (size > 8)
        memcpy(tail, data + 8, size - 8);
}

/* The newest change and the sums so far, kept out of the block so that they stay in registers. */
struct cursor {
    uint32_t change_count;
    uint32_t size;
    const uint8_t *data;
    uint64_t head, tail;
    uint64_t change_bytes;
};

/* Takes a value in as the next change; it becomes one where it differs from the newest. `lengths`
 * is a constant where this is inlined. */
ALWAYS_INLINE void add_value(struct value_block *block, struct cursor *newest, uint32_t place,
                             const uint8_t *data, uint32_t size, uint64_t head, uint64_t tail,
                             enum value_lengths lengths)
{
    bool differs =
        ((head ^ newest->head) | (tail ^ newest->tail) | (size ^ newest->size)) != 0 || place == 0;
    bool has_middle =
        lengths == VALUES_LONG || (lengths == VALUES_MIXED && size > SHORT_VALUE_BYTES);
    if (has_middle && !differs)
        differs = !long_bytes_equal(data, newest->data, size);
    uint32_t at = newest->change_count;
    block->starts[at] = (uint16_t)place;
    block->sizes[at] = size;
    if (lengths != VALUES_SHORT)
        block->data[at] = data;
    block->heads[at] = head;
    block->tails[at] = tail;
    newest->change_bytes += differs ? size : 0;
    newest->change_count = at + differs;
    newest->size = size;
    newest->data = data;
    newest->head = head;
    newest->tail = tail;
}

static void finish(struct value_block *block, const struct cursor *cursor, uint32_t count,
                   uint64_t bytes, enum value_lengths lengths)
{
    assert(count <= VALUE_BLOCK_MAX);
    block->lengths = lengths;
    block->value_count = count;
    block->change_count = cursor->change_count;
    block->bytes = bytes;
    block->change_bytes = cursor->change_bytes;
    block->starts[cursor->change_count] = (uint16_t)count;
}

/* Inlined with `rows` known to be NULL or not, and with constant lengths; MIXED reads carefully. */
ALWAYS_INLINE void load_texts(struct value_block *block, const uint8_t *data,
                              const int32_t *offsets, const uint16_t *rows, uint32_t count,
                              enum value_lengths lengths)
{
    struct cursor cursor = {0};
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows == NULL ? i : rows[i];
        const uint8_t *at = data + offsets[row];
        uint32_t size = (uint32_t)(offsets[row + 1] - offsets[row]);
        uint64_t head, tail;
        if (lengths == VALUES_SHORT) {
            load_short(at, size, &head, &tail);
        } else if (lengths == VALUES_LONG) {
            head = hash_load(at);
            tail = hash_load(at + size - 8);
        } else {
            load_carefully(at, size, &head, &tail);
        }
        bytes += size;
        add_value(block, &cursor, i, at, size, head, tail, lengths);
    }
    finish(block, &cursor, count, bytes, lengths);
}

/* Which of the loops above may be used. */
ALWAYS_INLINE enum value_lengths lengths_of(const uint8_t *data, const int32_t *offsets,
                                            const uint16_t *rows, uint32_t count,
                                            const uint8_t *end)
{
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    int32_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows == NULL ? i : rows[i];
        uint32_t size = (uint32_t)(offsets[row + 1] - offsets[row]);
        least = size < least ? size : least;
        most = size > most ? size : most;
        last = offsets[row] > last ? offsets[row] : last;
    }
    if (least > SHORT_VALUE_BYTES)
        return VALUES_LONG;
    bool is_readable = end - data >= last + (ptrdiff_t)SHORT_VALUE_BYTES;
    return most <= SHORT_VALUE_BYTES && is_readable ? VALUES_SHORT : VALUES_MIXED;
}

ALWAYS_INLINE void load_any_texts(struct value_block *block, const uint8_t *data,
                                  const int32_t *offsets, const uint16_t *rows, uint32_t count,
                                  const uint8_t *end)
{
    switch (lengths_of(data, offsets, rows, count, end)) {
    case VALUES_SHORT: load_texts(block, data, offsets, rows, count, VALUES_SHORT); break;
    case VALUES_LONG: load_texts(block, data, offsets, rows, count, VALUES_LONG); break;
    case VALUES_MIXED: load_texts(block, data, offsets, rows, count, VALUES_MIXED); break;
    }
}

void value_block_load_texts(struct value_block *block, const uint8_t *data, const int32_t *offsets,
                            const uint16_t *rows, uint32_t count, const uint8_t *end)
{
    if (rows == NULL)
        load_any_texts(block, data, offsets, NULL, count, end);
    else
        load_any_texts(block, data, offsets, rows, count, end);
}

/* Inlined with a constant width, and `rows` known to be NULL or not. */
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
        add_value(block, &cursor, i, at, width, head, tail,
                  width > SHORT_VALUE_BYTES ? VALUES_LONG : VALUES_SHORT);
    }
    finish(block, &cursor, count, (uint64_t)count * width,
           width > SHORT_VALUE_BYTES ? VALUES_LONG : VALUES_SHORT);
}

void value_block_load_fixed(struct value_block *block, const uint8_t *data, uint32_t width_bytes,
                            const uint16_t *rows, uint32_t count)
{
    if (width_bytes == 8)
        load_fixed(block, data, 8, rows, count);
    else if (width_bytes == 16 && rows == NULL)
        load_fixed(block, data, 16, NULL, count);
    else if (width_bytes == 16)
        load_fixed(block, data, 16, rows, count);
    else if (width_bytes == 32)
        load_fixed(block, data, 32, rows, count);
    else
        load_fixed(block, data, width_bytes, rows, count);
}

void value_block_load_views(struct value_block *block, const struct value_type *type,
                            const struct bytes_view *values, uint32_t count)
{
    struct cursor cursor = {0};
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)values[i].size_bytes;
        uint64_t head, tail;
        load_carefully(values[i].data, size, &head, &tail);
        if (type->kind == VALUE_FIXED && size > SHORT_VALUE_BYTES)
            tail = 0;
        bytes += size;
        add_value(block, &cursor, i, values[i].data, size, head, tail, VALUES_MIXED);
    }
    finish(block, &cursor, count, bytes, VALUES_MIXED);
}

void value_block_spread_ids(const struct value_block *block, const uint32_t *change_ids,
                            uint32_t *ids)
{
    if (block->change_count == block->value_count) {
        memcpy(ids, change_ids, block->change_count * sizeof *ids);
        return;
    }
    /* Most runs are short: four places at once, of which the next run may take some back. */
    for (uint32_t change = 0; change < block->change_count; change++) {
        uint32_t id = change_ids[change];
        uint32_t four[4] = {id, id, id, id};
        for (uint32_t i = block->starts[change]; i < block->starts[change + 1]; i += 4)
            memcpy(ids + i, four, sizeof four);
    }
}
