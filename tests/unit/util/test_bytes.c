// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"

static void hexadecimal_round_trips_in_either_case(void **state)
{
    (void)state;
    uint8_t bytes[256], again[256];
    char out[513];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    hex_encode(bytes_view_of(bytes, sizeof bytes), out);
    assert_int_equal(strlen(out), 512);
    assert_memory_equal(out, "000102", 6);
    assert_string_equal(out + 506, "fdfeff");
    assert_true(hex_decode(bytes_view_text(out), again, sizeof again));
    assert_memory_equal(again, bytes, sizeof bytes);
    assert_true(hex_decode(bytes_view_text("aBCd"), again, 2));
    assert_int_equal(again[0], 0xab);
    assert_int_equal(again[1], 0xcd);
}

static void what_is_not_hexadecimal_is_refused(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_false(hex_decode(bytes_view_text("abc"), out, 2));
    assert_false(hex_decode(bytes_view_text("abcde"), out, 2));
    assert_false(hex_decode(bytes_view_text("abcg"), out, 2));
    assert_false(hex_decode(bytes_view_text("-bcd"), out, 2));
    assert_false(hex_decode(bytes_view_text("ab d"), out, 2));
    assert_false(hex_decode(bytes_view_of("ab\0d", 4), out, 2));
}

/* RFC 4648, section 10. */
static void base64_gives_the_standards_examples(void **state)
{
    (void)state;
    const struct {
        const char *plain, *encoded;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[16];
        uint8_t again[16];
        size_t size = 99;
        base64_encode(bytes_view_text(cases[i].plain), out);
        assert_string_equal(out, cases[i].encoded);
        assert_int_equal(base64_encoded_size(strlen(cases[i].plain)), strlen(out));
        assert_true(base64_decode(bytes_view_text(out), again, &size));
        assert_int_equal(size, strlen(cases[i].plain));
        assert_memory_equal(again, cases[i].plain, size);
    }
}

static void base64_round_trips_every_byte(void **state)
{
    (void)state;
    for (size_t size = 0; size < 70; size++) {
        uint8_t bytes[70], again[72];
        char out[100];
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(i * 37 + size * 11 + 200);
        base64_encode(bytes_view_of(bytes, size), out);
        size_t decoded = 0;
        assert_true(base64_decode(bytes_view_text(out), again, &decoded));
        assert_int_equal(decoded, size);
        assert_memory_equal(again, bytes, size);
    }
}

static void what_is_not_base64_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9*", "Zm 9", "Zm9v\n", "Zm=v"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t out[16];
        size_t size;
        if (base64_decode(bytes_view_text(wrong[i]), out, &size))
            fail_msg("\"%s\" was taken for base64", wrong[i]);
    }
}

static void views_are_ordered_byte_by_byte_with_a_prefix_first(void **state)
{
    (void)state;
    struct bytes_view a = bytes_view_text("abc"), b = bytes_view_text("abd"),
                      longer = bytes_view_text("abcd"), none = {NULL, 0};
    assert_true(bytes_compare(a, b) < 0 && bytes_compare(b, a) > 0);
    assert_true(bytes_compare(a, longer) < 0 && bytes_compare(longer, a) > 0);
    assert_int_equal(bytes_compare(a, bytes_view_text("abc")), 0);
    assert_true(bytes_compare(none, a) < 0);
    assert_int_equal(bytes_compare(none, none), 0);
    assert_true(bytes_compare(bytes_view_text("\xff"), bytes_view_text("a")) > 0);
    assert_true(bytes_equal(none, bytes_view_text("")));
    assert_false(bytes_equal(a, longer));
}

/* The Unicode Standard, table 3-7, and RFC 3629. */
static void utf8_is_valid_exactly_where_the_standard_says(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "ascii only, longer than a word",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "12345678\xe2\x82\xac",
                                       "1234567\xe2\x82\xacwxyz"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(utf8_is_valid(bytes_view_text(good[i])));
    const struct {
        const char *bytes;
        size_t valid;
    } wrong[] = {
        {"\x80", 0},
        {"\xc0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
        {"abc\xc2", 3},
        {"abc\xe2\x82", 3},
        {"abcdefgh\xe2\x82zz", 8},
        {"\xc2\x80\xc2", 2},
        {"a\xf0\x90\x80", 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(utf8_valid_prefix(bytes_view_text(wrong[i].bytes)), wrong[i].valid);
    assert_true(utf8_is_valid(bytes_view_of("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hexadecimal_round_trips_in_either_case),
        cmocka_unit_test(what_is_not_hexadecimal_is_refused),
        cmocka_unit_test(base64_gives_the_standards_examples),
        cmocka_unit_test(base64_round_trips_every_byte),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(views_are_ordered_byte_by_byte_with_a_prefix_first),
        cmocka_unit_test(utf8_is_valid_exactly_where_the_standard_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
