// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "grpc/frame.h"
#include "util/memory.h"

#define LIMIT_BYTES 5000

/* Messages of many lengths, one after the other; byte n of message m is m + n. */
static void make_stream(struct buffer *stream, const size_t *sizes, size_t count)
{
    for (size_t m = 0; m < count; m++) {
        uint8_t message[LIMIT_BYTES];
        for (size_t n = 0; n < sizes[m]; n++)
            message[n] = (uint8_t)(m + n);
        assert_int_equal(grpc_append_message(stream, bytes_view_of(message, sizes[m])), OK);
    }
}

static const size_t sizes[] = {0, 1, 251, 0, 4096, 5, LIMIT_BYTES, 3};
#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

static void messages_come_whole_however_the_stream_is_cut(void **state)
{
    (void)state;
    struct buffer stream;
    buffer_init(&stream);
    make_stream(&stream, sizes, SIZE_COUNT);
    for (size_t chunk = 1; chunk <= stream.size_bytes; chunk += chunk < 20 ? 1 : 97) {
        struct grpc_reader reader;
        struct bytes_view message;
        size_t found = 0;
        grpc_reader_init(&reader, LIMIT_BYTES);
        for (size_t at = 0; at < stream.size_bytes; at += chunk) {
            size_t left = stream.size_bytes - at;
            grpc_reader_feed(&reader, bytes_view_of(stream.data + at, left < chunk ? left : chunk));
            while (grpc_reader_next(&reader, &message, NULL) == OK) {
                assert_int_equal(message.size_bytes, sizes[found]);
                for (size_t n = 0; n < message.size_bytes; n++)
                    assert_int_equal(message.data[n], (uint8_t)(found + n));
                found++;
            }
        }
        assert_int_equal(found, SIZE_COUNT);
        assert_false(grpc_reader_is_inside(&reader));
        grpc_reader_release(&reader);
    }
    buffer_release(&stream);
}

static void a_message_that_lies_in_one_chunk_is_not_copied(void **state)
{
    (void)state;
    struct buffer stream;
    struct grpc_reader reader;
    struct bytes_view message;
    buffer_init(&stream);
    make_stream(&stream, sizes, SIZE_COUNT);
    grpc_reader_init(&reader, LIMIT_BYTES);
    grpc_reader_feed(&reader, buffer_view(&stream));
    while (grpc_reader_next(&reader, &message, NULL) == OK)
        assert_true(message.data >= stream.data &&
                    message.data + message.size_bytes <= stream.data + stream.size_bytes);
    assert_int_equal(reader.carry.capacity_bytes, 0);
    grpc_reader_release(&reader);
    buffer_release(&stream);
}

static void a_message_put_back_comes_again_from_chunk_and_from_carry(void **state)
{
    (void)state;
    struct buffer stream;
    struct grpc_reader reader;
    struct bytes_view message;
    buffer_init(&stream);
    make_stream(&stream, sizes, SIZE_COUNT);
    grpc_reader_init(&reader, LIMIT_BYTES);
    size_t half = stream.size_bytes / 2;
    const struct bytes_view halves[] = {{stream.data, half},
                                        {stream.data + half, stream.size_bytes - half}};
    size_t found = 0;
    for (size_t i = 0; i < 2; i++) {
        struct bytes_view rest = halves[i];
        do {
            grpc_reader_feed(&reader, rest);
            if (grpc_reader_next(&reader, &message, NULL) != OK) {
                rest = grpc_reader_take_rest(&reader);
                break;
            }
            grpc_reader_unread(&reader, message);
            rest = grpc_reader_take_rest(&reader);
            grpc_reader_feed(&reader, rest);
            assert_int_equal(grpc_reader_next(&reader, &message, NULL), OK);
            assert_int_equal(message.size_bytes, sizes[found++]);
            rest = grpc_reader_take_rest(&reader);
        } while (rest.size_bytes != 0);
        assert_int_equal(rest.size_bytes, 0);
    }
    assert_int_equal(found, SIZE_COUNT);
    grpc_reader_release(&reader);
    buffer_release(&stream);
}

static enum error_code read_one(const uint8_t *bytes, size_t size, struct error *error,
                                size_t *carry_bytes)
{
    struct grpc_reader reader;
    struct bytes_view message;
    enum error_code code = ERR_AGAIN;
    grpc_reader_init(&reader, 1000);
    for (size_t i = 0; i < size && code == ERR_AGAIN; i++) {
        grpc_reader_feed(&reader, bytes_view_of(bytes + i, 1));
        code = grpc_reader_next(&reader, &message, error);
    }
    *carry_bytes = reader.carry.capacity_bytes;
    grpc_reader_release(&reader);
    return code;
}

static void a_length_over_the_limit_is_refused_before_anything_is_allocated(void **state)
{
    (void)state;
    struct error error;
    size_t carry_bytes = 0;
    const uint8_t over[] = {0, 0xff, 0xff, 0xff, 0xff};
    const uint8_t just_over[] = {0, 0, 0, 1001 >> 8, 1001 & 0xff};
    assert_int_equal(read_one(over, sizeof(over), &error, &carry_bytes), ERR_LIMIT);
    assert_non_null(strstr(error.message, "max_message_size"));
    assert_true(carry_bytes < 1000);
    assert_int_equal(read_one(just_over, sizeof(just_over), &error, &carry_bytes), ERR_LIMIT);
}

static void a_set_flag_byte_is_refused(void **state)
{
    (void)state;
    struct error error;
    size_t carry_bytes = 0;
    const uint8_t compressed[] = {1, 0, 0, 0, 1, 'x'};
    const uint8_t unknown[] = {0x80, 0, 0, 0, 1, 'x'};
    assert_int_equal(read_one(compressed, sizeof(compressed), &error, &carry_bytes), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "compress"));
    assert_int_equal(read_one(unknown, sizeof(unknown), &error, &carry_bytes), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "0x80"));
}

static void the_reader_knows_when_a_stream_ends_inside_a_message(void **state)
{
    (void)state;
    struct grpc_reader reader;
    struct bytes_view message;
    const uint8_t bytes[] = {0, 0, 0, 0, 2, 'a', 'b'};
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        grpc_reader_init(&reader, 1000);
        grpc_reader_feed(&reader, bytes_view_of(bytes, size));
        while (grpc_reader_next(&reader, &message, NULL) == OK)
            continue;
        assert_int_equal(grpc_reader_is_inside(&reader), size != sizeof(bytes));
        grpc_reader_reset(&reader);
        assert_false(grpc_reader_is_inside(&reader));
        grpc_reader_release(&reader);
    }
}

static void without_memory_the_reader_says_so(void **state)
{
    (void)state;
    struct grpc_reader reader;
    struct bytes_view message;
    grpc_reader_init(&reader, 1000);
    grpc_reader_feed(&reader, bytes_view_of("\0\0\0\0\x05hal", 8));
    mem_fail_after(1);
    assert_int_equal(grpc_reader_next(&reader, &message, NULL), ERR_NO_MEMORY);
    mem_fail_after(0);
    grpc_reader_release(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_whole_however_the_stream_is_cut),
        cmocka_unit_test(a_message_that_lies_in_one_chunk_is_not_copied),
        cmocka_unit_test(a_message_put_back_comes_again_from_chunk_and_from_carry),
        cmocka_unit_test(a_length_over_the_limit_is_refused_before_anything_is_allocated),
        cmocka_unit_test(a_set_flag_byte_is_refused),
        cmocka_unit_test(the_reader_knows_when_a_stream_ends_inside_a_message),
        cmocka_unit_test(without_memory_the_reader_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
