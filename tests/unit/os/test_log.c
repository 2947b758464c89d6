// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "os/log_repeats.h"

static int64_t fixed_time(void)
{
    return INT64_C(1705320000000000);
}

static const struct os_clock fixed_clock = {fixed_time, fixed_time};

/* Runs one log call with stderr going to a file; the text of it is the caller's to free. */
static char *captured(enum log_level level, const char *message, const struct log_field *fields,
                      unsigned field_count)
{
    char path[] = "/tmp/ttp-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    int saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    log_write(level, "test", message, fields, field_count);
    dup2(saved, STDERR_FILENO);
    close(saved);
    char *text = calloc(1, 65536);
    ssize_t size = pread(fd, text, 65535, 0);
    assert_true(size >= 0);
    close(fd);
    unlink(path);
    return text;
}

static void a_json_line_has_time_level_component_message_and_fields(void **state)
{
    (void)state;
    os_clock_set(&fixed_clock);
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    const struct log_field fields[] = {LOG_U("commit_no", 7), LOG_T("path", "a \"b\"\n"),
                                       LOG_D("rate", 1.5), LOG_B("live", true), LOG_I("delta", -3)};
    char *text = captured(LOG_WARN, "committed", fields, 5);
    assert_string_equal(text, "{\"time\":\"2024-01-15T12:00:00Z\",\"level\":\"warn\","
                              "\"component\":\"test\",\"message\":\"committed\",\"commit_no\":7,"
                              "\"path\":\"a \\\"b\\\"\\u000a\",\"rate\":1.5,\"live\":true,"
                              "\"delta\":-3}\n");
    free(text);
    os_clock_set(NULL);
}

static void a_text_line_quotes_only_what_needs_it_and_draws_nothing(void **state)
{
    (void)state;
    os_clock_set(&fixed_clock);
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    const struct log_field fields[] = {LOG_T("path", "a/b"), LOG_T("words", "two words")};
    char *text = captured(LOG_INFO, "hello\x1b[2J", fields, 2);
    assert_string_equal(
        text, "2024-01-15T12:00:00Z INFO  test: hello?[2J path=a/b words=\"two words\"\n");
    free(text);
    os_clock_set(NULL);
}

static void bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    char *text = captured(LOG_INFO, "a\xff\xc3", NULL, 0);
    assert_non_null(strstr(text, "\"message\":\"a\xef\xbf\xbd\xef\xbf\xbd\"}"));
    free(text);
}

static void hidden_characters_do_not_reach_the_reader_of_a_log(void **state)
{
    (void)state;
    static const char words[] = "a\xe2\x80\xae"
                                "b\xc2\x9b"
                                "c\xe2\x80\xa8";
    const struct log_field field = LOG_T("path", words);
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    char *text = captured(LOG_INFO, words, &field, 1);
    assert_non_null(strstr(
        text, "\"message\":\"a\\u202eb\\u009bc\\u2028\",\"path\":\"a\\u202eb\\u009bc\\u2028\"}"));
    free(text);
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    text = captured(LOG_INFO, words, &field, 1);
    assert_non_null(strstr(text, " test: a?b?c? path=a?b?c?\n"));
    free(text);
}

static void a_line_too_long_is_cut_and_stays_one_json_object(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    char *huge = malloc(10000);
    memset(huge, '\x01', 9999);
    huge[9999] = '\0';
    const struct log_field fields[] = {LOG_U("after", 1)};
    char *text = captured(LOG_INFO, huge, fields, 1);
    assert_true(strlen(text) <= 4096);
    assert_string_equal(text + strlen(text) - 3, "\"}\n");
    free(text);
    free(huge);
}

static void lines_below_the_level_are_counted_but_not_written(void **state)
{
    (void)state;
    log_configure(LOG_ERROR, LOG_FORMAT_JSON);
    uint64_t before = log_warning_count();
    char *text = captured(LOG_WARN, "quiet", NULL, 0);
    assert_string_equal(text, "");
    assert_int_equal(log_warning_count(), before + 1);
    free(text);
}

static int64_t later_us;

static int64_t later(void)
{
    return INT64_C(1705320000000000) + later_us;
}

static void what_repeats_is_held_back_and_counted(void **state)
{
    (void)state;
    static const struct os_clock moving_clock = {later, later};
    os_clock_set(&moving_clock);
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    uint64_t before = log_warning_count();
    for (int i = 0; i < LOG_REPEATS_BURST + 30; i++) {
        char *text = captured(LOG_WARN, "again and again", NULL, 0);
        assert_int_equal(text[0] == '{', i < LOG_REPEATS_BURST);
        assert_null(strstr(text, "repeats_left_out"));
        free(text);
    }
    assert_int_equal(log_warning_count(), before + LOG_REPEATS_BURST + 30);
    char *text = captured(LOG_WARN, "something else", NULL, 0);
    assert_int_equal(text[0], '{');
    free(text);
    for (int i = 0; i < LOG_REPEATS_BURST + 1; i++) { /* good news come as often as they like */
        text = captured(LOG_INFO, "committed", NULL, 0);
        assert_int_equal(text[0], '{');
        free(text);
    }
    later_us = LOG_REPEATS_WINDOW_US;
    const struct log_field field = LOG_U("ledger", 5);
    text = captured(LOG_WARN, "again and again", &field, 1);
    assert_non_null(strstr(text, "\"ledger\":5,\"repeats_left_out\":30}"));
    free(text);
    text = captured(LOG_WARN, "again and again", &field, 1);
    assert_null(strstr(text, "repeats_left_out"));
    free(text);
    later_us = 0;
    os_clock_set(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_has_time_level_component_message_and_fields),
        cmocka_unit_test(a_text_line_quotes_only_what_needs_it_and_draws_nothing),
        cmocka_unit_test(bytes_that_are_not_utf8_become_replacement_characters),
        cmocka_unit_test(hidden_characters_do_not_reach_the_reader_of_a_log),
        cmocka_unit_test(a_line_too_long_is_cut_and_stays_one_json_object),
        cmocka_unit_test(lines_below_the_level_are_counted_but_not_written),
        cmocka_unit_test(what_repeats_is_held_back_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
