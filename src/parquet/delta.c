// SPDX-License-Identifier: Apache-2.0
#include "parquet/delta.h"

#include "util/memory.h"

#define BLOCK_VALUES     128
#define MINIBLOCK_VALUES 32
#define MINIBLOCKS       (BLOCK_VALUES / MINIBLOCK_VALUES)
#define VARINT_MAX_BYTES 10
/* What other writers may use: more would be no block any more. */
#define MAX_BLOCK_VALUES (1u << 16)
#define MAX_MINIBLOCKS   1024u

/* --- writing ------------------------------------------------------------------------------- */

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *put_zigzag(uint8_t *out, int64_t value)
{
    return put_varint(out, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static unsigned width_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* 32 values of `width` bits: 4 * width bytes. */
static uint8_t *put_miniblock(uint8_t *out, const uint64_t *values, unsigned width)
{
    unsigned __int128 pending = 0;
    unsigned pending_bits = 0;
    for (int i = 0; i < MINIBLOCK_VALUES; i++) {
        pending |= (unsigned __int128)values[i] << pending_bits;
        pending_bits += width;
        while (pending_bits >= 8) {
            *out++ = (uint8_t)pending;
            pending >>= 8;
            pending_bits -= 8;
        }
    }
    return out;
}

/* a - b at the width of the integers. */
static int64_t difference(int64_t a, int64_t b, unsigned bits)
{
    uint64_t wrapped = (uint64_t)a - (uint64_t)b;
    return bits == 32 ? (int32_t)(uint32_t)wrapped : (int64_t)wrapped;
}

static uint8_t *put_block(uint8_t *out, const int64_t *deltas, size_t count, unsigned bits)
{
    int64_t min = deltas[0];
    for (size_t i = 1; i < count; i++)
        min = deltas[i] < min ? deltas[i] : min;
    uint64_t relative[BLOCK_VALUES] = {0};
    unsigned widths[MINIBLOCKS] = {0};
    for (size_t i = 0; i < count; i++) {
        relative[i] = (uint64_t)deltas[i] - (uint64_t)min;
        if (bits == 32)
            relative[i] &= UINT32_MAX;
        unsigned width = width_of(relative[i]);
        unsigned *widest = &widths[i / MINIBLOCK_VALUES];
        *widest = width > *widest ? width : *widest;
    }
    out = put_zigzag(out, min);
    for (int i = 0; i < MINIBLOCKS; i++)
        *out++ = (uint8_t)widths[i];
    for (size_t i = 0; i * MINIBLOCK_VALUES < count; i++)
        out = put_miniblock(out, relative + i * MINIBLOCK_VALUES, widths[i]);
    return out;
}

enum error_code delta_encode_integers(const int64_t *values, size_t count, unsigned bits,
                                      struct buffer *out)
{
    size_t blocks = count / BLOCK_VALUES + 1;
    size_t worst = 4 * VARINT_MAX_BYTES +
                   blocks * (VARINT_MAX_BYTES + MINIBLOCKS + BLOCK_VALUES * (size_t)bits / 8);
    if (buffer_reserve(out, worst) != OK)
        return ERR_NO_MEMORY;
    uint8_t *to = out->data + out->size_bytes;
    to = put_varint(to, BLOCK_VALUES);
    to = put_varint(to, MINIBLOCKS);
    to = put_varint(to, count);
    to = put_zigzag(to, count == 0 ? 0 : values[0]);
    for (size_t i = 1; i < count; i += BLOCK_VALUES) {
        int64_t deltas[BLOCK_VALUES];
        size_t size = count - i < BLOCK_VALUES ? count - i : BLOCK_VALUES;
        for (size_t k = 0; k < size; k++)
            deltas[k] = difference(values[i + k], values[i + k - 1], bits);
        to = put_block(to, deltas, size, bits);
    }
    out->size_bytes = (size_t)(to - out->data);
    assert(out->size_bytes <= out->capacity_bytes);
    return OK;
}

/* Encodes numbers made from each text and the one before it. */
static enum error_code encode_lengths(const size_t *lengths, size_t count, struct buffer *out)
{
    int64_t *values = mem_alloc(count * sizeof *values);
    if (values == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        values[i] = (int64_t)lengths[i];
    enum error_code code = delta_encode_integers(values, count, 32, out);
    mem_free(values);
    return code;
}

static size_t shared_prefix(struct bytes_view a, struct bytes_view b)
{
    size_t most = a.size_bytes < b.size_bytes ? a.size_bytes : b.size_bytes;
    size_t size = 0;
    while (size < most && a.data[size] == b.data[size])
        size++;
    return size;
}

/* Appends the lengths and bytes of texts whose first skip[i] bytes are left out. */
static enum error_code encode_suffixes(const struct bytes_view *values, const size_t *skip,
                                       size_t count, struct buffer *out)
{
    size_t *lengths = mem_alloc(count * sizeof *lengths);
    if (lengths == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        lengths[i] = values[i].size_bytes - (skip == NULL ? 0 : skip[i]);
    enum error_code code = encode_lengths(lengths, count, out);
    for (size_t i = 0; i < count && code == OK; i++)
        code = buffer_append(out, values[i].data + (values[i].size_bytes - lengths[i]), lengths[i]);
    mem_free(lengths);
    return code;
}

enum error_code delta_length_encode(const struct bytes_view *values, size_t count,
                                    struct buffer *out)
{
    return encode_suffixes(values, NULL, count, out);
}

enum error_code delta_bytes_encode(const struct bytes_view *values, size_t count,
                                   struct buffer *out)
{
    size_t *prefixes = mem_alloc(count * sizeof *prefixes);
    if (prefixes == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        prefixes[i] = i == 0 ? 0 : shared_prefix(values[i - 1], values[i]);
    enum error_code code = encode_lengths(prefixes, count, out);
    if (code == OK)
        code = encode_suffixes(values, prefixes, count, out);
    mem_free(prefixes);
    return code;
}

/* --- reading ------------------------------------------------------------------------------- */

struct delta_cursor {
    const uint8_t *data;
    const uint8_t *end;
};

static bool get_varint(struct delta_cursor *cursor, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && cursor->data < cursor->end; shift += 7) {
        uint8_t byte = *cursor->data++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool get_zigzag(struct delta_cursor *cursor, int64_t *value)
{
    uint64_t raw;
    if (!get_varint(cursor, &raw))
        return false;
    *value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
    return true;
}

/* `count` bits-wide numbers from packed bytes, added up to values. */
static void add_miniblock(const uint8_t *packed, unsigned width, size_t count, int64_t min,
                          unsigned bits, int64_t *last, int64_t *values)
{
    unsigned __int128 pending = 0;
    unsigned pending_bits = 0;
    uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    for (size_t i = 0; i < count; i++) {
        while (pending_bits < width) {
            pending |= (unsigned __int128)*packed++ << pending_bits;
            pending_bits += 8;
        }
        uint64_t next = (uint64_t)*last + (uint64_t)min + ((uint64_t)pending & mask);
        pending >>= width;
        pending_bits -= width;
        *last = bits == 32 ? (int32_t)(uint32_t)next : (int64_t)next;
        values[i] = *last;
    }
}

struct delta_header {
    uint64_t block_values, miniblocks, count;
    int64_t first;
};

static bool read_header(struct delta_cursor *cursor, struct delta_header *header)
{
    if (!get_varint(cursor, &header->block_values) || !get_varint(cursor, &header->miniblocks) ||
        !get_varint(cursor, &header->count) || !get_zigzag(cursor, &header->first))
        return false;
    return header->block_values != 0 && header->block_values <= MAX_BLOCK_VALUES &&
           header->miniblocks != 0 && header->miniblocks <= MAX_MINIBLOCKS &&
           header->block_values % header->miniblocks == 0 &&
           header->block_values / header->miniblocks % 8 == 0;
}

/* One block: as many of its values as are still wanted. */
static bool read_block(struct delta_cursor *cursor, const struct delta_header *header,
                       unsigned bits, int64_t *last, int64_t *values, size_t wanted)
{
    size_t each = (size_t)(header->block_values / header->miniblocks);
    int64_t min;
    if (!get_zigzag(cursor, &min) || (size_t)(cursor->end - cursor->data) < header->miniblocks)
        return false;
    const uint8_t *widths = cursor->data;
    cursor->data += header->miniblocks;
    for (uint64_t i = 0; i < header->miniblocks && wanted != 0; i++) {
        size_t bytes = each / 8 * widths[i];
        size_t count = wanted < each ? wanted : each;
        size_t left = (size_t)(cursor->end - cursor->data);
        /* The last miniblock's padding may be missing; DuckDB spends 33 bits on unsigned
         * differences of 32-bit integers. */
        if (widths[i] > 64 || left < (count * widths[i] + 7) / 8)
            return false;
        add_miniblock(cursor->data, widths[i], count, min, bits, last, values);
        cursor->data += bytes < left ? bytes : left;
        values += count;
        wanted -= count;
    }
    return true;
}

bool delta_decode_integers(struct bytes_view bytes, unsigned bits, int64_t *values, size_t count,
                           size_t *read_bytes)
{
    if (bytes.size_bytes == 0)
        return false;
    struct delta_cursor cursor = {bytes.data, bytes.data + bytes.size_bytes};
    struct delta_header header;
    if (!read_header(&cursor, &header) || header.count != count)
        return false;
    int64_t last = bits == 32 ? (int32_t)(uint32_t)header.first : header.first;
    if (count != 0)
        values[0] = last;
    for (size_t i = 1; i < count; i += header.block_values) {
        size_t wanted = count - i < header.block_values ? count - i : (size_t)header.block_values;
        if (!read_block(&cursor, &header, bits, &last, values + i, wanted))
            return false;
    }
    if (read_bytes != NULL)
        *read_bytes = (size_t)(cursor.data - bytes.data);
    return true;
}

/* Decodes lengths into `numbers` and steps over them. */
static bool decode_lengths(struct bytes_view *bytes, int64_t *numbers, size_t count)
{
    size_t read;
    if (!delta_decode_integers(*bytes, 32, numbers, count, &read))
        return false;
    *bytes = bytes_view_of(bytes->data + read, bytes->size_bytes - read);
    return true;
}

enum error_code delta_length_decode(struct bytes_view bytes, struct bytes_view *values,
                                    size_t count)
{
    int64_t *lengths = mem_alloc(count * sizeof *lengths);
    if (lengths == NULL)
        return ERR_NO_MEMORY;
    enum error_code code = decode_lengths(&bytes, lengths, count) ? OK : ERR_CORRUPT;
    for (size_t i = 0; i < count && code == OK; i++) {
        if (lengths[i] < 0 || (uint64_t)lengths[i] > bytes.size_bytes) {
            code = ERR_CORRUPT;
            break;
        }
        size_t size = (size_t)lengths[i];
        values[i] = bytes_view_of(bytes.data, size);
        bytes = bytes_view_of(bytes.data + size, bytes.size_bytes - size);
    }
    mem_free(lengths);
    return code;
}

/* Joins prefixes and suffixes: first the sizes, so that `text` never moves under its views. */
static enum error_code join_texts(const int64_t *prefixes, struct bytes_view *values, size_t count,
                                  struct buffer *text, size_t max_text_bytes)
{
    size_t total = 0;
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (prefixes[i] < 0 || (uint64_t)prefixes[i] > last)
            return ERR_CORRUPT;
        last = (size_t)prefixes[i] + values[i].size_bytes;
        if (last > max_text_bytes - total)
            return ERR_LIMIT;
        total += last;
    }
    buffer_reset(text);
    if (buffer_reserve(text, total + 1) != OK) /* never without memory: views point into it */
        return ERR_NO_MEMORY;
    const uint8_t *before = text->data;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *start = text->data + text->size_bytes;
        buffer_append_unchecked(text, before, (size_t)prefixes[i]);
        buffer_append_unchecked(text, values[i].data, values[i].size_bytes);
        values[i] = bytes_view_of(start, (size_t)prefixes[i] + values[i].size_bytes);
        before = start;
    }
    return OK;
}

enum error_code delta_bytes_decode(struct bytes_view bytes, struct bytes_view *values, size_t count,
                                   struct buffer *text, size_t max_text_bytes)
{
    int64_t *prefixes = mem_alloc(count * sizeof *prefixes);
    if (prefixes == NULL)
        return ERR_NO_MEMORY;
    enum error_code code = decode_lengths(&bytes, prefixes, count) ? OK : ERR_CORRUPT;
    if (code == OK)
        code = delta_length_decode(bytes, values, count);
    if (code == OK)
        code = join_texts(prefixes, values, count, text, max_text_bytes);
    mem_free(prefixes);
    return code;
}
