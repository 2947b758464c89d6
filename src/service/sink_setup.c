// SPDX-License-Identifier: Apache-2.0
#include "service/sink_setup.h"

#include "os/process.h"

#define ENCODE_THREADS_MAX 4 /* of the default: more wait for the disk */

static unsigned encode_threads(const struct options *options)
{
    if (options->encode_threads != 0)
        return options->encode_threads;
    unsigned cores = os_core_count();
    unsigned threads = cores > 1 ? cores - 1 : 1;
    return threads < ENCODE_THREADS_MAX ? threads : ENCODE_THREADS_MAX;
}

struct sink_options sink_setup_options(const struct options *options,
                                       const struct memory_plan *memory)
{
    return (struct sink_options){.output_path = options->output_path,
                                 .catalog = options->catalog,
                                 .catalog_schema = options->catalog_schema,
                                 .require_lake = options->require_lake,
                                 .reader_data_path = options->reader_data_path,
                                 .scheme = (enum partitioning_scheme)options->partitioning_scheme,
                                 .schema_version = options->schema_version,
                                 .enable_schema_evolution = options->enable_schema_evolution,
                                 .network = options->network,
                                 .codec = (enum parquet_codec)options->compression_codec,
                                 .compression_level = (int)options->compression_level,
                                 .profile = (enum parquet_profile)options->encoding_profile,
                                 .row_group_rows = options->row_group_rows,
                                 .page_size_bytes = (uint32_t)options->page_size_bytes,
                                 .bloom_filters = options->bloom_filters,
                                 .max_file_size_bytes = options->max_file_size_bytes,
                                 .max_file_age_us = options->max_file_age_us,
                                 .memory_bytes = memory->writer_bytes,
                                 .encode_threads = encode_threads(options),
                                 .min_free_disk_bytes = options->min_free_disk_bytes,
                                 .verify_files = (enum parquet_verify_level)options->verify_files};
}
