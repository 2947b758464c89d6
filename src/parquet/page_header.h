// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_PAGE_HEADER_H
#define TTP_PARQUET_PAGE_HEADER_H

/* The Thrift header in front of each page (parquet.thrift, PageHeader). */

#include <stdbool.h>
#include <stdint.h>

#include "parquet/format.h"
#include "util/buffer.h"
#include "util/bytes.h"

/* Ours take some 40 bytes; other writers put statistics in, whose bounds have their own limit. */
#define PAGE_HEADER_MAX_BYTES ((size_t)64 << 10)

struct page_header {
    enum parquet_page_type type;
    int32_t uncompressed_bytes;
    int32_t compressed_bytes;
    bool has_crc;
    uint32_t crc;        /* CRC-32 (IEEE 802.3) of the page as it is stored, without this header */
    int32_t value_count; /* with nulls */
    enum parquet_encoding encoding;
    /* data page V2 only */
    int32_t null_count;
    int32_t row_count;
    int32_t definition_levels_bytes;
    int32_t repetition_levels_bytes;
    bool is_compressed;
    /* data page V1 only */
    enum parquet_encoding definition_levels_encoding;
};

uint32_t page_crc(struct bytes_view page);

/* Appends a dictionary page's or a V1 data page's header. ERR_NO_MEMORY. */
enum error_code page_header_write(const struct page_header *header, struct buffer *out) MUST_CHECK;

/* Reads a header at the start of `bytes`; *header_bytes gets its size. ERR_CORRUPT. */
enum error_code page_header_read(struct bytes_view bytes, struct page_header *header,
                                 size_t *header_bytes, struct error *error) MUST_CHECK;

#endif
