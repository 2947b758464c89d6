// SPDX-License-Identifier: Apache-2.0
/* Making a client, which asks nobody. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "s3/client.h"
#include "support/allocation_sweep.h"

static struct error error;

static const char *nothing(const char *name)
{
    (void)name;
    return NULL;
}

static const struct s3_options options = {.bucket = "bucket",
                                          .prefix = "lake/",
                                          .endpoint = "http://127.0.0.1:9",
                                          .ca_file = "/etc/ca",
                                          .access_key_id = "test",
                                          .secret_access_key = "very-secret",
                                          .session_token = "token",
                                          .variable = nothing};

static void test_a_client_knows_its_place_and_has_asked_nobody(void **state)
{
    struct s3_client *client;
    (void)state;
    assert_int_equal(s3_client_new(&client, &options, &error), OK);
    assert_string_equal(s3_client_url(client), "s3://bucket/lake");
    assert_int_equal(s3_client_conditions(client), S3_CONDITIONS_UNKNOWN);
    assert_int_equal(s3_client_counts(client).requests, 0);
    s3_client_free(client);
    s3_client_free(NULL);
}

static void test_what_can_not_be_right_is_refused(void **state)
{
    struct s3_options wrong = options;
    struct s3_client *client;
    (void)state;
    wrong.secret_access_key = "very secret";
    assert_int_equal(s3_client_new(&client, &wrong, &error), ERR_INVALID);
    assert_null(client);
    assert_null(strstr(error.message, "very secret"));
    wrong.secret_access_key = NULL;
    assert_int_equal(s3_client_new(&client, &wrong, &error), ERR_INVALID);
    wrong = options;
    wrong.bucket = "no bucket";
    assert_int_equal(s3_client_new(&client, &wrong, &error), ERR_INVALID);
    assert_null(client);
}

static void test_a_lack_of_memory_is_told(void **state)
{
    struct allocation_sweep sweep = {0};
    (void)state;
    while (sweep_next(&sweep)) {
        struct s3_client *client;
        sweep_begin(&sweep);
        enum error_code code = s3_client_new(&client, &options, &error);
        sweep_stop(&sweep);
        s3_client_free(client);
        sweep_end(&sweep, code);
    }
    assert_true(sweep.failures > 0);
}

/* Nobody listens there: all of a request is made, and the connection fails at once. */
static void test_a_lack_of_memory_on_the_way_to_a_request_is_told(void **state)
{
    const struct s3_patience once = {0};
    struct allocation_sweep sweep = {.may_keep = true, .may_succeed = true};
    struct s3_client *client;
    (void)state;
    assert_int_equal(s3_client_new(&client, &options, &error), OK);
    while (sweep_next(&sweep)) {
        sweep_begin(&sweep);
        enum error_code code = s3_delete(client, "a name", &once, &error);
        sweep_end(&sweep, code == ERR_RETRY ? OK : code);
    }
    assert_true(sweep.failures > 0);
    s3_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client_knows_its_place_and_has_asked_nobody),
        cmocka_unit_test(test_what_can_not_be_right_is_refused),
        cmocka_unit_test(test_a_lack_of_memory_is_told),
        cmocka_unit_test(test_a_lack_of_memory_on_the_way_to_a_request_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
