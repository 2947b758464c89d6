// SPDX-License-Identifier: Apache-2.0
#include "parquet/page_summary.h"

#define SIGN_BIT_64 (UINT64_C(1) << 63)

static order_key key_of(uint64_t high, uint64_t low)
{
    return (order_key)high << 64 | low;
}

/* True if `id` comes before `other` by the values' bytes. */
static bool is_less(const struct chunk_dictionary *dictionary, uint32_t id, uint32_t other)
{
    return bytes_compare(chunk_dictionary_value(dictionary, id),
                         chunk_dictionary_value(dictionary, other)) < 0;
}

/* Adds one value; `ties` tells whether equal keys may be those of different values. */
static inline __attribute__((always_inline)) void
add_value(struct page_summary *summary, const struct chunk_dictionary *dictionary, order_key key,
          uint32_t id, bool ties)
{
    bool is_less_key =
        key < summary->min_key || (ties && key == summary->min_key && id != summary->min_id &&
                                   is_less(dictionary, id, summary->min_id));
    bool is_greater_key =
        key > summary->max_key || (ties && key == summary->max_key && id != summary->max_id &&
                                   is_less(dictionary, summary->max_id, id));
    if (is_less_key) {
        summary->min_key = key;
        summary->min_id = id;
    }
    if (is_greater_key) {
        summary->max_key = key;
        summary->max_id = id;
    }
}

static void begin(struct page_summary *summary, order_key key, uint32_t id)
{
    if (summary->value_count != 0)
        return;
    summary->min_key = summary->max_key = key;
    summary->min_id = summary->max_id = id;
}

/* `kind` is a constant where this is inlined. Decimals: the array's words, the lower one first. */
static inline __attribute__((always_inline)) order_key
block_key(const struct value_block *block, uint32_t change, enum value_kind kind)
{
    uint64_t head = block->heads[change];
    switch (kind) {
    case VALUE_UINT32: return head;
    case VALUE_TIMESTAMP: return head ^ SIGN_BIT_64;
    case VALUE_DECIMAL: return key_of(block->tails[change] ^ SIGN_BIT_64, head);
    case VALUE_FIXED:
    case VALUE_TEXT: break;
    }
    return __builtin_bswap64(head);
}

static inline __attribute__((always_inline)) void
add_block(struct page_summary *summary, const struct chunk_dictionary *dictionary,
          const struct value_block *block, const uint32_t *change_ids, enum value_kind kind)
{
    bool ties = kind == VALUE_TEXT || kind == VALUE_FIXED;
    for (uint32_t change = 0; change < block->change_count; change++)
        add_value(summary, dictionary, block_key(block, change, kind), change_ids[change], ties);
}

void page_summary_add_block(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                            const struct value_block *block, const uint32_t *change_ids)
{
    if (block->value_count == 0)
        return;
    begin(summary, block_key(block, 0, dictionary->type.kind), change_ids[0]);
    switch (dictionary->type.kind) {
    case VALUE_TEXT: add_block(summary, dictionary, block, change_ids, VALUE_TEXT); break;
    case VALUE_FIXED: add_block(summary, dictionary, block, change_ids, VALUE_FIXED); break;
    case VALUE_DECIMAL: add_block(summary, dictionary, block, change_ids, VALUE_DECIMAL); break;
    case VALUE_TIMESTAMP: add_block(summary, dictionary, block, change_ids, VALUE_TIMESTAMP); break;
    case VALUE_UINT32: add_block(summary, dictionary, block, change_ids, VALUE_UINT32); break;
    }
    summary->value_count += block->value_count;
    if (dictionary->type.kind == VALUE_TEXT)
        summary->text_bytes += block->bytes;
}

static uint32_t place_of(const uint32_t *values, uint32_t value)
{
    uint32_t i = 0;
    while (values[i] != value)
        i++;
    return i;
}

void page_summary_add_uint32(struct page_summary *summary, const uint32_t *values,
                             const uint32_t *ids, uint32_t count)
{
    uint32_t min = values[0];
    uint32_t max = values[0];
    for (uint32_t i = 1; i < count; i++) {
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
    }
    begin(summary, values[0], ids[0]);
    if (min < summary->min_key) {
        summary->min_key = min;
        summary->min_id = ids[place_of(values, min)];
    }
    if (max > summary->max_key) {
        summary->max_key = max;
        summary->max_id = ids[place_of(values, max)];
    }
    summary->value_count += count;
}

static uint64_t fixed_prefix(const struct chunk_dictionary *dictionary, uint32_t id)
{
    struct bytes_view value = chunk_dictionary_value(dictionary, id);
    return value_prefix(value.data, value.size_bytes < 8 ? value.size_bytes : 8);
}

void page_summary_add_ids(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                          const uint32_t *ids, uint32_t count)
{
    if (count == 0)
        return;
    bool is_text = dictionary->type.kind == VALUE_TEXT;
    assert(is_text || dictionary->type.kind == VALUE_FIXED);
    begin(summary, is_text ? dictionary->entries[ids[0]].prefix : fixed_prefix(dictionary, ids[0]),
          ids[0]);
    summary->value_count += count;
    for (uint32_t i = 0; i < count && is_text; i++) {
        const struct text_entry *entry = &dictionary->entries[ids[i]];
        summary->text_bytes += entry->size_bytes;
        add_value(summary, dictionary, entry->prefix, ids[i], true);
    }
    for (uint32_t i = 0; i < count && !is_text; i++)
        add_value(summary, dictionary, fixed_prefix(dictionary, ids[i]), ids[i], true);
}
