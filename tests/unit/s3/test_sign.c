// SPDX-License-Identifier: Apache-2.0
/* The examples that AWS publishes: "Signature Calculations for the Authorization Header:
 * Transferring Payload in a Single Chunk (AWS Signature Version 4)", Amazon S3 API Reference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "s3/hash.h"
#include "s3/sign.h"
#include "support/allocation_sweep.h"
#include "util/text.h"

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct s3_signing example(const char *method, const char *path, const char *query,
                                 const struct s3_pair *headers, size_t header_count)
{
    return (struct s3_signing){.method = method,
                               .path = path,
                               .query = query,
                               .headers = headers,
                               .header_count = header_count,
                               .payload_hex = EMPTY_HASH,
                               .region = "us-east-1",
                               .service = "s3",
                               .access_key_id = "AKIAIOSFODNN7EXAMPLE",
                               .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
}

static void assert_signature(const struct s3_signing *signing, const char *signed_headers,
                             const char *signature)
{
    struct buffer out, wanted;
    buffer_init(&out);
    buffer_init(&wanted);
    assert_int_equal(s3_sign(signing, "20130524T000000Z", &out), OK);
    assert_int_equal(
        buffer_append_format(&wanted,
                             "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/"
                             "s3/aws4_request,SignedHeaders=%s,Signature=%s",
                             signed_headers, signature),
        OK);
    assert_int_equal(out.size_bytes, wanted.size_bytes);
    assert_memory_equal(out.data, wanted.data, wanted.size_bytes);
    buffer_release(&out);
    buffer_release(&wanted);
}

static void test_get_object(void **state)
{
    const struct s3_pair headers[] = {{"x-amz-date", "20130524T000000Z"},
                                      {"host", "examplebucket.s3.amazonaws.com"},
                                      {"x-amz-content-sha256", EMPTY_HASH},
                                      {"range", "bytes=0-9"}};
    struct s3_signing signing = example("GET", "/test.txt", "", headers, 4);
    (void)state;
    assert_signature(&signing, "host;range;x-amz-content-sha256;x-amz-date",
                     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void test_put_object(void **state)
{
    static const char hash[] = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    const struct s3_pair headers[] = {{"host", "examplebucket.s3.amazonaws.com"},
                                      {"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                      {"x-amz-date", "20130524T000000Z"},
                                      {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                      {"x-amz-content-sha256", hash}};
    struct s3_signing signing = example("PUT", "/test%24file.text", "", headers, 5);
    signing.payload_hex = hash;
    (void)state;
    assert_signature(&signing, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void test_get_bucket_lifecycle(void **state)
{
    const struct s3_pair headers[] = {{"host", "examplebucket.s3.amazonaws.com"},
                                      {"x-amz-date", "20130524T000000Z"},
                                      {"x-amz-content-sha256", EMPTY_HASH}};
    struct s3_signing signing = example("GET", "/", "lifecycle=", headers, 3);
    (void)state;
    assert_signature(&signing, "host;x-amz-content-sha256;x-amz-date",
                     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void test_list_objects(void **state)
{
    const struct s3_pair headers[] = {{"host", "examplebucket.s3.amazonaws.com"},
                                      {"x-amz-date", "20130524T000000Z"},
                                      {"x-amz-content-sha256", EMPTY_HASH}};
    struct s3_signing signing = example("GET", "/", "max-keys=2&prefix=J", headers, 3);
    (void)state;
    assert_signature(&signing, "host;x-amz-content-sha256;x-amz-date",
                     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void test_dates_are_those_of_utc(void **state)
{
    char date[S3_DATE_BYTES];
    (void)state;
    s3_sign_date(INT64_C(1369353600) * US_PER_SECOND, date);
    assert_string_equal(date, "20130524T000000Z");
    s3_sign_date(INT64_C(1735689599) * US_PER_SECOND + 999999, date);
    assert_string_equal(date, "20241231T235959Z");
}

static void test_the_hash_of_a_put_example(void **state)
{
    uint8_t hash[S3_SHA256_BYTES];
    char hex[2 * S3_SHA256_BYTES + 1];
    (void)state;
    assert_int_equal(s3_sha256(bytes_view_text("Welcome to Amazon S3."), hash), OK);
    hex_encode(bytes_view_of(hash, sizeof hash), hex);
    assert_string_equal(hex, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
    assert_int_equal(s3_sha256(bytes_view_of(NULL, 0), hash), OK);
    hex_encode(bytes_view_of(hash, sizeof hash), hex);
    assert_string_equal(hex, EMPTY_HASH);
}

static void test_too_many_headers_are_refused(void **state)
{
    struct s3_pair headers[S3_SIGNED_HEADERS_MAX + 1];
    struct buffer out;
    (void)state;
    buffer_init(&out);
    for (size_t i = 0; i < S3_SIGNED_HEADERS_MAX + 1; i++)
        headers[i] = (struct s3_pair){"x", "y"};
    struct s3_signing signing = example("GET", "/", "", headers, S3_SIGNED_HEADERS_MAX + 1);
    assert_int_equal(s3_sign(&signing, "20130524T000000Z", &out), ERR_LIMIT);
    buffer_release(&out);
}

static void test_a_lack_of_memory_is_told(void **state)
{
    const struct s3_pair headers[] = {{"host", "h"}, {"x-amz-date", "20130524T000000Z"}};
    struct s3_signing signing = example("GET", "/", "", headers, 2);
    struct allocation_sweep sweep = {0};
    (void)state;
    while (sweep_next(&sweep)) {
        struct buffer out;
        buffer_init(&out);
        sweep_begin(&sweep);
        enum error_code code = s3_sign(&signing, "20130524T000000Z", &out);
        sweep_stop(&sweep);
        buffer_release(&out);
        sweep_end(&sweep, code);
    }
    assert_true(sweep.failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_object),
        cmocka_unit_test(test_put_object),
        cmocka_unit_test(test_get_bucket_lifecycle),
        cmocka_unit_test(test_list_objects),
        cmocka_unit_test(test_dates_are_those_of_utc),
        cmocka_unit_test(test_the_hash_of_a_put_example),
        cmocka_unit_test(test_too_many_headers_are_refused),
        cmocka_unit_test(test_a_lack_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
