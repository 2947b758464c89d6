// SPDX-License-Identifier: Apache-2.0
#include "config/options.h"

#include "rows/partition.h"

void options_init(struct options *options)
{
    *options = (struct options){.service_name = NULL};
    arena_init(&options->arena, 4096);
}

uint32_t options_lease_ledgers(const struct options *options)
{
    if (options->lease_ledgers != 0)
        return options->lease_ledgers;
    /* Each edge of a piece splits a partition: a day's worth for hours, eight for days. */
    enum partitioning_scheme scheme = (enum partitioning_scheme)options->partitioning_scheme;
    bool is_hourly = scheme == PARTITION_DATE_HOUR || scheme == PARTITION_DATE_HOUR_TYPE;
    return is_hourly ? 16384 : 131072;
}

void options_release(struct options *options)
{
    arena_release(&options->arena);
    options_init(options);
}
