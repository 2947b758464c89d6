// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_DECODE_H
#define TTP_PARQUET_DECODE_H

/* Decodes the levels and values of decompressed pages. The bytes are not trusted. */

#include "parquet/metadata.h"
#include "parquet/page_header.h"
#include "util/buffer.h"

/* The values of one page, or of a dictionary. Fixed-width ones stand side by side in `fixed`, texts
 * are views; the other member is NULL. */
struct decoded_values {
    uint32_t count;
    uint32_t width_bytes;
    const uint8_t *fixed;
    const struct bytes_view *texts;
};

/* Memory that decoding works in, reused from page to page. */
struct decode_scratch {
    struct buffer numbers; /* ids, levels, lengths */
    struct buffer values;  /* fixed-width values, or views */
    struct buffer text;    /* of DELTA_BYTE_ARRAY */
};

void decode_scratch_release(struct decode_scratch *scratch);

/* Definition levels 0 and 1 of `row_count` rows into a byte each; *value_count gets the ones.
 * ERR_CORRUPT. */
enum error_code decode_levels(struct bytes_view levels, uint32_t row_count, uint8_t *validity,
                              uint32_t *value_count, struct error *error) MUST_CHECK;

/* Exactly `count` indices into a dictionary of `dictionary_count` values, all of them below that;
 * they live in `scratch`. ERR_CORRUPT, ERR_NO_MEMORY. */
enum error_code decode_ids(struct bytes_view bytes, uint32_t count, uint32_t dictionary_count,
                           struct decode_scratch *scratch, const uint32_t **ids,
                           struct error *error) MUST_CHECK;

/* Exactly `count` values. `dictionary` is NULL where the chunk has none. What *out points to lives
 * in `bytes`, in the dictionary or in `scratch`. ERR_CORRUPT, ERR_INVALID (an encoding that is not
 * read), ERR_LIMIT, ERR_NO_MEMORY. */
enum error_code decode_values(const struct parquet_column_metadata *column,
                              enum parquet_encoding encoding, struct bytes_view bytes,
                              uint32_t count, const struct decoded_values *dictionary,
                              struct decode_scratch *scratch, struct decoded_values *out,
                              struct error *error) MUST_CHECK;

#endif
