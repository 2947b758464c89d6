// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "parquet/bitpack.h"
#include "parquet/delta.h"
#include "parquet/hybrid.h"
#include "parquet/thrift.h"

static uint64_t random_state = 7;

static uint64_t next_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return random_state >> 11 ^ random_state << 21;
}

/* The scalar reference: one bit at a time. */
static void pack_by_bits(const uint32_t *values, size_t count, unsigned width, uint8_t *out)
{
    memset(out, 0, (count * width + 7) / 8);
    for (size_t i = 0; i < count * width; i++)
        if (values[i / width] >> i % width & 1)
            out[i / 8] |= (uint8_t)(1 << i % 8);
}

static void packing_equals_the_scalar_reference_at_every_width(void **state)
{
    (void)state;
    for (unsigned width = 1; width <= 32; width++) {
        uint32_t values[64], back[64];
        uint8_t packed[256], reference[256];
        for (int i = 0; i < 64; i++)
            values[i] = (uint32_t)next_random() & (UINT32_MAX >> (32 - width));
        bitpack_groups(values, 8, width, packed);
        pack_by_bits(values, 64, width, reference);
        assert_memory_equal(packed, reference, 8 * width);
        bitunpack_groups(packed, 8, width, back);
        assert_memory_equal(back, values, sizeof values);
    }
}

static void assert_hybrid_round_trip(uint32_t *values, size_t count, unsigned width)
{
    struct buffer out;
    struct hybrid_decoder decoder;
    uint32_t *back = malloc((count + 1) * sizeof *back);
    buffer_init(&out);
    assert_int_equal(hybrid_encode(values, count, width, &out), OK);
    assert_true(out.size_bytes <= (count + 7) / 8 * width + 10);
    hybrid_decoder_init(&decoder, buffer_view(&out), width);
    for (size_t at = 0; at < count;) { /* in pieces that split runs and groups */
        size_t piece = next_random() % 13 + 1;
        piece = piece < count - at ? piece : count - at;
        assert_true(hybrid_decode(&decoder, back + at, piece));
        at += piece;
    }
    assert_memory_equal(back, values, count * sizeof *values);
    assert_ptr_equal(decoder.data, decoder.end);
    free(back);
    buffer_release(&out);
}

static void hybrid_gives_runs_and_noise_back(void **state)
{
    (void)state;
    static uint32_t values[5000 + 8];
    for (int round = 0; round < 300; round++) {
        unsigned width = (unsigned)(next_random() % 32 + 1);
        size_t count = next_random() % 3000 + 1;
        uint64_t repeat = next_random() % 50 + 1;
        uint32_t value = 0;
        for (size_t i = 0; i < count; i++) {
            if (next_random() % repeat == 0)
                value = (uint32_t)next_random() & (UINT32_MAX >> (32 - width));
            values[i] = value;
        }
        assert_hybrid_round_trip(values, count, width);
    }
}

static void a_long_run_takes_a_few_bytes(void **state)
{
    (void)state;
    static uint32_t values[20000 + 8];
    struct buffer out;
    buffer_init(&out);
    for (int i = 0; i < 20000; i++)
        values[i] = 5;
    assert_int_equal(hybrid_encode(values, 20000, 3, &out), OK);
    static const uint8_t expected[] = {0xc0, 0xb8, 0x02, 5}; /* varint 20000 << 1, the value */
    assert_int_equal(out.size_bytes, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buffer_release(&out);
}

/* Encodings.md's own example: 0 to 7 of 3 bits. */
static void a_group_is_packed_as_the_specification_shows(void **state)
{
    (void)state;
    uint32_t values[16] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const uint8_t expected[] = {0x03, 0x88, 0xc6, 0xfa};
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(hybrid_encode(values, 8, 3, &out), OK);
    assert_int_equal(out.size_bytes, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buffer_release(&out);
}

static void levels_given_as_bits_come_back(void **state)
{
    (void)state;
    for (int round = 0; round < 500; round++) {
        uint8_t bits[600] = {0};
        uint32_t back[4800];
        uint8_t bytes[4800];
        size_t ones, expected = 0;
        struct buffer out;
        struct hybrid_decoder decoder;
        size_t count = next_random() % 4000 + 1;
        uint64_t repeat = next_random() % 300 + 1;
        bool valid = false;
        for (size_t i = 0; i < count; i++) {
            valid = next_random() % repeat == 0 ? !valid : valid;
            bits[i / 8] |= (uint8_t)(valid << i % 8);
        }
        buffer_init(&out);
        assert_int_equal(hybrid_encode_bits(bits, count, &out), OK);
        hybrid_decoder_init(&decoder, buffer_view(&out), 1);
        assert_true(hybrid_decode(&decoder, back, count));
        assert_true(hybrid_decode_bits(buffer_view(&out), bytes, count, &ones));
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(back[i], bits[i / 8] >> i % 8 & 1);
            assert_int_equal(bytes[i], back[i]);
            expected += back[i];
        }
        assert_int_equal(ones, expected);
        buffer_release(&out);
    }
}

static void a_cut_hybrid_run_is_refused(void **state)
{
    (void)state;
    uint32_t values[64];
    static const uint8_t packed[] = {0x05, 0xff, 0xff}; /* two groups announced, one there */
    static const uint8_t repeated[] = {0x20};           /* a run without its value */
    static const uint8_t wide[] = {0x20, 0x08};         /* a value of more than 3 bits */
    static const uint8_t endless[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct hybrid_decoder decoder;
    uint8_t bits[32];
    size_t ones;
    assert_false(hybrid_decode_bits(bytes_view_of(packed, 2), bits, 16, &ones));
    assert_false(hybrid_decode_bits(bytes_view_of(repeated, 1), bits, 16, &ones));
    assert_false(hybrid_decode_bits(bytes_view_of(wide, 2), bits, 16, &ones));
    hybrid_decoder_init(&decoder, bytes_view_of(packed, 3), 2);
    assert_false(hybrid_decode(&decoder, values, 16));
    hybrid_decoder_init(&decoder, bytes_view_of(repeated, 1), 3);
    assert_false(hybrid_decode(&decoder, values, 16));
    hybrid_decoder_init(&decoder, bytes_view_of(wide, 2), 3);
    assert_false(hybrid_decode(&decoder, values, 16));
    hybrid_decoder_init(&decoder, bytes_view_of(endless, 6), 3);
    assert_false(hybrid_decode(&decoder, values, 16));
}

static void deltas_of_integers_come_back(void **state)
{
    (void)state;
    static int64_t values[3000], back[3000];
    for (int round = 0; round < 400; round++) {
        unsigned bits = round % 2 == 0 ? 32 : 64;
        size_t count = next_random() % 1000;
        unsigned shift = (unsigned)(next_random() % 64);
        struct buffer out;
        size_t read;
        buffer_init(&out);
        for (size_t i = 0; i < count; i++) {
            uint64_t raw = next_random() << 32 ^ next_random();
            values[i] = bits == 32 ? (int32_t)(raw >> shift) : (int64_t)(raw >> shift);
        }
        assert_int_equal(delta_encode_integers(values, count, bits, &out), OK);
        assert_true(delta_decode_integers(buffer_view(&out), bits, back, count, &read));
        assert_int_equal(read, out.size_bytes);
        assert_memory_equal(back, values, count * sizeof *values);
        for (size_t size = 0; size < out.size_bytes && count > 1; size += 11) {
            /* Cut short, it never reads beyond the end, nor finds all of the values in less. */
            uint8_t *copy = malloc(size + 1);
            memcpy(copy, out.data, size);
            assert_false(
                delta_decode_integers(bytes_view_of(copy, size), bits, back, count + 1, NULL));
            (void)!delta_decode_integers(bytes_view_of(copy, size), bits, back, count, NULL);
            free(copy);
        }
        buffer_release(&out);
    }
}

/* Encodings.md: 1 2 3 4 5 has a first value, a smallest delta and no bits at all. */
static void equal_steps_take_no_bits(void **state)
{
    (void)state;
    static const int64_t values[] = {1, 2, 3, 4, 5};
    static const uint8_t expected[] = {0x80, 0x01, 0x04, 0x05, 0x02, 0x02, 0, 0, 0, 0};
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(delta_encode_integers(values, 5, 32, &out), OK);
    assert_int_equal(out.size_bytes, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buffer_release(&out);
}

static void delta_texts_come_back(void **state)
{
    (void)state;
    static const char *const words[] = {"", "axis", "axle", "babble", "babyhood", "babyhood", "b"};
    struct bytes_view values[7], back[7];
    struct buffer lengths, bytes, text;
    buffer_init(&lengths);
    buffer_init(&bytes);
    buffer_init(&text);
    for (int i = 0; i < 7; i++)
        values[i] = bytes_view_text(words[i]);
    assert_int_equal(delta_length_encode(values, 7, &lengths), OK);
    assert_int_equal(delta_length_decode(buffer_view(&lengths), back, 7), OK);
    for (int i = 0; i < 7; i++)
        assert_true(bytes_equal(values[i], back[i]));
    assert_int_equal(delta_bytes_encode(values, 7, &bytes), OK);
    assert_int_equal(delta_bytes_decode(buffer_view(&bytes), back, 7, &text, 1000), OK);
    for (int i = 0; i < 7; i++)
        assert_true(bytes_equal(values[i], back[i]));
    assert_int_equal(delta_bytes_decode(buffer_view(&bytes), back, 7, &text, 10), ERR_LIMIT);
    assert_int_equal(delta_length_decode(buffer_view(&lengths), back, 6), ERR_CORRUPT);
    buffer_release(&lengths);
    buffer_release(&bytes);
    buffer_release(&text);
}

static void delta_texts_may_all_be_empty(void **state)
{
    (void)state;
    struct bytes_view values[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}}, back[3];
    struct buffer bytes, text;
    buffer_init(&bytes);
    buffer_init(&text);
    assert_int_equal(delta_bytes_encode(values, 3, &bytes), OK);
    assert_int_equal(delta_bytes_decode(buffer_view(&bytes), back, 3, &text, 1000), OK);
    for (int i = 0; i < 3; i++) {
        assert_non_null(back[i].data); /* nothing is added to NULL on the way */
        assert_int_equal(back[i].size_bytes, 0);
    }
    buffer_release(&bytes);
    buffer_release(&text);
}

static void thrift_gives_every_type_back(void **state)
{
    (void)state;
    struct buffer out;
    struct thrift_writer writer;
    struct thrift_reader reader;
    int16_t field;
    enum thrift_type type;
    buffer_init(&out);
    thrift_writer_init(&writer, &out);
    thrift_write_bool(&writer, 1, true);
    thrift_write_i32(&writer, 2, INT32_MIN);
    thrift_write_i64(&writer, 30, INT64_MAX);
    thrift_begin_list(&writer, 31, THRIFT_I32, 20);
    for (int32_t i = 0; i < 20; i++)
        thrift_element_i32(&writer, i - 10);
    thrift_begin_struct(&writer, 32);
    thrift_write_text(&writer, 400, "inside");
    thrift_end_struct(&writer);
    thrift_write_bool(&writer, 33, false);
    thrift_end_struct(&writer);
    assert_int_equal(writer.status, OK);

    thrift_reader_init(&reader, buffer_view(&out));
    assert_true(thrift_read_field(&reader, &field, &type));
    assert_true(field == 1 && thrift_read_bool(&reader, type));
    assert_true(thrift_read_field(&reader, &field, &type));
    assert_int_equal(thrift_read_i32(&reader, type), INT32_MIN);
    assert_true(thrift_read_field(&reader, &field, &type));
    assert_true(field == 30 && thrift_read_i64(&reader, type) == INT64_MAX);
    assert_true(thrift_read_field(&reader, &field, &type));
    thrift_skip(&reader, type);
    assert_true(thrift_read_field(&reader, &field, &type));
    thrift_open_struct(&reader, type);
    assert_true(thrift_read_field(&reader, &field, &type));
    assert_int_equal(field, 400);
    assert_true(bytes_equal(thrift_read_binary(&reader, type), bytes_view_text("inside")));
    assert_false(thrift_read_field(&reader, &field, &type));
    assert_true(thrift_read_field(&reader, &field, &type));
    assert_true(field == 33 && !thrift_read_bool(&reader, type));
    assert_false(thrift_read_field(&reader, &field, &type));
    assert_false(reader.failed);
    buffer_release(&out);
}

static void thrift_nested_without_end_is_refused(void **state)
{
    (void)state;
    uint8_t deep[200];
    struct thrift_reader reader;
    int16_t field;
    enum thrift_type type;
    memset(deep, 0x1c, sizeof deep); /* a struct in a struct in a struct … */
    thrift_reader_init(&reader, bytes_view_of(deep, sizeof deep));
    assert_true(thrift_read_field(&reader, &field, &type));
    thrift_skip(&reader, type);
    assert_true(reader.failed);
    memset(deep, 0x19, sizeof deep); /* lists of lists */
    thrift_reader_init(&reader, bytes_view_of(deep, sizeof deep));
    assert_true(thrift_read_field(&reader, &field, &type));
    thrift_skip(&reader, type);
    assert_true(reader.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_equals_the_scalar_reference_at_every_width),
        cmocka_unit_test(hybrid_gives_runs_and_noise_back),
        cmocka_unit_test(a_long_run_takes_a_few_bytes),
        cmocka_unit_test(a_group_is_packed_as_the_specification_shows),
        cmocka_unit_test(levels_given_as_bits_come_back),
        cmocka_unit_test(a_cut_hybrid_run_is_refused),
        cmocka_unit_test(deltas_of_integers_come_back),
        cmocka_unit_test(equal_steps_take_no_bits),
        cmocka_unit_test(delta_texts_come_back),
        cmocka_unit_test(delta_texts_may_all_be_empty),
        cmocka_unit_test(thrift_gives_every_type_back),
        cmocka_unit_test(thrift_nested_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
