// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_COLUMN_PAGES_H
#define TTP_PARQUET_COLUMN_PAGES_H

/* The steps of column_encode: sealed pages become the bytes and the description of a chunk. */

#include "parquet/column.h"

/* Compresses the dictionary page to the end of column->bytes. ERR_LIMIT, ERR_NO_MEMORY. */
enum error_code chunk_append_dictionary(struct column_writer *column, struct codec_context *context,
                                        struct error *error) MUST_CHECK;

/* Compresses a data page with the rows of `page`, whose levels and values in `encoding` are `body`,
 * to the end of column->bytes, and describes it in column->chunk (which has room for it).
 * ERR_LIMIT, ERR_NO_MEMORY. */
enum error_code chunk_append_data_page(struct column_writer *column, struct codec_context *context,
                                       const struct sealed_page *page,
                                       enum parquet_encoding encoding, struct bytes_view body,
                                       struct error *error) MUST_CHECK;

/* Gives column->chunk the bounds of all pages. ERR_NO_MEMORY. */
enum error_code chunk_keep_bounds(struct column_writer *column, struct error *error) MUST_CHECK;

/* Decodes a sealed dictionary page, which is our own and can't be damaged: ids of its values, and
 * its levels (0 or 1 a row) where `levels` is not NULL. Room for PAGE_MAX_ROWS each. */
void sealed_page_decode(const struct column_writer *column, const uint8_t *sealed,
                        const struct sealed_page *page, uint32_t *levels, uint32_t *ids);

/* Turns every dictionary page of the chunk into plain ones. ERR_NO_MEMORY. */
enum error_code column_replay_as_plain(struct column_writer *column,
                                       struct error *error) MUST_CHECK;

/* The compact profile: encodes the chunk with the DELTA encodings of its type too, and keeps the
 * smallest. column->bytes and column->chunk hold the finished chunk before and after. */
enum error_code column_try_deltas(struct column_writer *column, struct codec_context *context,
                                  struct error *error) MUST_CHECK;

#endif
