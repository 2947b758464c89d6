// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "parquet/value.h"

static const struct value_type text = {VALUE_TEXT, 0};

static void integers_compare_by_their_sign_rules(void **state)
{
    (void)state;
    static const struct value_type u32 = {VALUE_UINT32, 4};
    static const struct value_type time = {VALUE_TIMESTAMP, 8};
    uint32_t small = 1, large = 0xffffffff;
    int64_t before = -1, after = 1;
    assert_true(value_compare(&u32, bytes_view_of(&small, 4), bytes_view_of(&large, 4)) < 0);
    assert_true(value_compare(&time, bytes_view_of(&before, 8), bytes_view_of(&after, 8)) < 0);
}

static void decimals_compare_as_big_endian_numbers(void **state)
{
    (void)state;
    static const struct value_type decimal = {VALUE_DECIMAL, 16};
    uint8_t minus_two[16], minus_one[16], one[16] = {[15] = 1}, large[16] = {[0] = 1};
    memset(minus_one, 0xff, 16);
    memset(minus_two, 0xff, 16);
    minus_two[15] = 0xfe;
    const uint8_t *rising[] = {minus_two, minus_one, one, large};
    for (int i = 0; i < 3; i++)
        assert_true(value_compare(&decimal, bytes_view_of(rising[i], 16),
                                  bytes_view_of(rising[i + 1], 16)) < 0);
}

static void short_texts_bound_themselves(void **state)
{
    (void)state;
    char letters[65];
    memset(letters, 'x', sizeof letters);
    assert_int_equal(value_lower_bound_size(&text, bytes_view_of(letters, 64)), 64);
    assert_int_equal(value_lower_bound_size(&text, bytes_view_of(letters, 65)), 64);
}

static void assert_bounds_hold(struct bytes_view value)
{
    uint8_t upper[VALUE_BOUND_MAX_BYTES];
    struct bytes_view low = bytes_view_of(value.data, value_lower_bound_size(&text, value));
    assert_true(utf8_is_valid(low));
    assert_true(bytes_compare(low, value) < 0);
    size_t size = value_upper_bound(value, upper);
    if (size == 0)
        return;
    assert_true(utf8_is_valid(bytes_view_of(upper, size)));
    assert_true(bytes_compare(bytes_view_of(upper, size), value) > 0);
}

static void cut_bounds_are_valid_texts_around_the_value(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "a",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };
    for (size_t first = 0; first < 9; first++) {
        for (size_t second = 0; second < 9; second++) {
            for (size_t lead = 55; lead < 64; lead++) {
                uint8_t value[160];
                size_t size = lead;
                memset(value, 'm', lead);
                while (size < 100) {
                    const char *piece = pieces[size % 2 == 0 ? first : second];
                    memcpy(value + size, piece, strlen(piece));
                    size += strlen(piece);
                }
                assert_bounds_hold(bytes_view_of(value, size));
            }
        }
    }
}

static void the_greatest_text_has_no_upper_bound(void **state)
{
    (void)state;
    uint8_t value[80], upper[VALUE_BOUND_MAX_BYTES];
    for (size_t i = 0; i < sizeof value; i += 4)
        memcpy(value + i, "\xf4\x8f\xbf\xbf", 4);
    assert_int_equal(value_upper_bound(bytes_view_of(value, sizeof value), upper), 0);
}

static void bytes_that_are_no_text_never_get_a_bound_below_them(void **state)
{
    (void)state;
    uint8_t value[80], upper[VALUE_BOUND_MAX_BYTES];
    for (int fill = 0x80; fill < 0x100; fill++) {
        memset(value, fill, sizeof value);
        size_t size = value_upper_bound(bytes_view_of(value, sizeof value), upper);
        assert_true(size == 0 || bytes_compare(bytes_view_of(upper, size),
                                               bytes_view_of(value, sizeof value)) > 0);
    }
}

static void prefixes_keep_the_order_of_texts(void **state)
{
    (void)state;
    static const char *const rising[] = {"", "a", "aa", "ab", "abcdefgh", "b", "\xff"};
    for (int i = 0; i < 6; i++)
        assert_true(value_prefix((const uint8_t *)rising[i], strlen(rising[i])) <
                    value_prefix((const uint8_t *)rising[i + 1], strlen(rising[i + 1])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_compare_by_their_sign_rules),
        cmocka_unit_test(decimals_compare_as_big_endian_numbers),
        cmocka_unit_test(short_texts_bound_themselves),
        cmocka_unit_test(cut_bounds_are_valid_texts_around_the_value),
        cmocka_unit_test(the_greatest_text_has_no_upper_bound),
        cmocka_unit_test(bytes_that_are_no_text_never_get_a_bound_below_them),
        cmocka_unit_test(prefixes_keep_the_order_of_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
