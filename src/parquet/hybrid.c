// SPDX-License-Identifier: Apache-2.0
#include "parquet/hybrid.h"

#include "parquet/bitpack.h"

/* A run header is a varint of 32 bits at most. */
#define HEADER_MAX_BYTES 5

static uint8_t *put_varint(uint8_t *out, uint32_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *put_packed(uint8_t *out, const uint32_t *values, size_t groups, unsigned width)
{
    if (groups == 0)
        return out;
    out = put_varint(out, (uint32_t)(groups << 1 | 1));
    bitpack_groups(values, groups, width, out);
    return out + groups * width;
}

static uint8_t *put_repeated(uint8_t *out, uint32_t value, size_t count, unsigned width)
{
    out = put_varint(out, (uint32_t)(count << 1));
    for (unsigned bit = 0; bit < width; bit += 8)
        *out++ = (uint8_t)(value >> bit);
    return out;
}

static bool group_is_one_value(const uint32_t *values)
{
    uint32_t first = values[0];
    uint32_t difference = 0;
    for (int i = 1; i < 8; i++)
        difference |= values[i] ^ first;
    return difference == 0;
}

/* How many values from `start` on equal the one there. */
static size_t run_length(const uint32_t *values, size_t start, size_t count)
{
    size_t end = start + 1;
    while (end < count && values[end] == values[start])
        end++;
    return end - start;
}

/* The shortest run, in values, that is smaller as a run of its own than inside a bit-packed run:
 * its header and value, and a header more for the bit-packed run it interrupts. */
static size_t shortest_paying_run(unsigned width)
{
    size_t cost_bytes = 3 + (width + 7) / 8;
    size_t groups = cost_bytes / width + 1;
    return groups * 8;
}

enum error_code hybrid_encode(uint32_t *values, size_t count, unsigned width, struct buffer *out)
{
    assert(width >= 1 && width <= 32 && count < UINT32_MAX / 4);
    size_t groups = (count + 7) / 8;
    /* Worst case: everything packed, and a header for each run; runs only where they pay. */
    if (buffer_reserve(out, groups * width + groups / 2 + 4 * HEADER_MAX_BYTES + 8) != OK)
        return ERR_NO_MEMORY;
    memset(values + count, 0, 8 * sizeof *values);
    uint8_t *to = out->data + out->size_bytes;
    size_t minimum = shortest_paying_run(width);
    size_t packed_from = 0; /* values not written yet start here */
    size_t i = 0;           /* whole groups behind it: bit-packed runs are made of them */
    while (i + 8 <= count) {
        if (!group_is_one_value(values + i)) {
            i += 8;
            continue;
        }
        size_t run = run_length(values, i, count);
        if (run < minimum) {
            i += run / 8 * 8;
            continue;
        }
        to = put_packed(to, values + packed_from, (i - packed_from) / 8, width);
        to = put_repeated(to, values[i], run,
                          width); /* of any length: the next begins right there */
        i += run;
        packed_from = i;
    }
    if (packed_from < count)
        to = put_packed(to, values + packed_from, (count - packed_from + 7) / 8, width);
    out->size_bytes = (size_t)(to - out->data);
    assert(out->size_bytes <= out->capacity_bytes);
    return OK;
}

enum error_code hybrid_encode_bits(const uint8_t *bits, size_t count, struct buffer *out)
{
    size_t bytes = (count + 7) / 8;
    if (buffer_reserve(out, bytes + bytes / 2 + 4 * HEADER_MAX_BYTES) != OK)
        return ERR_NO_MEMORY;
    uint8_t *to = out->data + out->size_bytes;
    size_t packed_from = 0;
    size_t i = 0;
    while (i < count / 8) {
        bool uniform = bits[i] == 0 || bits[i] == 0xff;
        size_t end = i + 1;
        while (uniform && end < count / 8 && bits[end] == bits[i])
            end++;
        bool everything = i == 0 && end == count / 8;
        if (!uniform || (end - i < shortest_paying_run(1) / 8 && !everything)) {
            i = end;
            continue;
        }
        if (i != packed_from) {
            to = put_varint(to, (uint32_t)((i - packed_from) << 1 | 1));
            memcpy(to, bits + packed_from, i - packed_from);
            to += i - packed_from;
        }
        size_t run = (end - i) * 8;
        /* A run that reaches the last, partial byte takes it along if it goes on there. */
        size_t tail = count % 8;
        if (end == count / 8 && tail != 0 && bits[end] == (bits[i] & ((1u << tail) - 1))) {
            run += tail;
            end++;
        }
        to = put_repeated(to, bits[i] & 1, run, 1);
        i = end;
        packed_from = end;
    }
    if (packed_from < bytes) {
        to = put_varint(to, (uint32_t)((bytes - packed_from) << 1 | 1));
        memcpy(to, bits + packed_from, bytes - packed_from);
        to += bytes - packed_from;
    }
    out->size_bytes = (size_t)(to - out->data);
    assert(out->size_bytes <= out->capacity_bytes);
    return OK;
}

void hybrid_decoder_init(struct hybrid_decoder *decoder, struct bytes_view bytes, unsigned width)
{
    static const uint8_t nothing[1];
    assert(width <= 32);
    if (bytes.size_bytes == 0)
        bytes.data = nothing; /* no arithmetic on NULL */
    *decoder = (struct hybrid_decoder){
        .data = bytes.data, .end = bytes.data + bytes.size_bytes, .width = width, .group_used = 8};
}

static bool read_varint(struct hybrid_decoder *decoder, uint32_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (decoder->data == decoder->end)
            return false;
        uint8_t byte = *decoder->data++;
        if (shift == 28 && byte > 0x0f)
            return false;
        *value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool begin_run(struct hybrid_decoder *decoder)
{
    uint32_t header;
    if (!read_varint(decoder, &header))
        return false;
    decoder->run_is_packed = (header & 1) != 0;
    decoder->group_used = 8;
    if (decoder->run_is_packed) {
        decoder->run_left = (size_t)(header >> 1) * 8;
        return true;
    }
    decoder->run_left = header >> 1;
    size_t bytes = (decoder->width + 7) / 8;
    if ((size_t)(decoder->end - decoder->data) < bytes)
        return false;
    decoder->run_value = 0;
    memcpy(&decoder->run_value, decoder->data, bytes);
    decoder->data += bytes;
    return decoder->width == 32 || decoder->run_value >> decoder->width == 0;
}

/* Takes values of a packed run; some writers cut the bytes of the last group short. */
static bool decode_packed(struct hybrid_decoder *decoder, uint32_t *values, size_t count)
{
    unsigned width = decoder->width;
    size_t done = 0;
    while (done < count) {
        size_t whole = decoder->group_used == 8 ? (count - done) / 8 : 0;
        size_t there = (size_t)(decoder->end - decoder->data) / width;
        whole = whole < there ? whole : there;
        if (whole != 0) {
            bitunpack_groups(decoder->data, whole, width, values + done);
            decoder->data += whole * width;
            done += whole * 8;
            continue;
        }
        if (decoder->group_used == 8) {
            uint8_t bytes[32] = {0};
            size_t left = (size_t)(decoder->end - decoder->data);
            size_t size = left < width ? left : width;
            if (size * 8 / width < (count - done < 8 ? count - done : 8))
                return false;
            memcpy(bytes, decoder->data, size);
            decoder->data += size;
            bitunpack_groups(bytes, 1, width, decoder->group);
            decoder->group_used = 0;
        }
        while (decoder->group_used < 8 && done < count)
            values[done++] = decoder->group[decoder->group_used++];
    }
    return true;
}

bool hybrid_decode(struct hybrid_decoder *decoder, uint32_t *values, size_t count)
{
    if (decoder->width == 0) {
        memset(values, 0, count * sizeof *values);
        return true;
    }
    while (count != 0) {
        while (decoder->run_left == 0)
            if (!begin_run(decoder))
                return false;
        size_t take = decoder->run_left < count ? decoder->run_left : count;
        if (!decoder->run_is_packed)
            for (size_t i = 0; i < take; i++)
                values[i] = decoder->run_value;
        else if (!decode_packed(decoder, values, take))
            return false;
        decoder->run_left -= take;
        values += take;
        count -= take;
    }
    return true;
}

/* The bits of a byte, lowest first, as a byte each. */
static uint64_t spread_bits(uint8_t bits)
{
    uint64_t spread = bits * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
    return (spread + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 & UINT64_C(0x0101010101010101);
}

/* A packed run's; false if the bytes end before that. */
static bool spread_run(struct hybrid_decoder *decoder, uint8_t *values, size_t count, size_t *ones)
{
    if ((size_t)(decoder->end - decoder->data) < (count + 7) / 8)
        return false;
    for (size_t i = 0; i < count; i += 8) {
        size_t size = count - i < 8 ? count - i : 8;
        uint64_t eight = spread_bits((uint8_t)(*decoder->data++ & (0xff >> (8 - size))));
        memcpy(values + i, &eight, size);
        *ones += (size_t)__builtin_popcountll(eight);
    }
    return true;
}

bool hybrid_decode_bits(struct bytes_view bytes, uint8_t *values, size_t count, size_t *ones)
{
    struct hybrid_decoder decoder;
    hybrid_decoder_init(&decoder, bytes, 1);
    *ones = 0;
    while (count != 0) {
        while (decoder.run_left == 0)
            if (!begin_run(&decoder))
                return false;
        size_t take = decoder.run_left < count ? decoder.run_left : count;
        if (decoder.run_is_packed) {
            if (!spread_run(&decoder, values, take, ones))
                return false;
        } else {
            memset(values, (int)decoder.run_value, take);
            *ones += decoder.run_value * take;
        }
        decoder.run_left -= take;
        values += take;
        count -= take;
    }
    return true;
}
