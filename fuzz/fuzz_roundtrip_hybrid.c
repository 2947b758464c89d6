// SPDX-License-Identifier: Apache-2.0
// rooms: parquet
/*
 * What the RLE / bit-packing hybrid encoder writes, its decoder reads. The first byte is the width
 * (0: one bit, given as a bitmap), then come runs: a length and a value.
 */

#include <assert.h>
#include <stdlib.h>

#include "parquet/bitpack.h"
#include "parquet/hybrid.h"
#include "support/input.h"

#define VALUE_MAX 20000
#define RUN_MAX   600
#define PIECE     7
#define PADDING   8 /* what hybrid_encode may write behind the values */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t values[VALUE_MAX + PADDING], wanted[VALUE_MAX + PADDING];

static size_t take_values(struct fuzz_input *input, unsigned width)
{
    uint32_t mask = width == 32 ? UINT32_MAX : (UINT32_C(1) << width) - 1;
    size_t count = 0;
    while (input->size_bytes > 0 && count + RUN_MAX < VALUE_MAX) {
        uint32_t length = fuzz_input_u8(input);
        length = length > 200 ? (length - 200) * 10 : length % 12 + 1;
        uint32_t value = fuzz_input_u32(input) & mask;
        for (uint32_t i = 0; i < length; i++)
            wanted[count++] = value;
    }
    return count;
}

/* Decodes at once, and piece by piece. */
static void check(struct bytes_view encoded, size_t count, unsigned width)
{
    uint32_t *found = malloc((count + 1) * sizeof *found);
    struct hybrid_decoder decoder;
    assert(found != NULL);
    hybrid_decoder_init(&decoder, encoded, width);
    bool good = hybrid_decode(&decoder, found, count);
    assert(good && memcmp(found, wanted, count * sizeof *found) == 0);
    hybrid_decoder_init(&decoder, encoded, width);
    for (size_t at = 0; at < count; at += PIECE) {
        size_t piece = count - at < PIECE ? count - at : PIECE;
        good = hybrid_decode(&decoder, found, piece);
        assert(good && memcmp(found, wanted + at, piece * sizeof *found) == 0);
    }
    free(found);
}

static void check_bits(size_t count, struct buffer *encoded)
{
    uint8_t *bits = calloc(count / 8 + 1, 1);
    assert(bits != NULL);
    for (size_t i = 0; i < count; i++)
        bits[i / 8] |= (uint8_t)(wanted[i] << i % 8);
    enum error_code code = hybrid_encode_bits(bits, count, encoded);
    assert(code == OK);
    free(bits);
    check(buffer_view(encoded), count, 1);
}

static void check_packing(size_t count, unsigned width)
{
    size_t groups = count / 8;
    uint8_t *packed = malloc(groups * width + 1);
    uint32_t *found = malloc((groups * 8 + 1) * sizeof *found);
    assert(packed != NULL && found != NULL);
    bitpack_groups(wanted, groups, width, packed);
    bitunpack_groups(packed, groups, width, found);
    assert(memcmp(found, wanted, groups * 8 * sizeof *found) == 0);
    free(packed);
    free(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    unsigned chosen = fuzz_input_u8(&input) % 33;
    unsigned width = chosen == 0 ? 1 : chosen;
    size_t count = take_values(&input, width);
    struct buffer encoded;
    buffer_init(&encoded);
    if (chosen == 0) {
        check_bits(count, &encoded);
    } else {
        memcpy(values, wanted, count * sizeof *values);
        enum error_code code = hybrid_encode(values, count, width, &encoded);
        assert(code == OK);
        check(buffer_view(&encoded), count, width);
        check_packing(count, width);
    }
    buffer_release(&encoded);
    return 0;
}
