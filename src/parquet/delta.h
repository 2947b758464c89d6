// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_DELTA_H
#define TTP_PARQUET_DELTA_H

/*
 * The DELTA encodings of Encodings.md: DELTA_BINARY_PACKED of integers, DELTA_LENGTH_BYTE_ARRAY and
 * DELTA_BYTE_ARRAY of texts. Values are 64-bit here; 32-bit ones are sign-extended, and their
 * differences wrap at 32 bits, as readers expect.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

/* Appends `count` integers of bits = 32 or 64. ERR_NO_MEMORY. */
enum error_code delta_encode_integers(const int64_t *values, size_t count, unsigned bits,
                                      struct buffer *out) MUST_CHECK;
/* Appends texts. ERR_NO_MEMORY. */
enum error_code delta_length_encode(const struct bytes_view *values, size_t count,
                                    struct buffer *out) MUST_CHECK;
enum error_code delta_bytes_encode(const struct bytes_view *values, size_t count,
                                   struct buffer *out) MUST_CHECK;

/* Decodes exactly `count` integers; *read_bytes (may be NULL) gets what they took. False if the
 * bytes are not that. */
bool delta_decode_integers(struct bytes_view bytes, unsigned bits, int64_t *values, size_t count,
                           size_t *read_bytes) MUST_CHECK;

/* Decodes exactly `count` texts. Views of delta_length point into `bytes`, those of delta_bytes
 * into `text`, which is emptied first and may hold at most max_text_bytes. ERR_CORRUPT (without a
 * message), ERR_LIMIT, ERR_NO_MEMORY. */
enum error_code delta_length_decode(struct bytes_view bytes, struct bytes_view *values,
                                    size_t count) MUST_CHECK;
enum error_code delta_bytes_decode(struct bytes_view bytes, struct bytes_view *values, size_t count,
                                   struct buffer *text, size_t max_text_bytes) MUST_CHECK;

#endif
