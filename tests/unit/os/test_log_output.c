// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/log.h"
#include "os/log_output.h"

/* stderr is a small pipe whose reader is the test. */
static int reading_end, saved_stderr;

static int set_up(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    reading_end = ends[0];
    saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    assert_int_equal(log_start_thread(NULL), OK);
    assert_int_equal(log_start_thread(NULL), OK); /* twice does no harm */
    return 0;
}

/* Reads until nothing came for 200 ms, as one text that is the caller's to free. */
static char *read_all(void)
{
    size_t size_bytes = 0;
    char *text = malloc(1 << 20);
    struct pollfd item = {.fd = reading_end, .events = POLLIN};
    while (poll(&item, 1, 200) > 0) {
        ssize_t count = read(reading_end, text + size_bytes, (1 << 20) - 1 - size_bytes);
        assert_true(count > 0);
        size_bytes += (size_t)count;
    }
    text[size_bytes] = '\0';
    return text;
}

static int tear_down(void **state)
{
    (void)state;
    free(read_all());
    log_output_drain(INT64_C(10000000));
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(reading_end);
    return 0;
}

static size_t count_lines(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

static void a_line_is_out_when_the_call_returns(void **state)
{
    (void)state;
    log_event(LOG_INFO, "test", "here", LOG_U("number", 1));
    struct pollfd item = {.fd = reading_end, .events = POLLIN};
    assert_int_equal(poll(&item, 1, 0), 1);
    char *text = read_all();
    assert_int_equal(count_lines(text, "\"message\":\"here\""), 1);
    free(text);
}

/* A reader that hangs: far more is logged than pipe and queue hold. */
static void a_reader_that_hangs_holds_nobody_and_learns_what_it_missed(void **state)
{
    (void)state;
    const uint64_t dropped_before = log_output_get_state().dropped_lines;
    const size_t line_count = 3000;
    for (size_t i = 0; i < line_count; i++) /* would never return from a blocking write */
        log_event(LOG_INFO, "test", "in between", LOG_U("number", i));
    struct log_output_state state_then = log_output_get_state();
    uint64_t dropped = state_then.dropped_lines - dropped_before;
    assert_true(dropped > 0 && dropped < line_count);
    usleep(20000);
    assert_true(log_output_get_state().blocked_us > state_then.blocked_us);

    char *text = read_all();
    assert_int_equal(count_lines(text, "in between") + dropped, line_count);
    char words[64];
    snprintf(words, sizeof words, "\"lines_dropped\":%llu,", (unsigned long long)dropped);
    const char *note = strstr(text, words);
    assert_non_null(note);
    assert_non_null(strstr(text, "\"level\":\"warn\",\"component\":\"log\""));
    assert_null(strstr(note, "in between")); /* it stands where they are missing */
    free(text);

    assert_true(log_output_get_state().blocked_us == 0);
    log_event(LOG_INFO, "test", "again as before", LOG_U("number", 1));
    text = read_all();
    assert_int_equal(count_lines(text, "again as before"), 1);
    free(text);
}

static void a_process_can_end_though_nobody_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++)
        log_event(LOG_INFO, "test", "unread", LOG_U("number", i));
    log_output_drain(10000); /* comes back */
    assert_true(log_output_get_state().blocked_us > 0);
}

static void a_pipe_that_others_made_non_blocking_loses_nothing(void **state)
{
    (void)state;
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
    for (size_t i = 0; i < 100; i++)
        log_event(LOG_INFO, "test", "shared", LOG_U("number", i));
    char *text = read_all();
    assert_int_equal(count_lines(text, "shared"), 100);
    free(text);
}

static void text_for_people_goes_the_same_way_in_parts_that_stay_whole(void **state)
{
    (void)state;
    char *text = malloc(20001);
    memset(text, 'x', 20000);
    log_print(text, 20000);
    log_sentence("can't %s", "do that");
    free(text);
    text = read_all();
    assert_int_equal(strspn(text, "x"), 20000);
    assert_string_equal(text + 20000, "parquet-consumer: can't do that\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_out_when_the_call_returns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_that_hangs_holds_nobody_and_learns_what_it_missed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_can_end_though_nobody_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_that_others_made_non_blocking_loses_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(text_for_people_goes_the_same_way_in_parts_that_stay_whole,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
