// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "source/credentials.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES], path[TEMP_PATH_BYTES], reference[TEMP_PATH_BYTES + 8];
static struct credentials credentials;
static struct error error;
static bool changed;

static void put(const char *text)
{
    remove(path);
    temp_write(path, text, strlen(text));
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(path, sizeof path, "%s", temp_path(folder, "token"));
    snprintf(reference, sizeof reference, "file:%s", path);
    credentials = (struct credentials){.count = 0};
    error_clear(&error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    credentials_release(&credentials);
    temp_folder_remove(folder);
    return 0;
}

static void assert_refused(const char *text, const char *words)
{
    char *value = NULL;
    bool again;
    put(text);
    assert_int_not_equal(credential_read(reference, 0, &value, &again, &error), OK);
    assert_null(value);
    assert_non_null(strstr(error.message, words));
    assert_null(strstr(error.message, "hunter2"));
}

/* One header that never changes and one that stands in the file. */
static enum error_code init(const char *value)
{
    const struct source_header headers[] = {{"x-key", "constant", NULL},
                                            {"authorization", value, reference}};
    return credentials_init(&credentials, headers, 2, &error);
}

static void a_value_in_a_file_is_read_without_its_line_end(void **state)
{
    (void)state;
    char *value;
    bool again;
    put("Bearer one\r\n");
    assert_int_equal(credential_read(reference, 0, &value, &again, &error), OK);
    assert_string_equal(value, "Bearer one");
    assert_true(again);
    credential_free(value);
}

static void what_can_be_no_value_is_an_error_that_does_not_show_it(void **state)
{
    (void)state;
    char *value;
    bool again;
    assert_refused("", "is empty");
    assert_refused("\n\n", "is empty");
    setenv("TTP_TEST_EMPTY", "", 1);
    assert_int_equal(credential_read("env:TTP_TEST_EMPTY", 0, &value, &again, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "TTP_TEST_EMPTY is empty"));
    unsetenv("TTP_TEST_EMPTY");
    char *long_text = malloc(20001);
    memset(long_text, 'x', 20000);
    memcpy(long_text, "hunter2", 7);
    long_text[20000] = '\0';
    assert_refused(long_text, path);
    free(long_text);
}

static void a_renewed_value_is_found_at_the_next_reading(void **state)
{
    (void)state;
    put("Bearer one\n");
    assert_int_equal(init("Bearer one"), OK);
    assert_int_equal(credentials_read_again(&credentials, &changed, &error), OK);
    assert_false(changed);
    put("Bearer two\n");
    assert_int_equal(credentials_read_again(&credentials, &changed, &error), OK);
    assert_true(changed);
    assert_string_equal(credentials.headers[0].value, "constant");
    assert_string_equal(credentials.headers[1].value, "Bearer two");
}

static void a_variable_is_read_again_too(void **state)
{
    (void)state;
    const struct source_header header = {"x-key", "one", "env:TTP_TEST_KEY"};
    setenv("TTP_TEST_KEY", "two", 1);
    assert_int_equal(credentials_init(&credentials, &header, 1, &error), OK);
    assert_int_equal(credentials_read_again(&credentials, &changed, &error), OK);
    assert_true(changed);
    assert_string_equal(credentials.headers[0].value, "two");
    unsetenv("TTP_TEST_KEY");
}

static void a_value_that_cannot_be_had_now_is_a_passing_fault_and_the_old_one_stays(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "hunter2\nhunter2", " hunter2"};
    assert_int_equal(init("Bearer one"), OK);
    remove(path);
    assert_int_equal(credentials_read_again(&credentials, &changed, &error), ERR_RETRY);
    assert_int_equal(error.code, ERR_RETRY);
    assert_non_null(strstr(error.message, "authorization"));
    assert_non_null(strstr(error.message, path));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put(bad[i]);
        assert_int_equal(credentials_read_again(&credentials, &changed, &error), ERR_RETRY);
        assert_null(strstr(error.message, "hunter2"));
        assert_string_equal(credentials.headers[1].value, "Bearer one");
    }
    remove(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(credentials_read_again(&credentials, &changed, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "not a regular file"));
}

static void every_failed_allocation_is_told_and_nothing_leaks(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 1};
    put("Bearer two\n");
    while (sweep_next(&sweep)) {
        sweep_begin(&sweep);
        enum error_code code = init("Bearer one");
        if (code == OK)
            code = credentials_read_again(&credentials, &changed, &error);
        (void)sweep_end(&sweep, code);
        credentials_release(&credentials);
    }
    assert_true(sweep.failures > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_in_a_file_is_read_without_its_line_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_can_be_no_value_is_an_error_that_does_not_show_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_renewed_value_is_found_at_the_next_reading, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_variable_is_read_again_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_value_that_cannot_be_had_now_is_a_passing_fault_and_the_old_one_stays, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(every_failed_allocation_is_told_and_nothing_leaks, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
