// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_METADATA_H
#define TTP_PARQUET_METADATA_H

/*
 * The footer of any Parquet file with flat columns, as structs. The bytes are not trusted: every
 * offset lies inside the file and every count is bounded before it is used.
 */

#include <stdbool.h>
#include <stdint.h>

#include "parquet/format.h"
#include "parquet/source.h"
#include "parquet/value.h"
#include "util/arena.h"

/* Limits on what is read; files beyond them get ERR_LIMIT. */
#define PARQUET_MAX_FOOTER_BYTES ((uint32_t)64 << 20)
#define PARQUET_MAX_COLUMNS      4096
#define PARQUET_MAX_ROW_GROUPS   65536

struct parquet_column_metadata {
    const char *name;
    enum parquet_type type;
    enum parquet_logical_type logical_type;
    int32_t converted_type; /* -1: none */
    bool nullable;
    bool has_field_id;
    int32_t field_id;
    int32_t scale, precision; /* of decimals */
    bool is_signed;           /* of integers */
    struct value_type value;  /* width 0 for BYTE_ARRAY; kind: the order of its values */
    bool has_known_order;     /* kind is what its annotation asks for, and it can be decoded */
};

struct parquet_statistics_metadata {
    int64_t null_count; /* -1: not given */
    bool has_min, has_max;
    bool min_is_exact, max_is_exact; /* false also where nothing is said */
    struct bytes_view min_value, max_value;
};

struct parquet_chunk_metadata {
    enum parquet_compression codec;
    uint32_t encodings;  /* bit 1 << encoding */
    int64_t value_count; /* with nulls */
    uint64_t uncompressed_bytes;
    uint64_t compressed_bytes; /* from the first page's header on */
    uint64_t offset;           /* of the first page's header, the dictionary's if there is one */
    uint64_t data_page_offset;
    bool has_dictionary_page;
    struct parquet_statistics_metadata statistics;
    /* 0 bytes: not there */
    uint64_t bloom_offset;
    bool has_bloom;
    uint32_t bloom_bytes; /* with its header; 0: not said */
    uint64_t column_index_offset, offset_index_offset;
    uint32_t column_index_bytes, offset_index_bytes;
};

struct parquet_row_group_metadata {
    int64_t row_count;
    struct parquet_chunk_metadata *chunks; /* per column */
};

struct parquet_file_metadata {
    int32_t version;
    int64_t row_count;
    uint64_t footer_offset; /* where the footer starts: everything else lies before it */
    uint32_t footer_bytes;
    const char *created_by; /* "" if not given */
    size_t column_count;
    struct parquet_column_metadata *columns;
    size_t row_group_count;
    struct parquet_row_group_metadata *row_groups;
    size_t key_value_count;
    struct parquet_key_value_metadata {
        const char *key;
        const char *value; /* "" if not given */
    } * key_values;
    struct arena arena; /* owns all of the above */
};

/* Reads and checks the footer. ERR_CORRUPT (not a Parquet file, truncated, damaged), ERR_INVALID
 * (nested or encrypted: not read), ERR_LIMIT, ERR_NO_MEMORY, and the source's errors. On failure
 * there is nothing to release. */
enum error_code parquet_metadata_read(const struct parquet_source *source,
                                      struct parquet_file_metadata *metadata,
                                      struct error *error) MUST_CHECK;
void parquet_metadata_release(struct parquet_file_metadata *metadata);

/* The value of the first key-value pair with that key; NULL if there is none. */
const char *parquet_metadata_find(const struct parquet_file_metadata *metadata, const char *key);

/* Index of the column; -1 if there is none. */
int parquet_metadata_column(const struct parquet_file_metadata *metadata, const char *name);

/* Names as parquet.thrift has them, such as "RLE_DICTIONARY"; "UNKNOWN" for others. */
const char *parquet_type_name(enum parquet_type type);
const char *parquet_encoding_name(enum parquet_encoding encoding);
const char *parquet_compression_name(enum parquet_compression codec);

#endif
