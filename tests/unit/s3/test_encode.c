// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "s3/encode.h"

static struct buffer out;

static int set_up(void **state)
{
    (void)state;
    buffer_init(&out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_release(&out);
    return 0;
}

static void assert_encoded(const char *text, bool keep_slash, const char *wanted)
{
    buffer_reset(&out);
    assert_int_equal(s3_encode(&out, bytes_view_text(text), keep_slash), OK);
    assert_int_equal(buffer_append_byte(&out, 0), OK);
    assert_string_equal((const char *)out.data, wanted);
}

static void assert_decoded(const char *text, const char *wanted)
{
    buffer_reset(&out);
    assert_int_equal(s3_decode(&out, bytes_view_text(text)), OK);
    assert_int_equal(buffer_append_byte(&out, 0), OK);
    assert_string_equal((const char *)out.data, wanted);
}

static void test_all_but_the_unreserved_is_encoded(void **state)
{
    (void)state;
    assert_encoded("AZaz09-._~", false, "AZaz09-._~");
    assert_encoded("a b+c=d%e&f?g#h*i'(j)", false, "a%20b%2Bc%3Dd%25e%26f%3Fg%23h%2Ai%27%28j%29");
    assert_encoded("\xc3\xa9\x01\xff", false, "%C3%A9%01%FF");
    assert_encoded("", false, "");
}

static void test_slashes_stay_in_paths_only(void **state)
{
    (void)state;
    assert_encoded("year=2024/a//b", true, "year%3D2024/a//b");
    assert_encoded("year=2024/a", false, "year%3D2024%2Fa");
}

static void test_what_listings_encode_is_decoded(void **state)
{
    (void)state;
    assert_decoded("a+b%2Bc%20d%c3%A9", "a b+c d\xc3\xa9");
    assert_decoded("", "");
    assert_decoded("%2541", "%41");
}

static void test_what_is_no_encoding_is_refused_and_nothing_appended(void **state)
{
    static const char *const wrong[] = {"%", "a%4", "%zz", "x%00y"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(s3_decode(&out, bytes_view_text(wrong[i])), ERR_CORRUPT);
        assert_int_equal(out.size_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_but_the_unreserved_is_encoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slashes_stay_in_paths_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_listings_encode_is_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_encoding_is_refused_and_nothing_appended,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
