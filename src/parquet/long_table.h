// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_LONG_TABLE_H
#define TTP_PARQUET_LONG_TABLE_H

/*
 * A hash table from texts of more than 16 bytes (accounts, contracts, memos) to ids. The bytes
 * stand in the dictionary's body; a slot says where, so that a look-up touches two places in
 * memory.
 *
 * At first only a text's size and its first and last 8 bytes are hashed: more than enough for
 * addresses. Texts that differ only in the middle all collide; the table then hashes all bytes.
 */

#include <stdbool.h>

#include "parquet/hashing.h"
#include "util/error.h"

struct long_slot {
    uint32_t hash;
    uint32_t id_plus_1; /* 0: an empty slot */
    uint32_t offset;    /* of the bytes in the body */
    uint32_t size_bytes;
};

struct long_table {
    struct long_slot *slots;
    uint32_t slot_count; /* a power of two, or 0 */
    uint32_t value_count;
    uint64_t hash_key;
    bool hashes_all_bytes;
    bool has_long_probes; /* to be cured by long_table_clear with another hash */
};

void long_table_init(struct long_table *table);
void long_table_release(struct long_table *table);
/* Takes all values out. A table that is far too large for what it held gives its memory back. */
void long_table_clear(struct long_table *table, bool hashes_all_bytes, uint64_t hash_key);

/* Room for `more` values; ERR_NO_MEMORY leaves it as it was. */
enum error_code long_table_reserve(struct long_table *table, uint32_t more) MUST_CHECK;

uint32_t long_table_hash_all(const struct long_table *table, const uint8_t *data,
                             uint32_t size_bytes);

/* `head` and `tail`: the first and the last 8 bytes. */
static inline uint32_t long_table_hash(const struct long_table *table, const uint8_t *data,
                                       uint64_t head, uint64_t tail, uint32_t size_bytes)
{
    return table->hashes_all_bytes ? long_table_hash_all(table, data, size_bytes)
                                   : hash_words(head, tail, size_bytes, 0);
}

static inline __attribute__((always_inline)) void long_table_expect(const struct long_table *table,
                                                                    uint32_t hash)
{
    __builtin_prefetch(&table->slots[hash & (table->slot_count - 1)]);
}

/* Asks for the bytes of the first candidate, whose slot was asked for before. */
static inline __attribute__((always_inline)) void
long_table_expect_bytes(const struct long_table *table, const uint8_t *body, uint32_t hash)
{
    const struct long_slot *slot = &table->slots[hash & (table->slot_count - 1)];
    if (slot->hash != hash)
        return;
    __builtin_prefetch(body + slot->offset);
    __builtin_prefetch(body + slot->offset + slot->size_bytes - 1);
}

/* True for equal runs of more than 16 bytes: compared 16 at a time, the last ones overlapping. */
static inline bool long_bytes_equal(const uint8_t *a, const uint8_t *b, uint32_t size_bytes)
{
    typedef uint64_t word_pair __attribute__((vector_size(16)));
    word_pair difference = {0, 0};
    word_pair x, y;
    for (uint32_t i = 0; i + 16 < size_bytes; i += 16) {
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        difference |= x ^ y;
    }
    memcpy(&x, a + size_bytes - 16, sizeof x);
    memcpy(&y, b + size_bytes - 16, sizeof y);
    difference |= x ^ y;
    return (difference[0] | difference[1]) == 0;
}

/* The slot of a text: its own, or an empty one where it belongs (fill it by long_table_put). There
 * must be room. */
static inline struct long_slot *long_table_find(struct long_table *table, const uint8_t *body,
                                                const uint8_t *data, uint32_t size_bytes,
                                                uint32_t hash)
{
    uint32_t mask = table->slot_count - 1;
    uint32_t at = hash & mask;
    uint32_t probes = 0;
    for (;; at = (at + 1) & mask, probes++) {
        struct long_slot *slot = &table->slots[at];
        if (slot->hash == hash && slot->size_bytes == size_bytes && slot->id_plus_1 != 0 &&
            long_bytes_equal(body + slot->offset, data, size_bytes))
            return slot;
        if (slot->id_plus_1 == 0)
            break;
    }
    if (probes > LONG_PROBE)
        table->has_long_probes = true;
    return &table->slots[at];
}

static inline void long_table_put(struct long_table *table, struct long_slot *slot, uint32_t hash,
                                  uint32_t offset, uint32_t size_bytes, uint32_t id)
{
    *slot = (struct long_slot){hash, id + 1, offset, size_bytes};
    table->value_count++;
}

#endif
