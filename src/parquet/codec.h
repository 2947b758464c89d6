// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_CODEC_H
#define TTP_PARQUET_CODEC_H

/*
 * Compression of whole pages, by parquet-format's Compression.md. A context holds the codecs'
 * working memory and is reused from page to page; one thread uses it at a time. A pool hands
 * contexts to column tasks on any threads.
 */

#include <stdatomic.h>

#include "parquet/format.h"
#include "parquet/writer_options.h"
#include "util/buffer.h"

/* Names: "none", "snappy", "gzip", "lz4", "zstd", "brotli". */
const char *parquet_codec_name(enum parquet_codec codec);
/* The levels a codec takes; min == max == 0 where it takes none. */
void parquet_codec_levels(enum parquet_codec codec, int *min_level, int *max_level);

struct codec_context;

enum error_code codec_context_new(struct codec_context **out) MUST_CHECK; /* ERR_NO_MEMORY */
void codec_context_free(struct codec_context *context);

/* Appends the compressed form of `page` to `out`. A page that would not shrink is stored within the
 * codec's own format, which readers copy at the speed of memory. ERR_NO_MEMORY. */
enum error_code codec_compress(struct codec_context *context, enum parquet_codec codec, int level,
                               struct bytes_view page, struct buffer *out,
                               struct error *error) MUST_CHECK;

/* Decompresses exactly `size_bytes` into `out`. ERR_CORRUPT if the bytes are not that; ERR_INVALID
 * for a codec that is not read (LZO, Hadoop's LZ4). */
enum error_code codec_decompress(struct codec_context *context, enum parquet_compression codec,
                                 struct bytes_view compressed, uint8_t *out, size_t size_bytes,
                                 struct error *error) MUST_CHECK;

enum parquet_compression codec_compression(enum parquet_codec codec);

#define CODEC_POOL_CONTEXTS 16

struct codec_pool {
    _Atomic(struct codec_context *) idle[CODEC_POOL_CONTEXTS];
};

void codec_pool_init(struct codec_pool *pool);
void codec_pool_release(struct codec_pool *pool); /* no context may be out */
/* An idle context, or a new one. ERR_NO_MEMORY. */
enum error_code codec_pool_take(struct codec_pool *pool, struct codec_context **out) MUST_CHECK;
void codec_pool_give(struct codec_pool *pool, struct codec_context *context);

#endif
