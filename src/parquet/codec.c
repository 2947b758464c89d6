// SPDX-License-Identifier: Apache-2.0
#include "parquet/codec.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <libdeflate.h>
#include <lz4.h>
#include <lz4hc.h>
#include <snappy-c.h>
#include <zstd.h>

#include "util/memory.h"

/* LZ4's levels from 3 on are those of its high-compression mode (lz4hc.h). */
#define LZ4_FIRST_HC_LEVEL 3
/* Brotli's window for pages: 2^22 bytes, the largest that every decoder takes by default. */
#define BROTLI_PAGE_WINDOW BROTLI_DEFAULT_WINDOW

/* A large page is compressed in haste if this much of it does not shrink. */
#define TRIAL_PAGE_BYTES ((size_t)256 << 10)
#define TRIAL_BYTES      ((size_t)16 << 10)
/* Finds what repeats only by luck, at the speed of copying. */
#define ZSTD_HASTY_LEVEL (-100)
/* From this level on the tables grow with the page. */
#define ZSTD_FIRST_HUNGRY_LEVEL 16
#define ZSTD_WINDOW_LOG         20

struct codec_context {
    ZSTD_CCtx *zstd_compressor;
    ZSTD_DCtx *zstd_decompressor;
    struct libdeflate_compressor *deflate_compressor;
    int deflate_level;
    struct libdeflate_decompressor *deflate_decompressor;
    void *lz4_state; /* LZ4_sizeofState bytes */
    void *lz4_hc_state;
};

static const struct codec_entry {
    const char *name;
    int min_level, max_level;
    enum parquet_compression compression;
} codecs[] = {
    [PARQUET_CODEC_NONE] = {"none", 0, 0, PARQUET_UNCOMPRESSED},
    [PARQUET_CODEC_SNAPPY] = {"snappy", 0, 0, PARQUET_SNAPPY},
    [PARQUET_CODEC_GZIP] = {"gzip", 1, 9, PARQUET_GZIP},
    [PARQUET_CODEC_LZ4] = {"lz4", 1, 12, PARQUET_LZ4_RAW},
    [PARQUET_CODEC_ZSTD] = {"zstd", 1, 22, PARQUET_ZSTD},
    [PARQUET_CODEC_BROTLI] = {"brotli", 0, 11, PARQUET_BROTLI},
};
#define CODEC_COUNT (sizeof codecs / sizeof codecs[0])

const char *parquet_codec_name(enum parquet_codec codec)
{
    assert((size_t)codec < CODEC_COUNT);
    return codecs[codec].name;
}

void parquet_codec_levels(enum parquet_codec codec, int *min_level, int *max_level)
{
    assert((size_t)codec < CODEC_COUNT);
    *min_level = codecs[codec].min_level;
    *max_level = codecs[codec].max_level;
}

enum parquet_compression codec_compression(enum parquet_codec codec)
{
    assert((size_t)codec < CODEC_COUNT);
    return codecs[codec].compression;
}

enum error_code codec_context_new(struct codec_context **out)
{
    *out = mem_alloc_zero(1, sizeof **out);
    return *out == NULL ? ERR_NO_MEMORY : OK;
}

void codec_context_free(struct codec_context *context)
{
    if (context == NULL)
        return;
    ZSTD_freeCCtx(context->zstd_compressor);
    ZSTD_freeDCtx(context->zstd_decompressor);
    libdeflate_free_compressor(context->deflate_compressor);
    libdeflate_free_decompressor(context->deflate_decompressor);
    mem_free(context->lz4_state);
    mem_free(context->lz4_hc_state);
    mem_free(context);
}

/* Each of these compresses into `capacity` bytes at `out`, enough for the codec's worst case, and
 * returns the size, 0 on failure (memory is out: there is no other reason with enough room). */

static size_t compress_snappy(struct bytes_view page, uint8_t *out, size_t capacity)
{
    size_t size = capacity;
    if (snappy_compress((const char *)page.data, page.size_bytes, (char *)out, &size) != SNAPPY_OK)
        return 0;
    return size;
}

static size_t compress_gzip(struct codec_context *context, int level, struct bytes_view page,
                            uint8_t *out, size_t capacity)
{
    if (context->deflate_compressor == NULL || context->deflate_level != level) {
        libdeflate_free_compressor(context->deflate_compressor);
        context->deflate_compressor = libdeflate_alloc_compressor(level);
        context->deflate_level = level;
    }
    if (context->deflate_compressor == NULL)
        return 0;
    return libdeflate_gzip_compress(context->deflate_compressor, page.data, page.size_bytes, out,
                                    capacity);
}

static size_t compress_lz4(struct codec_context *context, int level, struct bytes_view page,
                           uint8_t *out, size_t capacity)
{
    const char *from = (const char *)page.data;
    int size = (int)page.size_bytes;
    void **state = level < LZ4_FIRST_HC_LEVEL ? &context->lz4_state : &context->lz4_hc_state;
    if (*state == NULL)
        *state = mem_alloc(
            (size_t)(level < LZ4_FIRST_HC_LEVEL ? LZ4_sizeofState() : LZ4_sizeofStateHC()));
    if (*state == NULL)
        return 0;
    if (level < LZ4_FIRST_HC_LEVEL)
        return (size_t)LZ4_compress_fast_extState(*state, from, (char *)out, size, (int)capacity,
                                                  1);
    return (size_t)LZ4_compress_HC_extStateHC(*state, from, (char *)out, size, (int)capacity,
                                              level);
}

/* True for a large page that does not shrink, by a piece of its middle: transaction hashes. */
static bool is_incompressible(struct codec_context *context, int level, struct bytes_view page,
                              uint8_t *out, size_t capacity)
{
    if (page.size_bytes < TRIAL_PAGE_BYTES)
        return false;
    size_t size = ZSTD_compressCCtx(context->zstd_compressor, out, capacity,
                                    page.data + page.size_bytes / 2, TRIAL_BYTES, level);
    return !ZSTD_isError(size) && size >= TRIAL_BYTES;
}

/* The high levels take memory by the size of what they look back at: a run with texts of 4 MB took
 * 48 MiB more at level 22 without this bound (docs/RELIABILITY.md, memory). */
static size_t compress_zstd_within_window(ZSTD_CCtx *compressor, int level, struct bytes_view page,
                                          uint8_t *out, size_t capacity)
{
    (void)ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters);
    if (ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, level)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_windowLog, ZSTD_WINDOW_LOG)))
        return 0;
    size_t size = ZSTD_compress2(compressor, out, capacity, page.data, page.size_bytes);
    return ZSTD_isError(size) ? 0 : size;
}

static size_t compress_zstd(struct codec_context *context, int level, struct bytes_view page,
                            uint8_t *out, size_t capacity)
{
    if (context->zstd_compressor == NULL)
        context->zstd_compressor = ZSTD_createCCtx();
    if (context->zstd_compressor == NULL)
        return 0;
    if (is_incompressible(context, level, page, out, capacity))
        level = ZSTD_HASTY_LEVEL;
    if (level >= ZSTD_FIRST_HUNGRY_LEVEL && page.size_bytes > (size_t)1 << ZSTD_WINDOW_LOG)
        return compress_zstd_within_window(context->zstd_compressor, level, page, out, capacity);
    size_t size = ZSTD_compressCCtx(context->zstd_compressor, out, capacity, page.data,
                                    page.size_bytes, level);
    return ZSTD_isError(size) ? 0 : size;
}

static size_t compress_brotli(int level, struct bytes_view page, uint8_t *out, size_t capacity)
{
    size_t size = capacity;
    if (!BrotliEncoderCompress(level, BROTLI_PAGE_WINDOW, BROTLI_MODE_GENERIC, page.size_bytes,
                               page.data, &size, out))
        return 0;
    return size;
}

static size_t worst_case(struct codec_context *context, enum parquet_codec codec, size_t size_bytes)
{
    switch (codec) {
    case PARQUET_CODEC_NONE: return size_bytes;
    case PARQUET_CODEC_SNAPPY: return snappy_max_compressed_length(size_bytes);
    case PARQUET_CODEC_GZIP:
        return libdeflate_gzip_compress_bound(context->deflate_compressor, size_bytes);
    case PARQUET_CODEC_LZ4: return (size_t)LZ4_compressBound((int)size_bytes);
    case PARQUET_CODEC_ZSTD: return ZSTD_compressBound(size_bytes);
    case PARQUET_CODEC_BROTLI: return BrotliEncoderMaxCompressedSize(size_bytes);
    }
    return 0;
}

enum error_code codec_compress(struct codec_context *context, enum parquet_codec codec, int level,
                               struct bytes_view page, struct buffer *out, struct error *error)
{
    assert(page.size_bytes <= INT32_MAX / 2);
    if (codec == PARQUET_CODEC_NONE) {
        if (buffer_append(out, page.data, page.size_bytes) != OK)
            return error_no_memory(error, "a page");
        return OK;
    }
    size_t capacity = worst_case(context, codec, page.size_bytes);
    if (buffer_reserve(out, capacity) != OK)
        return error_no_memory(error, "a compressed page");
    uint8_t *to = out->data + out->size_bytes;
    size_t size = 0;
    switch (codec) {
    case PARQUET_CODEC_NONE: break;
    case PARQUET_CODEC_SNAPPY: size = compress_snappy(page, to, capacity); break;
    case PARQUET_CODEC_GZIP: size = compress_gzip(context, level, page, to, capacity); break;
    case PARQUET_CODEC_LZ4: size = compress_lz4(context, level, page, to, capacity); break;
    case PARQUET_CODEC_ZSTD: size = compress_zstd(context, level, page, to, capacity); break;
    case PARQUET_CODEC_BROTLI: size = compress_brotli(level, page, to, capacity); break;
    }
    if (size == 0)
        return error_no_memory(error, "a codec");
    out->size_bytes += size;
    return OK;
}

static bool decompress_snappy(struct bytes_view from, uint8_t *out, size_t size_bytes)
{
    const char *data = (const char *)from.data;
    size_t size = 0;
    if (snappy_uncompressed_length(data, from.size_bytes, &size) != SNAPPY_OK || size != size_bytes)
        return false;
    return snappy_uncompress(data, from.size_bytes, (char *)out, &size) == SNAPPY_OK &&
           size == size_bytes;
}

/* Writers may put several gzip members into a page. */
static bool decompress_gzip(struct codec_context *context, struct bytes_view from, uint8_t *out,
                            size_t size_bytes)
{
    size_t done = 0;
    while (from.size_bytes != 0) {
        size_t read = 0;
        size_t written = 0;
        if (libdeflate_gzip_decompress_ex(context->deflate_decompressor, from.data, from.size_bytes,
                                          out + done, size_bytes - done, &read,
                                          &written) != LIBDEFLATE_SUCCESS)
            return false;
        done += written;
        from = bytes_view_of(from.data + read, from.size_bytes - read);
    }
    return done == size_bytes;
}

static bool decompress_brotli(struct bytes_view from, uint8_t *out, size_t size_bytes)
{
    size_t size = size_bytes;
    return BrotliDecoderDecompress(from.size_bytes, from.data, &size, out) ==
               BROTLI_DECODER_RESULT_SUCCESS &&
           size == size_bytes;
}

static bool decompress_lz4(struct bytes_view from, uint8_t *out, size_t size_bytes)
{
    if (from.size_bytes > INT32_MAX || size_bytes > INT32_MAX)
        return false;
    return LZ4_decompress_safe((const char *)from.data, (char *)out, (int)from.size_bytes,
                               (int)size_bytes) == (int)size_bytes;
}

/* Makes the context's decompressors that the codec needs. */
static bool prepare_decompressor(struct codec_context *context, enum parquet_compression codec)
{
    if (codec == PARQUET_ZSTD && context->zstd_decompressor == NULL)
        return (context->zstd_decompressor = ZSTD_createDCtx()) != NULL;
    if (codec == PARQUET_GZIP && context->deflate_decompressor == NULL)
        return (context->deflate_decompressor = libdeflate_alloc_decompressor()) != NULL;
    return true;
}

enum error_code codec_decompress(struct codec_context *context, enum parquet_compression codec,
                                 struct bytes_view compressed, uint8_t *out, size_t size_bytes,
                                 struct error *error)
{
    if (!prepare_decompressor(context, codec))
        return error_no_memory(error, "a codec");
    bool good = false;
    switch (codec) {
    case PARQUET_UNCOMPRESSED:
        good = compressed.size_bytes == size_bytes;
        if (good && size_bytes != 0)
            memcpy(out, compressed.data, size_bytes);
        break;
    case PARQUET_SNAPPY: good = decompress_snappy(compressed, out, size_bytes); break;
    case PARQUET_GZIP: good = decompress_gzip(context, compressed, out, size_bytes); break;
    case PARQUET_BROTLI: good = decompress_brotli(compressed, out, size_bytes); break;
    case PARQUET_LZ4_RAW: good = decompress_lz4(compressed, out, size_bytes); break;
    case PARQUET_ZSTD:
        good = ZSTD_decompressDCtx(context->zstd_decompressor, out, size_bytes, compressed.data,
                                   compressed.size_bytes) == size_bytes;
        break;
    case PARQUET_LZO:
    case PARQUET_LZ4_HADOOP:
    default: return error_set(error, ERR_INVALID, "codec %d is not supported", (int)codec);
    }
    if (!good)
        return error_set(error, ERR_CORRUPT, "%zu compressed bytes do not decompress to %zu bytes",
                         compressed.size_bytes, size_bytes);
    return OK;
}

void codec_pool_init(struct codec_pool *pool)
{
    for (size_t i = 0; i < CODEC_POOL_CONTEXTS; i++)
        atomic_init(&pool->idle[i], NULL);
}

void codec_pool_release(struct codec_pool *pool)
{
    for (size_t i = 0; i < CODEC_POOL_CONTEXTS; i++)
        codec_context_free(atomic_exchange(&pool->idle[i], NULL));
}

enum error_code codec_pool_take(struct codec_pool *pool, struct codec_context **out)
{
    for (size_t i = 0; i < CODEC_POOL_CONTEXTS; i++) {
        *out = atomic_exchange(&pool->idle[i], NULL);
        if (*out != NULL)
            return OK;
    }
    return codec_context_new(out);
}

void codec_pool_give(struct codec_pool *pool, struct codec_context *context)
{
    for (size_t i = 0; i < CODEC_POOL_CONTEXTS; i++) {
        struct codec_context *expected = NULL;
        if (atomic_compare_exchange_strong(&pool->idle[i], &expected, context))
            return;
    }
    codec_context_free(context);
}
