// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_PAGE_READER_H
#define TTP_PARQUET_PAGE_READER_H

/* Walks the pages of one column chunk through a window of the file, read in large blocks. */

#include "parquet/metadata.h"
#include "parquet/page_header.h"
#include "parquet/source.h"
#include "util/buffer.h"

/* What a page may take when it is decompressed: a reader holds it whole. */
#define PAGE_MAX_BYTES ((uint32_t)256 << 20)

struct page_reader {
    const struct parquet_source *source; /* borrowed */
    uint64_t next_offset;                /* in the file: of the next page's header */
    uint64_t end_offset;                 /* of the chunk */
    uint64_t window_offset;              /* of the window's first byte */
    struct buffer window;
};

struct page {
    struct page_header header;
    uint64_t offset; /* of its header, in the file */
    size_t header_bytes;
    bool crc_matches; /* true too where there is none */
};

void page_reader_init(struct page_reader *reader, const struct parquet_source *source);
void page_reader_release(struct page_reader *reader);

/* Starts a chunk; the window is kept. */
void page_reader_open(struct page_reader *reader, const struct parquet_chunk_metadata *chunk);

/* True when every byte of the chunk was passed. */
bool page_reader_at_end(const struct page_reader *reader);

/* Reads the next page's header and its bytes' CRC, and passes over it. With `body`, the bytes are
 * given too; they live until the next call. ERR_CORRUPT, ERR_LIMIT, ERR_NO_MEMORY, the source's. */
enum error_code page_reader_next(struct page_reader *reader, struct page *page,
                                 struct bytes_view *body, struct error *error) MUST_CHECK;

#endif
