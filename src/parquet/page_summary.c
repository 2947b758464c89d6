// SPDX-License-Identifier: Apache-2.0
#include "parquet/page_summary.h"

#define SIGN_BIT_64 (UINT64_C(1) << 63)

static order_key key_of(uint64_t high, uint64_t low)
{
    return (order_key)high << 64 | low;
}

static void begin(struct page_summary *summary, order_key key, uint32_t id)
{
    if (summary->value_count != 0)
        return;
    summary->min_key = summary->max_key = key;
    summary->min_id = summary->max_id = id;
}

/* True if `id` comes before `other` by the values' bytes. */
static bool is_less(const struct chunk_dictionary *dictionary, uint32_t id, uint32_t other)
{
    return id != other && bytes_compare(chunk_dictionary_value(dictionary, id),
                                        chunk_dictionary_value(dictionary, other)) < 0;
}

/* Adds a value whose key is not between the bounds. */
static void widen(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                  order_key key, uint32_t id)
{
    bool ties = dictionary->type.kind == VALUE_TEXT || dictionary->type.kind == VALUE_FIXED;
    if (key < summary->min_key ||
        (ties && key == summary->min_key && is_less(dictionary, id, summary->min_id))) {
        summary->min_key = key;
        summary->min_id = id;
    }
    if (key > summary->max_key ||
        (ties && key == summary->max_key && is_less(dictionary, summary->max_id, id))) {
        summary->max_key = key;
        summary->max_id = id;
    }
}

/* Decimals: the array's words, the lower one first. */
static void add_decimals(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                         const struct value_block *block, const uint32_t *change_ids)
{
    begin(summary, key_of(block->tails[0] ^ SIGN_BIT_64, block->heads[0]), change_ids[0]);
    for (uint32_t i = 0; i < block->change_count; i++) {
        order_key key = key_of(block->tails[i] ^ SIGN_BIT_64, block->heads[i]);
        if (key < summary->min_key || key > summary->max_key)
            widen(summary, dictionary, key, change_ids[i]);
    }
}

/* Values whose key has 64 bits: `flipped` makes signed numbers unsigned ones of the same order, and
 * texts are read from their first byte on. */
static inline __attribute__((always_inline)) void
add_narrow(struct page_summary *summary, const struct chunk_dictionary *dictionary,
           const struct value_block *block, const uint32_t *change_ids, bool are_bytes,
           uint64_t flipped)
{
    uint64_t first = are_bytes ? __builtin_bswap64(block->heads[0]) : block->heads[0] ^ flipped;
    begin(summary, first, change_ids[0]);
    uint64_t min = (uint64_t)summary->min_key;
    uint64_t max = (uint64_t)summary->max_key;
    for (uint32_t i = 0; i < block->change_count; i++) {
        uint64_t key = are_bytes ? __builtin_bswap64(block->heads[i]) : block->heads[i] ^ flipped;
        if (key > min && key < max)
            continue;
        widen(summary, dictionary, key, change_ids[i]);
        min = (uint64_t)summary->min_key;
        max = (uint64_t)summary->max_key;
    }
}

void page_summary_add_block(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                            const struct value_block *block, const uint32_t *change_ids)
{
    if (block->value_count == 0)
        return;
    switch (dictionary->type.kind) {
    case VALUE_DECIMAL: add_decimals(summary, dictionary, block, change_ids); break;
    case VALUE_TIMESTAMP:
        add_narrow(summary, dictionary, block, change_ids, false, SIGN_BIT_64);
        break;
    case VALUE_UINT32: add_narrow(summary, dictionary, block, change_ids, false, 0); break;
    case VALUE_FIXED:
    case VALUE_TEXT: add_narrow(summary, dictionary, block, change_ids, true, 0); break;
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

static void add_text_ids(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                         const uint32_t *ids, uint32_t count)
{
    const struct text_entry *entries = dictionary->entries;
    uint64_t text_bytes = 0;
    begin(summary, entries[ids[0]].prefix, ids[0]);
    uint64_t min = (uint64_t)summary->min_key;
    uint64_t max = (uint64_t)summary->max_key;
    for (uint32_t i = 0; i < count; i++) {
        const struct text_entry *entry = &entries[ids[i]];
        text_bytes += entry->size_bytes;
        if (entry->prefix > min && entry->prefix < max)
            continue;
        if (ids[i] == summary->min_id || ids[i] == summary->max_id)
            continue;
        widen(summary, dictionary, entry->prefix, ids[i]);
        min = (uint64_t)summary->min_key;
        max = (uint64_t)summary->max_key;
    }
    summary->text_bytes += text_bytes;
}

/* The order of a value of one width, as it stands in the dictionary. */
static inline __attribute__((always_inline)) order_key
key_at(const struct chunk_dictionary *dictionary, uint32_t id, enum value_kind kind)
{
    const uint8_t *at = dictionary->body.data + (size_t)id * dictionary->type.width_bytes;
    uint32_t number;
    switch (kind) {
    case VALUE_UINT32: memcpy(&number, at, sizeof number); return number;
    case VALUE_TIMESTAMP: return hash_load(at) ^ SIGN_BIT_64;
    case VALUE_DECIMAL:
        return key_of(__builtin_bswap64(hash_load(at)) ^ SIGN_BIT_64,
                      __builtin_bswap64(hash_load(at + 8)));
    case VALUE_FIXED:
    case VALUE_TEXT: break;
    }
    return value_prefix(at, dictionary->type.width_bytes);
}

/* Inlined with a constant kind. */
static inline __attribute__((always_inline)) void
add_fixed_ids(struct page_summary *summary, const struct chunk_dictionary *dictionary,
              const uint32_t *ids, uint32_t count, enum value_kind kind)
{
    begin(summary, key_at(dictionary, ids[0], kind), ids[0]);
    for (uint32_t i = 1; i < count; i++) {
        if (ids[i] == ids[i - 1])
            continue;
        order_key key = key_at(dictionary, ids[i], kind);
        if (key <= summary->min_key || key >= summary->max_key)
            widen(summary, dictionary, key, ids[i]);
    }
}

void page_summary_add_ids(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                          const uint32_t *ids, uint32_t count)
{
    if (count == 0)
        return;
    switch (dictionary->type.kind) {
    case VALUE_TEXT: add_text_ids(summary, dictionary, ids, count); break;
    case VALUE_UINT32: add_fixed_ids(summary, dictionary, ids, count, VALUE_UINT32); break;
    case VALUE_TIMESTAMP: add_fixed_ids(summary, dictionary, ids, count, VALUE_TIMESTAMP); break;
    case VALUE_DECIMAL: add_fixed_ids(summary, dictionary, ids, count, VALUE_DECIMAL); break;
    case VALUE_FIXED: add_fixed_ids(summary, dictionary, ids, count, VALUE_FIXED); break;
    }
    summary->value_count += count;
}
