// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_SHORT_TABLE_H
#define TTP_PARQUET_SHORT_TABLE_H

/*
 * A hash table from values of at most 16 bytes (amounts, asset codes, decimals, integers) to ids.
 * The value stands in its slot, so that a look-up touches one place in memory. Open addressing;
 * slots are moved by their own contents when it grows.
 */

#include <stdbool.h>

#include "parquet/hashing.h"
#include "util/error.h"

#define SHORT_VALUE_BYTES 16u

struct short_slot {
    uint64_t head, tail; /* the value's bytes, zeros behind them */
    uint32_t size_bytes;
    uint32_t id_plus_1; /* 0: an empty slot */
};

struct short_table {
    struct short_slot *slots;
    uint32_t slot_count; /* a power of two, or 0 */
    uint32_t value_count;
    uint64_t hash_key;
    bool has_long_probes; /* to be cured by short_table_clear with another key */
};

void short_table_init(struct short_table *table);
void short_table_release(struct short_table *table);
/* Takes all values out. A table that is far too large for `value_count` gives its memory back. */
void short_table_clear(struct short_table *table, uint64_t hash_key);

/* Room for `more` values; ERR_NO_MEMORY leaves it as it was. */
enum error_code short_table_reserve(struct short_table *table, uint32_t more) MUST_CHECK;

static inline uint32_t short_table_hash(const struct short_table *table, uint64_t head,
                                        uint64_t tail, uint32_t size_bytes)
{
    return hash_words(head, tail, size_bytes, table->hash_key);
}

static inline __attribute__((always_inline)) void
short_table_expect(const struct short_table *table, uint32_t hash)
{
    __builtin_prefetch(&table->slots[hash & (table->slot_count - 1)]);
}

/* The slot of a value: its own, or an empty one where it belongs (fill it by short_table_put).
 * There must be room. */
static inline struct short_slot *short_table_find(struct short_table *table, uint64_t head,
                                                  uint64_t tail, uint32_t size_bytes, uint32_t hash)
{
    uint32_t mask = table->slot_count - 1;
    uint32_t at = hash & mask;
    uint32_t probes = 0;
    for (;; at = (at + 1) & mask, probes++) {
        struct short_slot *slot = &table->slots[at];
        if (slot->head == head && slot->tail == tail && slot->size_bytes == size_bytes &&
            slot->id_plus_1 != 0)
            return slot;
        if (slot->id_plus_1 == 0)
            break;
    }
    if (probes > LONG_PROBE)
        table->has_long_probes = true;
    return &table->slots[at];
}

static inline void short_table_put(struct short_table *table, struct short_slot *slot,
                                   uint64_t head, uint64_t tail, uint32_t size_bytes, uint32_t id)
{
    *slot = (struct short_slot){head, tail, size_bytes, id + 1};
    table->value_count++;
}

#endif
