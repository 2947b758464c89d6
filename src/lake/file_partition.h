// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_FILE_PARTITION_H
#define TTP_LAKE_FILE_PARTITION_H

/* The partition of a data file's rows, by what its footer says of them. */

#include "parquet/metadata.h"
#include "rows/partition.h"

/* False if they are of several, or the footer does not say. *last_us: the newest time. */
bool file_partition_find(enum partitioning_scheme scheme,
                         const struct parquet_file_metadata *metadata, struct partition_key *key,
                         int64_t *last_us) MUST_CHECK;

#endif
