// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_FILE_FACTS_H
#define TTP_WALK_FILE_FACTS_H

/* What a data file at rest says of itself: what the catalog holds of it, or must be given anew. */

#include "parquet/metadata.h"
#include "parquet/writer.h"

/* The statistics of a column over all row groups, as the writer gave them; bounds point into
 * `metadata`, and those of another size than the column's values are left out. */
struct parquet_column_statistics file_facts_column(const struct parquet_file_metadata *metadata,
                                                   size_t column);

#endif
