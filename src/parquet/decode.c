// SPDX-License-Identifier: Apache-2.0
#include "parquet/decode.h"

#include "parquet/delta.h"
#include "parquet/hybrid.h"
#include "parquet/page_reader.h"

void decode_scratch_release(struct decode_scratch *scratch)
{
    buffer_release(&scratch->numbers);
    buffer_release(&scratch->values);
    buffer_release(&scratch->text);
}

/* Room for `count` things of `size_bytes`; NULL when memory is out. */
static void *room(struct buffer *buffer, size_t count, size_t size_bytes)
{
    buffer_reset(buffer);
    return buffer_reserve(buffer, count * size_bytes + 1) == OK ? buffer->data : NULL;
}

static enum error_code damaged(enum parquet_encoding encoding, struct error *error)
{
    return error_set(error, ERR_CORRUPT, "a page's %s values are damaged",
                     parquet_encoding_name(encoding));
}

enum error_code decode_levels(struct bytes_view levels, uint32_t row_count, uint8_t *validity,
                              uint32_t *value_count, struct error *error)
{
    size_t ones;
    if (!hybrid_decode_bits(levels, validity, row_count, &ones))
        return error_set(error, ERR_CORRUPT, "a page's definition levels are damaged");
    *value_count = (uint32_t)ones;
    return OK;
}

static enum error_code decode_plain(struct bytes_view bytes, uint32_t count,
                                    struct decode_scratch *scratch, struct decoded_values *out,
                                    struct error *error)
{
    if (out->width_bytes != 0) {
        if (bytes.size_bytes / out->width_bytes < count)
            return damaged(PARQUET_PLAIN, error);
        out->fixed = bytes.data;
        return OK;
    }
    if (bytes.size_bytes / 4 < count)
        return damaged(PARQUET_PLAIN, error);
    struct bytes_view *views = room(&scratch->values, count, sizeof *views);
    if (views == NULL)
        return error_no_memory(error, "a page's values");
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size;
        if (bytes.size_bytes - at < sizeof size)
            return damaged(PARQUET_PLAIN, error);
        memcpy(&size, bytes.data + at, sizeof size);
        at += sizeof size;
        if (size > bytes.size_bytes - at)
            return damaged(PARQUET_PLAIN, error);
        views[i] = bytes_view_of(bytes.data + at, size);
        at += size;
    }
    out->texts = views;
    return OK;
}

static enum error_code check_ids(const uint32_t *ids, uint32_t count, uint32_t dictionary_count,
                                 struct error *error)
{
    uint32_t highest = 0;
    for (uint32_t i = 0; i < count; i++)
        highest = ids[i] > highest ? ids[i] : highest;
    return count == 0 || highest < dictionary_count
               ? OK
               : error_set(error, ERR_CORRUPT, "a page's index %u is not in its dictionary of %u",
                           highest, dictionary_count);
}

enum error_code decode_ids(struct bytes_view bytes, uint32_t count, uint32_t dictionary_count,
                           struct decode_scratch *scratch, const uint32_t **out,
                           struct error *error)
{
    uint32_t *ids = room(&scratch->numbers, count, sizeof *ids);
    if (ids == NULL)
        return error_no_memory(error, "a page's indices");
    *out = ids;
    if (count == 0)
        return OK;
    struct hybrid_decoder decoder;
    if (bytes.size_bytes == 0 || bytes.data[0] > 32)
        return damaged(PARQUET_RLE_DICTIONARY, error);
    hybrid_decoder_init(&decoder, bytes_view_of(bytes.data + 1, bytes.size_bytes - 1),
                        bytes.data[0]);
    if (!hybrid_decode(&decoder, ids, count))
        return damaged(PARQUET_RLE_DICTIONARY, error);
    return check_ids(ids, count, dictionary_count, error);
}

static inline __attribute__((always_inline)) void
copy_each(uint8_t *to, const uint8_t *from, const uint32_t *ids, uint32_t count, size_t each)
{
    for (uint32_t i = 0; i < count; i++)
        memcpy(to + i * each, from + ids[i] * each, each);
}

/* Puts the dictionary's values where their ids stand. */
static enum error_code gather(const struct decoded_values *dictionary, const uint32_t *ids,
                              struct decode_scratch *scratch, struct decoded_values *out,
                              struct error *error)
{
    uint32_t width = dictionary->width_bytes;
    size_t each = width != 0 ? width : sizeof(struct bytes_view);
    if (each * (uint64_t)out->count > PAGE_MAX_BYTES)
        return error_set(error, ERR_LIMIT, "a page's values take more than %u bytes",
                         PAGE_MAX_BYTES);
    uint8_t *values = room(&scratch->values, out->count, each);
    if (values == NULL)
        return error_no_memory(error, "a page's values");
    const uint8_t *from = width != 0 ? dictionary->fixed : (const void *)dictionary->texts;
    switch (each) { /* a constant size is a load and a store */
    case 4: copy_each(values, from, ids, out->count, 4); break;
    case 8: copy_each(values, from, ids, out->count, 8); break;
    case 16: copy_each(values, from, ids, out->count, 16); break;
    case 32: copy_each(values, from, ids, out->count, 32); break;
    default: copy_each(values, from, ids, out->count, each);
    }
    if (width != 0)
        out->fixed = values;
    else
        out->texts = (const void *)values;
    return OK;
}

static enum error_code decode_indices(struct bytes_view bytes, uint32_t count,
                                      const struct decoded_values *dictionary,
                                      struct decode_scratch *scratch, struct decoded_values *out,
                                      struct error *error)
{
    const uint32_t *ids;
    if (dictionary == NULL)
        return error_set(error, ERR_CORRUPT, "a page has indices but no dictionary");
    enum error_code code = decode_ids(bytes, count, dictionary->count, scratch, &ids, error);
    return code == OK ? gather(dictionary, ids, scratch, out, error) : code;
}

static enum error_code decode_delta_integers(enum parquet_type type, struct bytes_view bytes,
                                             uint32_t count, struct decode_scratch *scratch,
                                             struct decoded_values *out, struct error *error)
{
    if (type != PARQUET_INT32 && type != PARQUET_INT64)
        return damaged(PARQUET_DELTA_BINARY_PACKED, error);
    int64_t *values = room(&scratch->values, count, sizeof *values);
    if (values == NULL)
        return error_no_memory(error, "a page's values");
    if (!delta_decode_integers(bytes, type == PARQUET_INT32 ? 32 : 64, values, count, NULL))
        return damaged(PARQUET_DELTA_BINARY_PACKED, error);
    out->fixed = scratch->values.data;
    for (uint32_t i = 0; i < count && type == PARQUET_INT32; i++) { /* narrowed in place */
        uint32_t narrow = (uint32_t)values[i];
        memcpy(scratch->values.data + i * sizeof narrow, &narrow, sizeof narrow);
    }
    return OK;
}

/* DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY; the latter also of fixed-width values. */
static enum error_code decode_delta_texts(enum parquet_encoding encoding, struct bytes_view bytes,
                                          uint32_t count, struct decode_scratch *scratch,
                                          struct decoded_values *out, struct error *error)
{
    struct bytes_view *views = room(&scratch->values, count, sizeof *views);
    if (views == NULL)
        return error_no_memory(error, "a page's values");
    enum error_code code =
        encoding == PARQUET_DELTA_LENGTH_BYTE_ARRAY
            ? delta_length_decode(bytes, views, count)
            : delta_bytes_decode(bytes, views, count, &scratch->text, PAGE_MAX_BYTES);
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, "a page's values");
    if (code == ERR_LIMIT)
        return error_set(error, ERR_LIMIT, "a page's values take more than %u bytes",
                         PAGE_MAX_BYTES);
    if (code != OK)
        return damaged(encoding, error);
    out->texts = views;
    if (out->width_bytes == 0)
        return OK;
    /* DELTA_BYTE_ARRAY puts the values side by side; all of one width, they are fixed values. */
    for (uint32_t i = 0; i < count; i++)
        if (views[i].size_bytes != out->width_bytes)
            return damaged(encoding, error);
    out->fixed = count != 0 ? views[0].data : bytes.data;
    out->texts = NULL;
    return OK;
}

static enum error_code decode_split(struct bytes_view bytes, uint32_t count,
                                    struct decode_scratch *scratch, struct decoded_values *out,
                                    struct error *error)
{
    size_t width = out->width_bytes;
    if (width == 0 || bytes.size_bytes / width < count)
        return damaged(PARQUET_BYTE_STREAM_SPLIT, error);
    uint8_t *values = room(&scratch->values, count, width);
    if (values == NULL)
        return error_no_memory(error, "a page's values");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < width; k++)
            values[i * width + k] = bytes.data[k * count + i];
    out->fixed = values;
    return OK;
}

enum error_code decode_values(const struct parquet_column_metadata *column,
                              enum parquet_encoding encoding, struct bytes_view bytes,
                              uint32_t count, const struct decoded_values *dictionary,
                              struct decode_scratch *scratch, struct decoded_values *out,
                              struct error *error)
{
    *out = (struct decoded_values){.count = count, .width_bytes = column->value.width_bytes};
    if (column->type == PARQUET_BOOLEAN)
        return error_set(error, ERR_INVALID, "BOOLEAN columns are not read");
    switch (encoding) {
    case PARQUET_PLAIN: return decode_plain(bytes, count, scratch, out, error);
    case PARQUET_PLAIN_DICTIONARY:
    case PARQUET_RLE_DICTIONARY:
        return decode_indices(bytes, count, dictionary, scratch, out, error);
    case PARQUET_DELTA_BINARY_PACKED:
        return decode_delta_integers(column->type, bytes, count, scratch, out, error);
    case PARQUET_DELTA_LENGTH_BYTE_ARRAY:
        if (column->type != PARQUET_BYTE_ARRAY)
            return damaged(encoding, error);
        return decode_delta_texts(encoding, bytes, count, scratch, out, error);
    case PARQUET_DELTA_BYTE_ARRAY:
        if (column->type != PARQUET_BYTE_ARRAY && column->type != PARQUET_FIXED_LEN_BYTE_ARRAY)
            return damaged(encoding, error);
        return decode_delta_texts(encoding, bytes, count, scratch, out, error);
    case PARQUET_BYTE_STREAM_SPLIT: return decode_split(bytes, count, scratch, out, error);
    case PARQUET_RLE:
    case PARQUET_BIT_PACKED: break;
    }
    return error_set(error, ERR_INVALID, "values encoded as %s are not read",
                     parquet_encoding_name(encoding));
}
