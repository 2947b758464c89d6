// SPDX-License-Identifier: Apache-2.0
/* Where a bucket is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "s3/settings.h"

static struct s3_settings settings;
static struct error error;
static const char *region_variable, *endpoint_variable;

static const char *variable(const char *name)
{
    if (strcmp(name, "AWS_REGION") == 0)
        return region_variable;
    return strcmp(name, "AWS_ENDPOINT_URL_S3") == 0 ? endpoint_variable : NULL;
}

static int set_up(void **state)
{
    (void)state;
    settings = (struct s3_settings){0};
    region_variable = endpoint_variable = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    s3_settings_release(&settings);
    return 0;
}

static void assert_place(struct s3_options options, const char *origin, const char *path)
{
    s3_settings_release(&settings);
    if (options.bucket == NULL)
        options.bucket = "bucket";
    assert_int_equal(s3_settings_find(&settings, &options, variable, &error), OK);
    assert_string_equal(settings.origin, origin);
    assert_string_equal(settings.path, path);
    assert_string_equal(strstr(settings.origin, "://") + 3, settings.host);
}

static void test_amazons_endpoints_are_those_of_the_region(void **state)
{
    (void)state;
    assert_place((struct s3_options){0}, "https://bucket.s3.us-east-1.amazonaws.com", "");
    region_variable = "eu-west-1";
    assert_place((struct s3_options){0}, "https://bucket.s3.eu-west-1.amazonaws.com", "");
    assert_place((struct s3_options){.region = "cn-north-1"},
                 "https://bucket.s3.cn-north-1.amazonaws.com.cn", "");
    assert_place((struct s3_options){.path_style = true}, "https://s3.eu-west-1.amazonaws.com",
                 "/bucket");
}

static void test_a_bucket_with_a_dot_does_not_fit_the_certificate(void **state)
{
    (void)state;
    assert_place((struct s3_options){.bucket = "my.bucket"}, "https://s3.us-east-1.amazonaws.com",
                 "/my.bucket");
}

static void test_other_endpoints(void **state)
{
    (void)state;
    assert_place((struct s3_options){.endpoint = "https://account.r2.cloudflarestorage.com/"},
                 "https://bucket.account.r2.cloudflarestorage.com", "");
    assert_place((struct s3_options){.endpoint = "http://127.0.0.1:9000"}, "http://127.0.0.1:9000",
                 "/bucket");
    assert_place((struct s3_options){.endpoint = "http://[::1]:9000"}, "http://[::1]:9000",
                 "/bucket");
    assert_place((struct s3_options){.endpoint = "https://host/storage/v1/s3/", .path_style = true},
                 "https://host", "/storage/v1/s3/bucket");
    assert_place((struct s3_options){.endpoint = "https://minio:443", .path_style = true},
                 "https://minio", "/bucket");
    assert_place((struct s3_options){.endpoint = "http://minio:80", .path_style = true},
                 "http://minio", "/bucket");
    endpoint_variable = "http://garage:3900";
    assert_place((struct s3_options){0}, "http://bucket.garage:3900", "");
}

static void test_what_can_not_be_right_is_refused_with_the_remedy(void **state)
{
    static const struct s3_options wrong[] = {
        {.bucket = "b"},
        {.bucket = "a bucket"},
        {.bucket = "bucket", .endpoint = "minio:9000"},
        {.bucket = "bucket", .endpoint = "ftp://minio"},
        {.bucket = "bucket", .endpoint = "https://"},
        {.bucket = "bucket", .endpoint = "https://user:pass@minio"},
        {.bucket = "bucket", .endpoint = "https://minio/a?b"},
        {.bucket = "bucket", .region = "a region"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error_clear(&error);
        assert_int_equal(s3_settings_find(&settings, &wrong[i], variable, &error), ERR_INVALID);
        assert_true(error.message[0] != '\0');
        assert_null(settings.bucket);
    }
}

static void assert_split(const char *url, const char *wanted_bucket, const char *wanted_prefix)
{
    char bucket[256], prefix[256];
    assert_true(s3_url_is(url));
    assert_int_equal(s3_url_split(url, bucket, prefix, &error), OK);
    assert_string_equal(bucket, wanted_bucket);
    assert_string_equal(prefix, wanted_prefix);
}

static void test_urls_are_split(void **state)
{
    char bucket[256], prefix[256];
    (void)state;
    assert_split("s3://bucket", "bucket", "");
    assert_split("s3://bucket/", "bucket", "");
    assert_split("s3://bucket/a/b//", "bucket", "a/b");
    assert_split("s3://bucket//a", "bucket", "a");
    assert_false(s3_url_is("/data/s3://x"));
    assert_false(s3_url_is("S3://bucket"));
    assert_int_equal(s3_url_split("s3:///a", bucket, prefix, &error), ERR_INVALID);
    assert_int_equal(s3_url_split("data", bucket, prefix, &error), ERR_INVALID);
}

static void test_the_urls_of_clients_have_no_slash_behind_them(void **state)
{
    (void)state;
    assert_place((struct s3_options){.prefix = "/a/b/"},
                 "https://bucket.s3.us-east-1.amazonaws.com", "");
    assert_string_equal(settings.prefix, "a/b");
    assert_string_equal(settings.url, "s3://bucket/a/b");
    assert_place((struct s3_options){0}, "https://bucket.s3.us-east-1.amazonaws.com", "");
    assert_string_equal(settings.url, "s3://bucket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_amazons_endpoints_are_those_of_the_region, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_bucket_with_a_dot_does_not_fit_the_certificate,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_endpoints, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_can_not_be_right_is_refused_with_the_remedy,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_urls_are_split, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_urls_of_clients_have_no_slash_behind_them, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
