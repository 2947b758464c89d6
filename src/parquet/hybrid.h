// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_HYBRID_H
#define TTP_PARQUET_HYBRID_H

/*
 * The RLE / bit-packing hybrid (Encodings.md, "Run Length Encoding / Bit-Packing Hybrid"), which
 * holds definition levels and dictionary indices.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

/* Appends `count` values of at most `width` bits (1 to 32). `values` must be readable and writable
 * for 8 more entries, which are cleared: the last group is padded in place. ERR_NO_MEMORY. */
enum error_code hybrid_encode(uint32_t *values, size_t count, unsigned width,
                              struct buffer *out) MUST_CHECK;

/* Appends `count` values of one bit, given as a bitmap from the least significant bit upwards;
 * bits beyond count in the last byte must be 0. ERR_NO_MEMORY. */
enum error_code hybrid_encode_bits(const uint8_t *bits, size_t count,
                                   struct buffer *out) MUST_CHECK;

/* Reads values run by run from a borrowed run of bytes. */
struct hybrid_decoder {
    const uint8_t *data;
    const uint8_t *end;
    unsigned width;  /* 0 to 32; with 0 every value is 0 and takes no bytes */
    size_t run_left; /* values left in the open run */
    bool run_is_packed;
    uint32_t run_value;  /* of a repeated run */
    unsigned group_used; /* values of `group` handed out; 8: none left */
    uint32_t group[8];
};

void hybrid_decoder_init(struct hybrid_decoder *decoder, struct bytes_view bytes, unsigned width);

/* Decodes exactly `count` values; false if the bytes end before that. */
bool hybrid_decode(struct hybrid_decoder *decoder, uint32_t *values, size_t count) MUST_CHECK;

/* The same of `count` values of one bit, a byte each; *ones: how many are 1. */
bool hybrid_decode_bits(struct bytes_view bytes, uint8_t *values, size_t count,
                        size_t *ones) MUST_CHECK;

#endif
