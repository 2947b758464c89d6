// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_LAKE_TABLE_H
#define TTP_SINK_LAKE_TABLE_H

/* A schema version of ours as the table that DuckLake sees. */

#include "catalog/catalog.h"
#include "rows/partition.h"
#include "rows/schema.h"

/* The arrays are the caller's; the table points into them and into static texts. */
struct lake_table {
    struct catalog_column columns[ROW_COLUMN_MAX];
    struct catalog_partition_column partitions[PARTITION_TRANSFORM_MAX];
};

struct catalog_table lake_table_describe(const struct row_schema *schema,
                                         enum partitioning_scheme scheme,
                                         struct lake_table *arrays);

#endif
