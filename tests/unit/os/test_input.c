// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/input.h"
#include "support/temp_folder.h"

#define LONG_US  INT64_C(20000000)
#define SHORT_US INT64_C(30000)

static char folder[TEMP_PATH_BYTES];
static struct buffer content;
static struct error error;
static bool is_file;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    buffer_init(&content);
    error_clear(&error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_release(&content);
    temp_folder_remove(folder);
    return 0;
}

static enum error_code read_path(const char *path, size_t limit_bytes, int64_t timeout_us)
{
    buffer_reset(&content);
    return os_read_input(path, limit_bytes, timeout_us, &content, &is_file, &error);
}

static void assert_content(const char *text)
{
    assert_int_equal(content.size_bytes, strlen(text));
    assert_memory_equal(content.data, text, content.size_bytes);
}

/* "/dev/fd/N" of the end of a pipe into which `text` was written and which is closed behind it. */
static const char *path_of_pipe(const char *text, int *reading)
{
    static char path[32];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    *reading = ends[0];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    return path;
}

static void a_file_is_read_to_its_end_and_can_be_read_again(void **state)
{
    (void)state;
    temp_write(temp_path(folder, "f"), "one\n", 4);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_path(temp_path(folder, "f"), 4, 0), OK);
        assert_content("one\n");
        assert_true(is_file);
    }
}

static void a_pipe_gives_its_content_once_and_says_so(void **state)
{
    (void)state;
    int reading;
    const char *path = path_of_pipe("from a pipe", &reading);
    assert_int_equal(read_path(path, 100, LONG_US), OK);
    assert_content("from a pipe");
    assert_false(is_file);
    close(reading);
}

static void what_is_no_file_is_refused_where_only_a_file_will_do(void **state)
{
    (void)state;
    int reading;
    const char *path = path_of_pipe("x", &reading);
    assert_int_equal(read_path(path, 100, 0), ERR_INVALID);
    assert_non_null(strstr(error.message, path));
    close(reading);
}

static void a_fifo_that_nobody_writes_to_ends_with_a_sentence(void **state)
{
    (void)state;
    const char *path = temp_path(folder, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_path(path, 100, SHORT_US), ERR_RETRY);
    assert_non_null(strstr(error.message, path));
}

static void more_than_the_limit_is_an_error(void **state)
{
    (void)state;
    int reading;
    temp_write(temp_path(folder, "f"), "12345", 5);
    assert_int_equal(read_path(temp_path(folder, "f"), 4, 0), ERR_LIMIT);
    assert_int_equal(read_path(path_of_pipe("12345", &reading), 4, LONG_US), ERR_LIMIT);
    close(reading);
    assert_int_equal(read_path("/dev/zero", 1000, LONG_US), ERR_LIMIT);
}

static void what_is_not_there_or_no_content_is_named(void **state)
{
    (void)state;
    assert_int_equal(read_path(temp_path(folder, "none"), 4, 0), ERR_NOT_FOUND);
    assert_non_null(strstr(error.message, "none"));
    assert_int_not_equal(read_path(folder, 4, LONG_US), OK);
    assert_non_null(strstr(error.message, folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_read_to_its_end_and_can_be_read_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_gives_its_content_once_and_says_so, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused_where_only_a_file_will_do,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fifo_that_nobody_writes_to_ends_with_a_sentence, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_than_the_limit_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_or_no_content_is_named, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
