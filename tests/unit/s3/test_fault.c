// SPDX-License-Identifier: Apache-2.0
/* What answers mean. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "s3/fault.h"

static struct s3_answer answer;
static struct s3_fault fault;
static struct error error;

static int tear_down(void **state)
{
    (void)state;
    s3_answer_release(&answer);
    return 0;
}

static void read_fault(int status, const char *code, const char *header)
{
    s3_answer_release(&answer);
    answer.status = status;
    if (code != NULL)
        assert_int_equal(buffer_append_format(&answer.body,
                                              "<Error><Code>%s</Code><Message>Some &lt;words&gt;"
                                              "</Message><Resource>/x</Resource></Error>",
                                              code),
                         OK);
    if (header != NULL)
        assert_int_equal(buffer_append(&answer.headers, header, strlen(header) + 1), OK);
    s3_fault_read(&answer, &fault);
}

static void assert_means(int status, const char *code, enum s3_remedy remedy,
                         enum error_code wanted)
{
    read_fault(status, code, NULL);
    assert_int_equal(fault.remedy, remedy);
    assert_int_equal(s3_fault_error(&fault, &error), wanted);
}

static void test_codes_say_what_to_do(void **state)
{
    (void)state;
    assert_means(503, "SlowDown", S3_FAULT_PASSING, ERR_RETRY);
    assert_means(500, "InternalError", S3_FAULT_PASSING, ERR_RETRY);
    assert_means(400, "RequestTimeout", S3_FAULT_PASSING, ERR_RETRY);
    assert_means(409, "ConditionalRequestConflict", S3_FAULT_PASSING, ERR_RETRY);
    assert_means(412, "PreconditionFailed", S3_FAULT_CONFLICT, ERR_CONFLICT);
    assert_means(404, "NoSuchKey", S3_FAULT_NOT_FOUND, ERR_NOT_FOUND);
    assert_means(404, "NoSuchBucket", S3_FAULT_FINAL, ERR_INVALID);
    assert_means(403, "AccessDenied", S3_FAULT_FINAL, ERR_INVALID);
    assert_means(403, "RequestTimeTooSkewed", S3_FAULT_CLOCK, ERR_INVALID);
    assert_means(400, "ExpiredToken", S3_FAULT_KEYS, ERR_INVALID);
    assert_means(400, "BadDigest", S3_FAULT_DAMAGED, ERR_CORRUPT);
    assert_means(501, "NotImplemented", S3_FAULT_FINAL, ERR_INVALID);
}

static void test_without_a_code_the_status_does(void **state)
{
    (void)state;
    assert_means(503, NULL, S3_FAULT_PASSING, ERR_RETRY);
    assert_means(502, "SomethingNew", S3_FAULT_PASSING, ERR_RETRY);
    assert_means(429, NULL, S3_FAULT_PASSING, ERR_RETRY);
    assert_means(404, NULL, S3_FAULT_NOT_FOUND, ERR_NOT_FOUND);
    assert_means(412, NULL, S3_FAULT_CONFLICT, ERR_CONFLICT);
    assert_means(403, NULL, S3_FAULT_KEYS, ERR_INVALID);
    assert_means(400, NULL, S3_FAULT_FINAL, ERR_INVALID);
    assert_means(301, NULL, S3_FAULT_FINAL, ERR_INVALID);
    assert_means(200, NULL, S3_FAULT_NONE, OK);
    assert_means(204, NULL, S3_FAULT_NONE, OK);
}

static void test_an_error_in_a_good_answer_is_one(void **state)
{
    (void)state;
    assert_means(200, "InternalError", S3_FAULT_PASSING, ERR_RETRY);
    assert_means(200, "AccessDenied", S3_FAULT_FINAL, ERR_INVALID);
    assert_means(200, "SomethingNew", S3_FAULT_PASSING, ERR_RETRY);
}

static void test_messages_have_the_stores_words_and_the_remedy(void **state)
{
    (void)state;
    read_fault(301, "PermanentRedirect", "x-amz-bucket-region: eu-west-1");
    assert_int_equal(s3_fault_error(&fault, &error), ERR_INVALID);
    assert_string_equal(error.message,
                        "the object store answered 301 PermanentRedirect (Some <words>); set "
                        "s3_region to the bucket's region, eu-west-1");
    read_fault(403, NULL, NULL);
    assert_int_equal(s3_fault_error(&fault, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "answered 403; allow"));
}

static void test_a_body_that_is_no_xml_tells_nothing(void **state)
{
    (void)state;
    s3_answer_release(&answer);
    answer.status = 502;
    assert_int_equal(buffer_append_text(&answer.body, "<html><body>Bad gateway<hr></body>"), OK);
    s3_fault_read(&answer, &fault);
    assert_int_equal(fault.remedy, S3_FAULT_PASSING);
    assert_string_equal(fault.code, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_codes_say_what_to_do, tear_down),
        cmocka_unit_test_teardown(test_without_a_code_the_status_does, tear_down),
        cmocka_unit_test_teardown(test_an_error_in_a_good_answer_is_one, tear_down),
        cmocka_unit_test_teardown(test_messages_have_the_stores_words_and_the_remedy, tear_down),
        cmocka_unit_test_teardown(test_a_body_that_is_no_xml_tells_nothing, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
