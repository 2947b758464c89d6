// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_STATISTICS_H
#define TTP_SINK_STATISTICS_H

/* From the Parquet writer's statistics to DuckLake's texts (docs: DuckLake specification,
 * "Data Types" and ducklake_file_column_stats). */

#include "catalog/catalog.h"
#include "parquet/writer.h"
#include "rows/schema.h"
#include "util/arena.h"

/* Fills *out; its texts lie in `arena`. A bound that has no text (a NUL in it, not UTF-8) is left
 * out, or widened where that is possible. ERR_NO_MEMORY; ERR_CORRUPT if a bound has not its type's
 * size. */
enum error_code statistics_to_catalog(const struct row_column *column,
                                      const struct parquet_column_statistics *statistics,
                                      struct arena *arena, struct catalog_column_statistics *out,
                                      struct error *error) MUST_CHECK;

#endif
