// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_SINK_OPTIONS_H
#define TTP_SINK_SINK_OPTIONS_H

/* How a lake is opened for writing, and what its files become. */

#include <stdbool.h>
#include <stdint.h>

#include "parquet/verify_level.h"
#include "parquet/writer.h"
#include "rows/partition.h"
#include "store/obstacle.h"

struct sink_options {
    const char *output_path;
    const char *catalog; /* database/location.h; "" or NULL: in the folder, or as it is */
    const char *catalog_schema;
    bool require_lake;            /* a lake that is not there is an error */
    const char *reader_data_path; /* "" = the absolute output_path */
    enum partitioning_scheme scheme;
    const char *schema_version;
    bool enable_schema_evolution;
    const char *network; /* "" = not known */
    enum parquet_codec codec;
    int compression_level;
    enum parquet_profile profile;
    uint32_t row_group_rows;
    uint32_t page_size_bytes;
    bool bloom_filters;
    uint64_t max_file_size_bytes;
    int64_t max_file_age_us;
    uint64_t memory_bytes; /* the writer's share of memory_limit: beyond it a commit is cut */
    unsigned encode_threads;
    uint64_t min_free_disk_bytes;
    enum parquet_verify_level verify_files;
    obstacle_give_up *give_up; /* as sink_set_give_up has it, from the opening on; NULL: never */
    void *give_up_context;
};

#endif
