// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_FORMAT_H
#define TTP_PARQUET_FORMAT_H

/* The numbers of parquet.thrift (github.com/apache/parquet-format) that writer and reader share. */

#define PARQUET_MAGIC            "PAR1"
#define PARQUET_MAGIC_BYTES      4
#define PARQUET_FOOTER_END_BYTES 8 /* footer length and magic */

enum parquet_type {
    PARQUET_BOOLEAN,
    PARQUET_INT32,
    PARQUET_INT64,
    PARQUET_INT96,
    PARQUET_FLOAT,
    PARQUET_DOUBLE,
    PARQUET_BYTE_ARRAY,
    PARQUET_FIXED_LEN_BYTE_ARRAY
};

enum parquet_converted_type {
    PARQUET_CONVERTED_UTF8 = 0,
    PARQUET_CONVERTED_DECIMAL = 5,
    PARQUET_CONVERTED_TIMESTAMP_MILLIS = 9,
    PARQUET_CONVERTED_TIMESTAMP_MICROS = 10,
    PARQUET_CONVERTED_UINT_32 = 13
};

enum parquet_repetition { PARQUET_REQUIRED, PARQUET_OPTIONAL, PARQUET_REPEATED };

enum parquet_encoding {
    PARQUET_PLAIN = 0,
    PARQUET_PLAIN_DICTIONARY = 2,
    PARQUET_RLE = 3,
    PARQUET_BIT_PACKED = 4,
    PARQUET_DELTA_BINARY_PACKED = 5,
    PARQUET_DELTA_LENGTH_BYTE_ARRAY = 6,
    PARQUET_DELTA_BYTE_ARRAY = 7,
    PARQUET_RLE_DICTIONARY = 8,
    PARQUET_BYTE_STREAM_SPLIT = 9
};
#define PARQUET_ENCODING_COUNT 10

enum parquet_compression {
    PARQUET_UNCOMPRESSED = 0,
    PARQUET_SNAPPY = 1,
    PARQUET_GZIP = 2,
    PARQUET_LZO = 3,
    PARQUET_BROTLI = 4,
    PARQUET_LZ4_HADOOP = 5,
    PARQUET_ZSTD = 6,
    PARQUET_LZ4_RAW = 7
};

enum parquet_page_type {
    PARQUET_DATA_PAGE = 0,
    PARQUET_INDEX_PAGE = 1,
    PARQUET_DICTIONARY_PAGE = 2,
    PARQUET_DATA_PAGE_V2 = 3
};

enum parquet_boundary_order { PARQUET_UNORDERED, PARQUET_ASCENDING, PARQUET_DESCENDING };

/* Members of the union LogicalType. */
enum parquet_logical_type {
    PARQUET_LOGICAL_NONE = 0,
    PARQUET_LOGICAL_STRING = 1,
    PARQUET_LOGICAL_DECIMAL = 5,
    PARQUET_LOGICAL_TIMESTAMP = 8,
    PARQUET_LOGICAL_INTEGER = 10
};

#endif
