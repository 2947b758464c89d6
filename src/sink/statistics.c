// SPDX-License-Identifier: Apache-2.0
#include "sink/statistics.h"

#include "rows/bound_text.h"

enum error_code statistics_to_catalog(const struct row_column *column,
                                      const struct parquet_column_statistics *statistics,
                                      struct arena *arena, struct catalog_column_statistics *out,
                                      struct error *error)
{
    *out = (struct catalog_column_statistics){.column_id = (int)column->id,
                                              .value_count = statistics->value_count,
                                              .null_count = statistics->null_count,
                                              .column_size_bytes = statistics->compressed_bytes};
    if (!statistics->has_bounds)
        return OK;
    enum error_code code =
        row_bound_text(column, statistics->min_value, false, arena, &out->min_value, error);
    if (code == OK)
        code = row_bound_text(column, statistics->max_value, true, arena, &out->max_value, error);
    return code;
}
