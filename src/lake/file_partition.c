// SPDX-License-Identifier: Apache-2.0
#include "lake/file_partition.h"

#include <string.h>

#include "walk/file_facts.h"

static struct parquet_column_statistics facts_of(const struct parquet_file_metadata *metadata,
                                                 const char *column)
{
    int index = parquet_metadata_column(metadata, column);
    return index < 0 ? (struct parquet_column_statistics){0}
                     : file_facts_column(metadata, (size_t)index);
}

static enum event_type type_of(struct bytes_view name)
{
    for (int type = 0; type < EVENT_TYPE_COUNT; type++)
        if (bytes_equal(name, bytes_view_text(event_type_name((enum event_type)type))))
            return (enum event_type)type;
    return EVENT_NONE;
}

bool file_partition_find(enum partitioning_scheme scheme,
                         const struct parquet_file_metadata *metadata, struct partition_key *key,
                         int64_t *last_us)
{
    struct parquet_column_statistics times = facts_of(metadata, "timestamp");
    struct parquet_column_statistics types = facts_of(metadata, "event_type");
    int64_t first_us;
    if (!times.has_bounds || times.min_value.size_bytes != sizeof first_us ||
        times.max_value.size_bytes != sizeof *last_us || !types.has_bounds)
        return false;
    memcpy(&first_us, times.min_value.data, sizeof first_us);
    memcpy(last_us, times.max_value.data, sizeof *last_us);
    *key = partition_key_of(scheme, first_us, type_of(types.min_value));
    struct partition_key last = partition_key_of(scheme, *last_us, type_of(types.max_value));
    return partition_key_equal(*key, last);
}
