// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_COLUMN_H
#define TTP_PARQUET_COLUMN_H

/*
 * One column of the open row group. Rows are appended into an open page; a full page is sealed: its
 * levels and values are encoded at once, which is far smaller than the rows. While the dictionary
 * pays, a page holds dictionary indices; else plain values. When the row group closes, the column
 * task decides by exact sizes how the chunk is written, and compresses it.
 *
 * Appending is the writer thread's; column_encode may run on any thread, one at a time per column.
 */

#include <stdbool.h>
#include <stdint.h>

#include "arrow/abi.h"
#include "parquet/codec.h"
#include "parquet/dictionary.h"
#include "parquet/page_summary.h"
#include "parquet/value.h"
#include "parquet/writer_options.h"

/* A page as it will stand in the file, and what the indexes say of it. */
struct page_meta {
    int64_t first_row;     /* in the row group */
    int64_t offset;        /* of its header, in the chunk's bytes */
    uint32_t stored_bytes; /* with its header */
    uint32_t row_count;
    uint32_t null_count;
    uint64_t text_bytes; /* of BYTE_ARRAY values, without lengths */
    bool has_bounds;
    uint32_t min_offset, min_size_bytes; /* in chunk_meta.bounds */
    uint32_t max_offset, max_size_bytes;
    enum parquet_encoding encoding;
};

/* A finished column chunk. */
struct chunk_meta {
    struct page_meta *pages;
    size_t page_count;
    size_t page_capacity;
    struct buffer bounds;
    int64_t value_count; /* with nulls */
    int64_t null_count;
    uint64_t text_bytes;
    uint64_t uncompressed_bytes; /* with headers */
    uint64_t compressed_bytes;
    uint64_t file_offset;      /* of the chunk's first byte */
    uint64_t data_page_offset; /* in the chunk's bytes */
    bool has_dictionary;
    bool has_bounds;
    bool min_is_exact, max_is_exact;
    uint32_t min_offset, min_size_bytes; /* in bounds */
    uint32_t max_offset, max_size_bytes;
    uint32_t encodings_used; /* bit 1 << encoding, of data pages */
    struct buffer bloom;     /* header and filter until they are handed out */
    uint64_t bloom_offset;   /* 0: none */
    uint32_t bloom_bytes;
    uint64_t column_index_offset, offset_index_offset;
    uint32_t column_index_bytes, offset_index_bytes;
};

void chunk_meta_release(struct chunk_meta *chunk);

/* A sealed page in column_writer.sealed: [levels] values, as in the file but not compressed. */
struct sealed_page {
    size_t offset;
    uint32_t size_bytes;
    uint32_t levels_bytes; /* of them, definition levels with their length */
    uint32_t row_count;
    uint32_t null_count;
    uint64_t text_bytes;
    enum parquet_encoding encoding; /* PLAIN or RLE_DICTIONARY */
    size_t min, max;                /* ids, or offsets of plain values' bytes in `sealed` */
    uint32_t min_size_bytes, max_size_bytes; /* of plain values */
};

struct page_list {
    struct sealed_page *items;
    size_t count;
    size_t capacity;
};

/* A piece of a finished chunk: bytes of its own, or some that are borrowed from the column (pages
 * that are stored as they were sealed). */
struct chunk_piece {
    const uint8_t *borrowed; /* NULL: `offset` in chunk_bytes.own */
    size_t offset;
    size_t size_bytes;
};

/* The bytes of a finished chunk: its pieces in order. Between them `own` may have gaps. */
struct chunk_bytes {
    size_t size_bytes; /* of all pieces */
    struct buffer own;
    struct chunk_piece *pieces;
    size_t piece_count;
    size_t piece_capacity;
};

void chunk_bytes_release(struct chunk_bytes *bytes); /* back to empty */

/* How the indices of an Arrow dictionary become ids of the chunk's. */
enum index_way {
    /* Arrays that say which values are new (arrow_dictionary_export_part), from the first on: each
     * value was appended when it came, and an index is an id less `first_id`. */
    INDICES_AS_IDS,
    INDICES_LISTED, /* arrow_dictionary_is_list: ids are given in the order of the values */
    INDICES_MAPPED, /* any other: values get their ids when a row has them */
};

/* The Arrow dictionary that the newest array of indices had. */
struct index_source {
    uint64_t id; /* arrow_dictionary_id; 0: none, or a foreign one */
    enum index_way way;
    uint32_t count;    /* its values */
    uint32_t known;    /* INDICES_AS_IDS, INDICES_LISTED: those that have ids, from the first on */
    uint32_t first_id; /* INDICES_AS_IDS: of its first value */
    uint32_t id_bits;  /* INDICES_AS_IDS: all bits that the ids of rows have */
    bool is_sole;      /* INDICES_MAPPED: every value of the chunk's dictionary came through this */
    uint32_t *ids;     /* of the other ways; DICTIONARY_NO_ID: not met yet */
    uint32_t capacity;
};

struct column_writer {
    char *name;
    struct value_type type;
    bool nullable;
    struct parquet_column_options options;
    const struct parquet_writer_options *writer_options; /* the writer's copy */
    struct codec_pool *codecs;                           /* the writer's */

    /* the chunk so far */
    int64_t row_count;
    int64_t null_count;
    bool uses_dictionary; /* new pages do */
    struct chunk_dictionary dictionary;
    struct index_source source;
    struct buffer sealed;
    struct page_list pages;
    uint64_t plain_bytes; /* what all its values take PLAIN-encoded */
    double body_share; /* learned: compressed bytes per byte of the dictionary, or of plain pages */
    double page_share; /* and of dictionary pages; 0: not learned yet */
    bool rounds_widths;   /* learned: whole bytes an index compress better */
    unsigned tried_width; /* for this width */
    bool is_rising;       /* of columns marked sorted: so they were */
    uint32_t last_id;     /* of the newest sealed dictionary page */

    /* the open page */
    uint32_t open_rows;
    uint32_t open_values;
    uint64_t open_text_bytes;
    uint8_t *open_validity; /* bitmap; nullable columns only */
    uint32_t *open_ids;     /* page_rows + 8 */
    struct buffer open_plain;
    struct page_summary open_summary; /* of values that did not come as indices */

    /* the finished chunk */
    struct chunk_bytes bytes;
    struct chunk_meta chunk;
};

/* Values a page holds at most, whatever their size. */
#define PAGE_MAX_ROWS 32768u

enum error_code column_init(struct column_writer *column, const char *name, struct value_type type,
                            bool nullable, const struct parquet_column_options *options,
                            const struct parquet_writer_options *writer_options,
                            struct codec_pool *codecs, struct error *error) MUST_CHECK;
void column_release(struct column_writer *column);
void column_reset(struct column_writer *column); /* for the next row group */
size_t column_memory_bytes(const struct column_writer *column);
/* What the chunk takes in the file if it closed now. */
uint64_t column_bytes_estimate(const struct column_writer *column);

/* Memory that column_encode would take beside what the column holds now, about. */
uint64_t column_closing_bytes(const struct column_writer *column);

/* Takes row_count rows of a child array from `first_row` (before the array's own offset) on.
 * ERR_INVALID for contents that do not fit the column, ERR_NO_MEMORY. */
enum error_code column_append(struct column_writer *column, const struct ArrowArray *array,
                              int64_t first_row, int64_t row_count, struct error *error) MUST_CHECK;

/* Seals the open page if it has rows. */
enum error_code column_seal_page(struct column_writer *column, struct error *error) MUST_CHECK;

enum error_code column_push_page(struct column_writer *column,
                                 const struct sealed_page *page) MUST_CHECK;

/* The building blocks of column_append and of the fallback to PLAIN. Rows that the open page still
 * takes, at least 1; a page is to be sealed once column_page_is_full. */
uint32_t column_page_room(const struct column_writer *column);
bool column_page_is_full(const struct column_writer *column);
/* Adds the levels of up to 32 rows: bit i of `valid` tells whether row i has a value. */
void column_add_levels(struct column_writer *column, uint32_t valid, uint32_t row_count);
/* Adds one value to an open page of plain values. */
enum error_code column_add_plain(struct column_writer *column, struct bytes_view value) MUST_CHECK;

/* Where a chunk's dictionary can't grow any more: later pages hold plain values. */
enum error_code column_stop_dictionary(struct column_writer *column,
                                       struct error *error) MUST_CHECK;

/* Compresses a little of the column once, so that column_bytes_estimate knows how far it shrinks.
 */
void column_learn_share(struct column_writer *column);

/* Closes the chunk: fills column->bytes and column->chunk. ERR_NO_MEMORY. */
enum error_code column_encode(struct column_writer *column, struct codec_context *context,
                              struct error *error) MUST_CHECK;

#endif
