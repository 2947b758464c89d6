// SPDX-License-Identifier: Apache-2.0
#include "sink/lake_table.h"

struct catalog_table lake_table_describe(const struct row_schema *schema,
                                         enum partitioning_scheme scheme, struct lake_table *arrays)
{
    for (size_t i = 0; i < schema->column_count; i++)
        arrays->columns[i] = (struct catalog_column){.id = (int)schema->columns[i].id,
                                                     .name = schema->columns[i].name,
                                                     .type = schema->columns[i].ducklake_type,
                                                     .nullable = schema->columns[i].nullable};
    unsigned count;
    const struct partition_transform *transforms = partition_transforms(scheme, &count);
    for (unsigned i = 0; i < count; i++)
        arrays->partitions[i] = (struct catalog_partition_column){
            .transform = transforms[i].transform, .column_id = transforms[i].column_id};
    return (struct catalog_table){.schema_version = schema->version,
                                  .column_count = schema->column_count,
                                  .columns = arrays->columns,
                                  .partition_count = count,
                                  .partitions = arrays->partitions};
}
