// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "util/error.h"

static void an_error_carries_code_and_sentence(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(error_set(&error, ERR_CONFLICT, "%s is locked", "lake"), ERR_CONFLICT);
    assert_int_equal(error.code, ERR_CONFLICT);
    assert_string_equal(error.message, "lake is locked");
    error_clear(&error);
    assert_int_equal(error.code, OK);
    assert_string_equal(error.message, "");
}

static void a_system_error_names_its_cause(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(error_set_errno(&error, ENOSPC, "can't write %s", "x.parquet"), ERR_IO);
    assert_int_equal(error.system_errno, ENOSPC);
    assert_string_equal(error.message, "can't write x.parquet: No space left on device");
    assert_int_equal(error_set_errno(&error, ENOMEM, "can't map"), ERR_NO_MEMORY);
    assert_int_equal(error_no_memory(&error, "a batch"), ERR_NO_MEMORY);
    assert_string_equal(error.message, "out of memory for a batch");
}

static void context_stands_in_front(void **state)
{
    (void)state;
    struct error error;
    error_set(&error, ERR_CORRUPT, "the footer is cut short");
    assert_int_equal(error_prefix(&error, ERR_IO, "%s: ", "a.parquet"), ERR_CORRUPT);
    assert_string_equal(error.message, "a.parquet: the footer is cut short");
}

static void a_caller_without_an_error_gets_the_code(void **state)
{
    (void)state;
    error_clear(NULL);
    assert_int_equal(error_set(NULL, ERR_LIMIT, "x"), ERR_LIMIT);
    assert_int_equal(error_set_errno(NULL, ENOMEM, "x"), ERR_NO_MEMORY);
    assert_int_equal(error_set_errno(NULL, EIO, "x"), ERR_IO);
    assert_int_equal(error_prefix(NULL, ERR_AGAIN, "x"), ERR_AGAIN);
}

static void a_sentence_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct error error;
    char text[2 * ERROR_MESSAGE_BYTES];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    error_set(&error, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_BYTES - 1);
    error_prefix(&error, ERR_INVALID, "prefix: ");
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_BYTES - 1);
    assert_memory_equal(error.message, "prefix: xxx", 11);
    error_set_errno(&error, EIO, "%s", text);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_BYTES - 1);
}

static void every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = OK; a <= ERR_CONFLICT; a++) {
        assert_string_not_equal(error_code_name((enum error_code)a), "unknown");
        for (int b = OK; b < a; b++)
            assert_string_not_equal(error_code_name((enum error_code)a),
                                    error_code_name((enum error_code)b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_carries_code_and_sentence),
        cmocka_unit_test(a_system_error_names_its_cause),
        cmocka_unit_test(context_stands_in_front),
        cmocka_unit_test(a_caller_without_an_error_gets_the_code),
        cmocka_unit_test(a_sentence_that_is_too_long_is_cut),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
