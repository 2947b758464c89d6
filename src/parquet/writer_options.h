// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_WRITER_OPTIONS_H
#define TTP_PARQUET_WRITER_OPTIONS_H

/* How a file is to be written: what the writer and its parts are given. */

#include <stdbool.h>
#include <stdint.h>

enum parquet_codec {
    PARQUET_CODEC_NONE,
    PARQUET_CODEC_SNAPPY,
    PARQUET_CODEC_GZIP,
    PARQUET_CODEC_LZ4, /* as LZ4_RAW */
    PARQUET_CODEC_ZSTD,
    PARQUET_CODEC_BROTLI
};

enum parquet_profile { PARQUET_PROFILE_COMPATIBLE, PARQUET_PROFILE_COMPACT };

struct parquet_key_value {
    const char *key;
    const char *value;
};

struct parquet_writer_options {
    enum parquet_codec codec;
    int compression_level;
    enum parquet_profile profile;
    uint32_t row_group_rows;  /* at most; 0 = the measured default */
    uint32_t page_size_bytes; /* target of uncompressed page bytes; 0 = the measured default */
    bool bloom_filters;       /* on columns marked in parquet_column_options */
    /* Row groups are so small that each value in vain shows: a dictionary's values get ids when a
     * row has them, and are looked for where two dictionaries meet in a row group, which need not
     * be closed before the second one comes. */
    bool looks_up_all;
    const char *created_by; /* the footer's; copied */
};

/* What the schema's Arrow types don't say; one per column, in order. */
struct parquet_column_options {
    int32_t field_id;
    bool bloom_filter;
    bool sorted_ascending; /* rows come in this column's order: sorting_columns, ordered boundaries
                            */
};

/* Dictionaries that say which of their values are new (arrow_dictionary_export_part) give the chunk
 * its ids, from a dictionary's first array on: nothing is looked up. So they should live as long as
 * a row group is open, and a row group be closed before the next ones come; one of at most so many
 * rows may be left open, and then repeats the values that both have. */
#define PARQUET_JOINED_ROWS 4096u

#endif
