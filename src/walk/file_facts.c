// SPDX-License-Identifier: Apache-2.0
#include "walk/file_facts.h"

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
