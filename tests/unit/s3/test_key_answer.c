// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "s3/key_answer.h"
#include "support/allocation_sweep.h"
#include "util/json_text.h"
#include "util/text.h"

static struct s3_keys keys;
static struct error error;

static const char machine[] =
    "{\"Code\": \"Success\", \"LastUpdated\": \"2024-01-15T12:00:00Z\", \"Type\": \"AWS-HMAC\", "
    "\"AccessKeyId\": \"ASIA1\", \"SecretAccessKey\": \"s/e+c=\", \"Token\": \"t==\", "
    "\"Expiration\": \"2024-01-15T12:30:00Z\"}";
static const char sts[] =
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
    "<AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>x</SubjectFromWebIdentityToken>"
    "<Credentials><SessionToken>t==</SessionToken><SecretAccessKey>s/e+c=</SecretAccessKey>"
    "<Expiration>2024-01-15T12:30:00Z</Expiration><AccessKeyId>ASIA1</AccessKeyId></Credentials>"
    "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

static int set_up(void **state)
{
    (void)state;
    s3_keys_init(&keys);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    s3_keys_release(&keys);
    return 0;
}

static void assert_keys(void)
{
    assert_string_equal(keys.access_key_id, "ASIA1");
    assert_string_equal(keys.secret_access_key, "s/e+c=");
    assert_string_equal(keys.session_token, "t==");
    assert_int_equal(keys.expires_us, INT64_C(1705321800) * US_PER_SECOND);
}

static void test_a_machines_answer_is_read(void **state)
{
    (void)state;
    assert_int_equal(s3_keys_from_json(bytes_view_text(machine), &keys, &error), OK);
    assert_keys();
}

static void test_an_answer_of_sts_is_read(void **state)
{
    (void)state;
    assert_int_equal(s3_keys_from_sts(bytes_view_text(sts), &keys, &error), OK);
    assert_keys();
}

static void test_keys_without_a_token_or_an_end_are_keys(void **state)
{
    (void)state;
    assert_int_equal(
        s3_keys_from_json(bytes_view_text("{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\"}"),
                          &keys, &error),
        OK);
    assert_null(keys.session_token);
    assert_int_equal(keys.expires_us, INT64_MAX);
}

static void test_answers_without_keys_are_refused_and_change_nothing(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"AccessKeyId\": \"a\"}",
        "{\"AccessKeyId\": 1, \"SecretAccessKey\": \"b\"}",
        "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"with a space\"}",
        "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"line\\nend\"}",
        "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Expiration\": \"soon\"}",
        "{\"Code\": \"Failed\", \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\"}"};
    (void)state;
    assert_int_equal(s3_keys_from_json(bytes_view_text(machine), &keys, &error), OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(s3_keys_from_json(bytes_view_text(wrong[i]), &keys, &error), ERR_CORRUPT);
        assert_int_equal(s3_keys_from_sts(bytes_view_text(wrong[i]), &keys, &error), ERR_CORRUPT);
        assert_null(strstr(error.message, "with a space"));
    }
    assert_int_equal(s3_keys_from_sts(bytes_view_text("<Error/>"), &keys, &error), ERR_CORRUPT);
    assert_keys();
}

static void test_copies_are_the_same_until_one_changes(void **state)
{
    struct s3_keys copy;
    (void)state;
    s3_keys_init(&copy);
    assert_int_equal(s3_keys_from_json(bytes_view_text(machine), &keys, &error), OK);
    assert_int_equal(s3_keys_copy(&copy, &keys), OK);
    assert_true(s3_keys_are_same(&copy, &keys));
    assert_int_equal(s3_keys_set(&copy.session_token, bytes_view_text("u"), "it", &error), OK);
    assert_false(s3_keys_are_same(&copy, &keys));
    s3_keys_release(&copy);
    assert_false(s3_keys_are_same(&copy, &keys));
}

static void test_a_lack_of_memory_is_told(void **state)
{
    struct allocation_sweep sweep = {0};
    (void)state;
    json_text_use_our_memory();
    while (sweep_next(&sweep)) {
        sweep_begin(&sweep);
        enum error_code code = s3_keys_from_json(bytes_view_text(machine), &keys, &error);
        if (code == OK)
            code = s3_keys_from_sts(bytes_view_text(sts), &keys, &error);
        sweep_stop(&sweep);
        s3_keys_release(&keys);
        sweep_end(&sweep, code);
    }
    assert_true(sweep.failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_machines_answer_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_answer_of_sts_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_without_a_token_or_an_end_are_keys, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_answers_without_keys_are_refused_and_change_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copies_are_the_same_until_one_changes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_lack_of_memory_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
