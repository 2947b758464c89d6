// SPDX-License-Identifier: Apache-2.0
#include "lake/file_facts.h"

#define XXH_STATIC_LINKING_ONLY /* the state as a struct */
#include <xxhash.h>

#include "util/memory.h"

#define CHECKSUM_BLOCK_BYTES ((size_t)1 << 20)

/* Both bounds, of the size that the column's values have: another's would be no values of it. */
static bool has_bounds(const struct value_type *type,
                       const struct parquet_statistics_metadata *statistics)
{
    return statistics->has_min && statistics->has_max &&
           (type->width_bytes == 0 || (statistics->min_value.size_bytes == type->width_bytes &&
                                       statistics->max_value.size_bytes == type->width_bytes));
}

struct parquet_column_statistics file_facts_column(const struct parquet_file_metadata *metadata,
                                                   size_t column)
{
    struct parquet_column_statistics facts = {.min_is_exact = true, .max_is_exact = true};
    const struct value_type *type = &metadata->columns[column].value;
    for (size_t i = 0; i < metadata->row_group_count; i++) {
        const struct parquet_chunk_metadata *chunk = &metadata->row_groups[i].chunks[column];
        const struct parquet_statistics_metadata *statistics = &chunk->statistics;
        int64_t nulls = statistics->null_count > 0 ? statistics->null_count : 0;
        facts.null_count += nulls;
        facts.value_count += chunk->value_count - nulls;
        facts.compressed_bytes += (int64_t)chunk->compressed_bytes;
        if (!has_bounds(type, statistics))
            continue;
        if (!facts.has_bounds || value_compare(type, statistics->min_value, facts.min_value) < 0) {
            facts.min_value = statistics->min_value;
            facts.min_is_exact = statistics->min_is_exact;
        }
        if (!facts.has_bounds || value_compare(type, statistics->max_value, facts.max_value) > 0) {
            facts.max_value = statistics->max_value;
            facts.max_is_exact = statistics->max_is_exact;
        }
        facts.has_bounds = true;
    }
    return facts;
}

enum error_code file_facts_checksum(const struct parquet_source *source, uint64_t *checksum,
                                    struct error *error)
{
    XXH64_state_t state;
    uint8_t *block = mem_alloc(CHECKSUM_BLOCK_BYTES);
    enum error_code code = block == NULL ? error_no_memory(error, "a file's checksum") : OK;
    XXH64_reset(&state, 0);
    for (uint64_t at = 0; code == OK && at < source->size_bytes;) {
        uint64_t left = source->size_bytes - at;
        size_t size_bytes = left < CHECKSUM_BLOCK_BYTES ? (size_t)left : CHECKSUM_BLOCK_BYTES;
        code = source->read(source->context, at, block, size_bytes, error);
        if (code == OK)
            XXH64_update(&state, block, size_bytes);
        at += size_bytes;
    }
    *checksum = XXH64_digest(&state);
    mem_free(block);
    return code;
}
