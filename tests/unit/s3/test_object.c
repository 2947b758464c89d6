// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "s3/object.h"
#include "util/text.h"

static struct s3_answer answer;
static struct s3_object object;
static struct error error;

static int tear_down(void **state)
{
    (void)state;
    s3_answer_release(&answer);
    return 0;
}

static void say(const char *header)
{
    assert_int_equal(buffer_append(&answer.headers, header, strlen(header) + 1), OK);
}

static void test_headers_tell_of_an_object(void **state)
{
    (void)state;
    answer.status = 200;
    say("content-length: 12345678901");
    say("etag: \"abc-3\"");
    say("last-modified: Mon, 15 Jan 2024 12:30:00 GMT");
    say("x-amz-meta-ttp-commit: a: b");
    say("x-amz-metadata: no pair");
    assert_int_equal(s3_object_read(&answer, &object, &error), OK);
    assert_int_equal(object.size_bytes, UINT64_C(12345678901));
    assert_string_equal(object.etag, "\"abc-3\"");
    assert_int_equal(object.modified_us, INT64_C(1705321800) * US_PER_SECOND);
    assert_int_equal(object.meta_count, 1);
    assert_string_equal(s3_object_meta(&object, "ttp-commit"), "a: b");
    assert_null(s3_object_meta(&object, "other"));
}

static void test_an_etag_that_does_not_fit_a_header_is_none(void **state)
{
    char etag[S3_ETAG_BYTES];
    char longest[S3_ETAG_BYTES + 1];
    (void)state;
    memset(longest, 'x', S3_ETAG_BYTES);
    s3_object_set_etag(etag, bytes_view_of(longest, S3_ETAG_BYTES - 1));
    assert_int_equal(strlen(etag), S3_ETAG_BYTES - 1);
    s3_object_set_etag(etag, bytes_view_of(longest, S3_ETAG_BYTES));
    assert_string_equal(etag, "");
    s3_object_set_etag(etag, bytes_view_text("x\r\nhost: y"));
    assert_string_equal(etag, "");
}

static void test_the_size_of_a_part_is_that_of_the_whole(void **state)
{
    (void)state;
    answer.status = 206;
    say("content-length: 5");
    say("content-range: bytes 5-9/100");
    assert_int_equal(s3_object_read(&answer, &object, &error), OK);
    assert_int_equal(object.size_bytes, 100);
}

static void test_an_object_without_a_size_is_none(void **state)
{
    (void)state;
    answer.status = 200;
    assert_int_equal(s3_object_read(&answer, &object, &error), ERR_CORRUPT);
    say("content-length: many");
    assert_int_equal(s3_object_read(&answer, &object, &error), ERR_CORRUPT);
}

static void test_ranges_are_read_strictly(void **state)
{
    static const char *const wrong[] = {
        "",           "bytes",       "bytes 5-4/9", "bytes -4/9",
        "bytes 1-/9", "lines 1-4/9", "bytes 1-4/x", "bytes 0-18446744073709551615/*"};
    uint64_t first, end, size_bytes;
    (void)state;
    assert_true(s3_object_range("bytes 5-9/*", &first, &end, &size_bytes));
    assert_int_equal(first, 5);
    assert_int_equal(end, 10);
    assert_int_equal(size_bytes, UINT64_MAX);
    assert_false(s3_object_range(NULL, &first, &end, &size_bytes));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(s3_object_range(wrong[i], &first, &end, &size_bytes));
}

static void test_dates_of_http(void **state)
{
    int64_t unix_us;
    (void)state;
    assert_true(s3_http_date("Fri, 24 May 2013 00:00:00 GMT", &unix_us));
    assert_int_equal(unix_us, INT64_C(1369353600) * US_PER_SECOND);
    assert_true(s3_http_date("Fri, 31 Dec 9999 23:59:59 GMT", &unix_us));
    assert_int_equal(unix_us, INT64_C(253402300799) * US_PER_SECOND);
    assert_false(s3_http_date("Sat, 01 Jan 10000 00:00:00 GMT", &unix_us));
    assert_false(s3_http_date("Mon, 15 Jan 425568 00:30:00 GMT", &unix_us));
    assert_false(s3_http_date("soon", &unix_us));
    assert_false(s3_http_date(NULL, &unix_us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_headers_tell_of_an_object, tear_down),
        cmocka_unit_test(test_an_etag_that_does_not_fit_a_header_is_none),
        cmocka_unit_test_teardown(test_the_size_of_a_part_is_that_of_the_whole, tear_down),
        cmocka_unit_test_teardown(test_an_object_without_a_size_is_none, tear_down),
        cmocka_unit_test_teardown(test_ranges_are_read_strictly, tear_down),
        cmocka_unit_test_teardown(test_dates_of_http, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
