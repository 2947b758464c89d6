// SPDX-License-Identifier: Apache-2.0
// rooms: parquet
/*
 * What the DELTA encoders write, their decoders read, to the last byte. The first byte chooses: 32
 * or 64 bit integers, or texts. Integers are given as steps of one to nine bytes, texts by how much
 * they share with the one before.
 */

#include <assert.h>
#include <stdlib.h>

#include "parquet/delta.h"
#include "support/input.h"

#define VALUE_MAX 3000
#define TEXT_MAX  64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t next_integer(struct fuzz_input *input, int64_t last)
{
    uint8_t kind = fuzz_input_u8(input);
    if (kind < 192) /* a small step */
        return (int64_t)((uint64_t)last + kind % 32 - 8);
    return (int64_t)((uint64_t)last + fuzz_input_number(input, kind % 8 + 1));
}

static void check_integers(struct fuzz_input *input, unsigned bits)
{
    static int64_t wanted[VALUE_MAX];
    size_t count = 0;
    int64_t last = 0;
    struct buffer encoded;
    buffer_init(&encoded);
    while (input->size_bytes > 0 && count < VALUE_MAX) {
        last = next_integer(input, last);
        last = bits == 32 ? (int32_t)(uint32_t)last : last;
        wanted[count++] = last;
    }
    enum error_code code = delta_encode_integers(wanted, count, bits, &encoded);
    assert(code == OK);
    int64_t *found = malloc((count + 1) * sizeof *found);
    size_t read_bytes = 0;
    assert(found != NULL);
    bool good = delta_decode_integers(buffer_view(&encoded), bits, found, count, &read_bytes);
    assert(good && read_bytes == encoded.size_bytes);
    assert(memcmp(found, wanted, count * sizeof *found) == 0);
    assert(!delta_decode_integers(buffer_view(&encoded), bits, found, count + 1, NULL));
    free(found);
    buffer_release(&encoded);
}

/* Texts in one run of memory, each TEXT_MAX bytes at most. */
static size_t take_texts(struct fuzz_input *input, uint8_t *memory, struct bytes_view *texts)
{
    size_t count = 0;
    while (input->size_bytes > 0 && count < VALUE_MAX) {
        size_t shared = fuzz_input_u8(input) % TEXT_MAX;
        struct bytes_view suffix = fuzz_input_bytes(input, fuzz_input_u8(input) % TEXT_MAX);
        uint8_t *text = memory + count * 2 * TEXT_MAX;
        if (count == 0)
            shared = 0;
        else if (shared > texts[count - 1].size_bytes)
            shared = texts[count - 1].size_bytes;
        if (shared != 0)
            memcpy(text, texts[count - 1].data, shared);
        if (suffix.size_bytes != 0)
            memcpy(text + shared, suffix.data, suffix.size_bytes);
        texts[count++] = bytes_view_of(text, shared + suffix.size_bytes);
    }
    return count;
}

static void check_equal(const struct bytes_view *found, const struct bytes_view *wanted,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert(bytes_equal(found[i], wanted[i]));
}

static void check_texts(struct fuzz_input *input)
{
    static uint8_t memory[VALUE_MAX * 2 * TEXT_MAX];
    static struct bytes_view wanted[VALUE_MAX], found[VALUE_MAX];
    size_t count = take_texts(input, memory, wanted);
    struct buffer encoded, joined;
    buffer_init(&encoded);
    buffer_init(&joined);
    enum error_code code = delta_length_encode(wanted, count, &encoded);
    assert(code == OK);
    code = delta_length_decode(buffer_view(&encoded), found, count);
    assert(code == OK);
    check_equal(found, wanted, count);
    buffer_reset(&encoded);
    code = delta_bytes_encode(wanted, count, &encoded);
    assert(code == OK);
    code = delta_bytes_decode(buffer_view(&encoded), found, count, &joined, sizeof memory);
    assert(code == OK);
    check_equal(found, wanted, count);
    buffer_release(&encoded);
    buffer_release(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t kind = fuzz_input_u8(&input) % 3;
    if (kind == 2)
        check_texts(&input);
    else
        check_integers(&input, kind == 0 ? 32 : 64);
    return 0;
}
