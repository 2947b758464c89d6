// SPDX-License-Identifier: Apache-2.0
#include "parquet/short_table.h"

#include <assert.h>

#include "util/memory.h"

#define FIRST_SLOTS 256u
/* A table with more slots than this per value is not kept for the next chunk: clearing costs. */
#define OVERSIZED_SLOTS 16u

void short_table_init(struct short_table *table)
{
    *table = (struct short_table){0};
}

void short_table_release(struct short_table *table)
{
    mem_free(table->slots);
    short_table_init(table);
}

void short_table_clear(struct short_table *table, uint64_t hash_key)
{
    if (table->slot_count / OVERSIZED_SLOTS > table->value_count)
        short_table_release(table);
    else if (table->value_count != 0)
        memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    table->value_count = 0;
    table->hash_key = hash_key;
    table->has_long_probes = false;
}

static void move_slot(struct short_table *table, const struct short_slot *slot)
{
    uint32_t mask = table->slot_count - 1;
    uint32_t at = short_table_hash(table, slot->head, slot->tail, slot->size_bytes) & mask;
    while (table->slots[at].id_plus_1 != 0)
        at = (at + 1) & mask;
    table->slots[at] = *slot;
}

enum error_code short_table_reserve(struct short_table *table, uint32_t more)
{
    uint32_t wanted = hash_slots_for(table->slot_count == 0 ? FIRST_SLOTS : table->slot_count,
                                     (uint64_t)table->value_count + more);
    if (wanted == table->slot_count)
        return OK;
    struct short_table grown = *table;
    grown.slots = mem_alloc_zero(wanted, sizeof *grown.slots);
    grown.slot_count = wanted;
    if (grown.slots == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < table->slot_count; i++)
        if (table->slots[i].id_plus_1 != 0)
            move_slot(&grown, &table->slots[i]);
    mem_free(table->slots);
    *table = grown;
    return OK;
}
