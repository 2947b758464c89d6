// SPDX-License-Identifier: Apache-2.0
/* Where credentials come from, as far as nobody is asked: tests/system/test_s3_client.py has the
 * services. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/file.h"
#include "s3/credentials.h"
#include "support/temp_folder.h"

#define SECOND INT64_C(1000000)

static struct s3_credentials *credentials;
static struct s3_http *http;
static struct s3_keys keys;
static struct error error;
static char folder[TEMP_PATH_BYTES];

static struct {
    const char *name;
    const char *value;
} environment[8];

static const char *variable(const char *name)
{
    for (size_t i = 0; i < 8 && environment[i].name != NULL; i++) {
        if (strcmp(environment[i].name, name) == 0)
            return environment[i].value;
    }
    return strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0 ? "true" : NULL;
}

static void set(const char *name, const char *value)
{
    size_t i = 0;
    while (environment[i].name != NULL && strcmp(environment[i].name, name) != 0)
        i++;
    assert_true(i < 8);
    environment[i].name = name;
    environment[i].value = value;
}

static void write_file(const char *text)
{
    temp_write(temp_path(folder, ".aws/credentials"), text, strlen(text));
}

static int set_up(void **state)
{
    const struct s3_http_settings settings = {.connect_timeout_us = SECOND,
                                              .stall_timeout_us = SECOND};
    (void)state;
    memset(environment, 0, sizeof environment);
    temp_folder_make(folder);
    assert_int_equal(os_make_directories(temp_path(folder, ".aws"), NULL, &error), OK);
    set("HOME", folder);
    s3_keys_init(&keys);
    assert_int_equal(s3_http_new(&http, &settings, &error), OK);
    const struct s3_credentials_settings search = {
        .http = http, .variable = variable, .region = "us-east-1"};
    assert_int_equal(s3_credentials_new(&credentials, &search, &error), OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    s3_keys_release(&keys);
    s3_credentials_free(credentials);
    s3_http_free(http);
    temp_folder_remove(folder);
    return 0;
}

static enum error_code take(int64_t now_us, const char *refused_id)
{
    const struct s3_credentials_question question = {.now_us = now_us, .refused_id = refused_id};
    error_clear(&error);
    return s3_credentials_take(credentials, &question, &keys, &error);
}

static void assert_id(int64_t now_us, const char *wanted)
{
    assert_int_equal(take(now_us, NULL), OK);
    assert_string_equal(keys.access_key_id, wanted);
}

static void assert_refused(const char *words)
{
    assert_int_equal(take(0, NULL), ERR_INVALID);
    assert_non_null(strstr(error.message, words));
}

static void test_the_environment_comes_before_the_files(void **state)
{
    (void)state;
    write_file("[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
    set("AWS_ACCESS_KEY_ID", "ENV");
    set("AWS_SECRET_ACCESS_KEY", "secret");
    set("AWS_SESSION_TOKEN", "token");
    assert_id(0, "ENV");
    assert_string_equal(keys.secret_access_key, "secret");
    assert_string_equal(keys.session_token, "token");
}

static void test_half_of_a_pair_is_refused(void **state)
{
    (void)state;
    set("AWS_SECRET_ACCESS_KEY", "very-secret");
    assert_refused("AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID");
    assert_null(strstr(error.message, "very-secret"));
    set("AWS_SECRET_ACCESS_KEY", "");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    assert_refused("without AWS_ROLE_ARN");
}

static void test_files_are_read_again_after_a_minute(void **state)
{
    (void)state;
    write_file("[default]\naws_access_key_id = ONE\naws_secret_access_key = s\n");
    assert_id(0, "ONE");
    write_file("[default]\naws_access_key_id = TWO\naws_secret_access_key = s\n");
    assert_id(59 * SECOND, "ONE");
    assert_id(61 * SECOND, "TWO");
}

static void test_files_that_broke_leave_the_keys_that_were_there(void **state)
{
    (void)state;
    write_file("[default]\naws_access_key_id = ONE\naws_secret_access_key = s\n");
    assert_id(0, "ONE");
    write_file("[default]\naws_access_key_id = with a space\naws_secret_access_key = s\n");
    assert_id(100 * SECOND, "ONE");
}

static void test_refused_keys_are_looked_for_at_once(void **state)
{
    (void)state;
    write_file("[default]\naws_access_key_id = ONE\naws_secret_access_key = s\n");
    assert_id(0, "ONE");
    write_file("[default]\naws_access_key_id = TWO\naws_secret_access_key = s\n");
    assert_int_equal(take(SECOND, "ONE"), OK);
    assert_string_equal(keys.access_key_id, "TWO");
    write_file("");
    assert_int_equal(take(2 * SECOND, "ONE"), OK); /* of another thread's call, before */
    assert_int_equal(take(2 * SECOND, "TWO"), ERR_INVALID);
}

static void test_ways_that_are_not_gone_are_named(void **state)
{
    (void)state;
    write_file("[default]\ncredential_process = /bin/keys\n");
    assert_refused("credential_process");
    write_file("[default]\nsso_session = x\n");
    assert_refused("sso_session");
}

static void test_without_any_it_says_what_to_set(void **state)
{
    (void)state;
    assert_refused("set AWS_ACCESS_KEY_ID");
}

static void test_a_containers_service_is_near_or_speaks_tls(void **state)
{
    (void)state;
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/keys");
    assert_refused("https://");
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1.example.com/keys");
    assert_refused("https://");
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1@example.com/keys");
    assert_refused("https://");
    set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "example.com/keys");
    assert_refused("begin with a /");
}

static void test_keys_that_the_caller_gave_are_the_ones(void **state)
{
    const struct s3_credentials_settings given = {.http = http,
                                                  .variable = variable,
                                                  .region = "us-east-1",
                                                  .access_key_id = "GIVEN",
                                                  .secret_access_key = "secret"};
    (void)state;
    set("AWS_ACCESS_KEY_ID", "ENV");
    set("AWS_SECRET_ACCESS_KEY", "secret");
    s3_credentials_free(credentials);
    assert_int_equal(s3_credentials_new(&credentials, &given, &error), OK);
    assert_id(INT64_MAX / 2, "GIVEN");
    assert_int_equal(take(0, "GIVEN"), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_environment_comes_before_the_files, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_half_of_a_pair_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_are_read_again_after_a_minute, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_broke_leave_the_keys_that_were_there,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_keys_are_looked_for_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_ways_that_are_not_gone_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_any_it_says_what_to_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_containers_service_is_near_or_speaks_tls, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_keys_that_the_caller_gave_are_the_ones, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
