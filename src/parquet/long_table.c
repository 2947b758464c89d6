// SPDX-License-Identifier: Apache-2.0
#include "parquet/long_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "util/memory.h"

#define FIRST_SLOTS 256u
/* A table with more slots than this per value is not kept for the next chunk: clearing costs. */
#define OVERSIZED_SLOTS 16u

void long_table_init(struct long_table *table)
{
    *table = (struct long_table){0};
}

void long_table_release(struct long_table *table)
{
    mem_free(table->slots);
    long_table_init(table);
}

void long_table_clear(struct long_table *table, bool hashes_all_bytes, uint64_t hash_key)
{
    if (table->slot_count / OVERSIZED_SLOTS > table->value_count)
        long_table_release(table);
    else if (table->value_count != 0)
        memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    table->value_count = 0;
    table->hashes_all_bytes = hashes_all_bytes;
    table->hash_key = hash_key;
    table->has_long_probes = false;
}

uint32_t long_table_hash_all(const struct long_table *table, const uint8_t *data,
                             uint32_t size_bytes)
{
    return (uint32_t)(XXH3_64bits_withSeed(data, size_bytes, table->hash_key) >> 32);
}

enum error_code long_table_reserve(struct long_table *table, uint32_t more)
{
    uint32_t wanted = hash_slots_for(table->slot_count == 0 ? FIRST_SLOTS : table->slot_count,
                                     (uint64_t)table->value_count + more);
    if (wanted == table->slot_count)
        return OK;
    struct long_slot *slots = mem_alloc_zero(wanted, sizeof *slots);
    if (slots == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < table->slot_count; i++) {
        uint32_t at = table->slots[i].hash & (wanted - 1);
        if (table->slots[i].id_plus_1 == 0)
            continue;
        while (slots[at].id_plus_1 != 0)
            at = (at + 1) & (wanted - 1);
        slots[at] = table->slots[i];
    }
    mem_free(table->slots);
    table->slots = slots;
    table->slot_count = wanted;
    return OK;
}
