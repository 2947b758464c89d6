// SPDX-License-Identifier: Apache-2.0
/* What is waited for before a commit goes on: rights and file systems that refuse, inodes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "store/layout.h"
#include "os/calls.h"
#include "os/file.h"
#include "os/log.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;
static struct os_calls calls;
static struct sink *sink;

static int refusal;       /* errno */
static unsigned refusals; /* how often it is still given */
static unsigned asked;
static bool was_seen; /* by whoever reads the stats meanwhile */

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    options = stream_options(folder);
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    calls = os_calls_real;
    asked = 0;
    was_seen = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_calls_set(NULL);
    sink_close(sink);
    temp_folder_remove(folder);
    return 0;
}

static int refuse_rename(const char *from, const char *to)
{
    if (strstr(to, ".parquet") == NULL || refusals == 0)
        return os_calls_real.rename_no_replace(from, to);
    refusals--;
    errno = refusal;
    return -1;
}

static bool look_and_wait(void *context, enum obstacle_kind wait)
{
    struct sink_stats stats;
    (void)context;
    assert_int_equal(wait, OBSTACLE_REFUSAL);
    sink_get_stats(sink, &stats);
    was_seen = was_seen || stats.refused;
    asked++;
    return false;
}

static bool give_up_at_once(void *context, enum obstacle_kind wait)
{
    (void)context;
    asked++;
    return wait == OBSTACLE_REFUSAL;
}

static void what_a_file_system_refuses_to_publish_is_kept_and_tried_until_it_goes(void **state)
{
    (void)state;
    static const int errnos[] = {EXDEV, EPERM, EINVAL, EROFS};
    struct sink_stats stats;
    calls.rename_no_replace = refuse_rename;
    os_calls_set(&calls);
    sink_set_give_up(sink, look_and_wait, NULL);
    for (uint32_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++) {
        refusal = errnos[i];
        refusals = 2;
        asked = 0;
        was_seen = false;
        assert_int_equal(stream_send(sink, &options, 1 + 10 * i, 10 + 10 * i, 10, &error), OK);
        assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
        assert_int_equal(asked, 2);
        assert_true(was_seen);
        sink_get_stats(sink, &stats);
        assert_false(stats.refused);
        assert_int_equal(stats.commits_failed, 0);
    }
    os_calls_set(NULL);
    stream_check_covers(folder, 1, 40);
}

static void a_refusal_that_is_given_up_leaves_the_commit_to_the_next_start(void **state)
{
    (void)state;
    calls.rename_no_replace = refuse_rename;
    refusal = EPERM;
    refusals = 100;
    os_calls_set(&calls);
    sink_set_give_up(sink, give_up_at_once, NULL);
    assert_int_equal(stream_send(sink, &options, 1, 30, 10, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), ERR_CONFLICT);
    assert_int_equal(asked, 1);
    assert_true(sink_keeps_commit(sink));
    assert_non_null(strstr(error.message, "ledgers 1 to 30"));
    assert_non_null(strstr(error.message, "next start publishes it"));
    os_calls_set(NULL);
    sink_close(sink);
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    stream_check_covers(folder, 1, 30);
}

static bool give_up_waiting_for_space(void *context, enum obstacle_kind wait)
{
    (void)context;
    assert_int_equal(wait, OBSTACLE_SPACE);
    return ++asked == 2;
}

/* A stop in the middle of publishing: all is written down, and nothing is fetched twice. */
static void
a_wait_for_a_full_disk_that_is_given_up_leaves_the_commit_to_the_next_start(void **state)
{
    (void)state;
    struct sink_stats stats;
    calls.rename_no_replace = refuse_rename;
    refusal = ENOSPC;
    refusals = 100;
    os_calls_set(&calls);
    sink_set_give_up(sink, give_up_waiting_for_space, NULL);
    assert_int_equal(stream_send(sink, &options, 1, 30, 10, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), ERR_IO);
    assert_int_equal(asked, 2);
    assert_true(sink_keeps_commit(sink));
    assert_non_null(strstr(error.message, "gave up waiting"));
    assert_non_null(strstr(error.message, "next start publishes it"));
    assert_true(os_path_exists(temp_path(folder, LAKE_INTENT)));
    sink_get_stats(sink, &stats);
    assert_int_equal(stats.commits, 0);
    os_calls_set(NULL);
    sink_close(sink);
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    stream_check_covers(folder, 1, 30);
}

static void a_disk_that_fails_is_not_taken_for_one_that_refuses(void **state)
{
    (void)state;
    struct ledger_range lost;
    calls.rename_no_replace = refuse_rename;
    refusal = EIO;
    refusals = 1;
    os_calls_set(&calls);
    sink_set_give_up(sink, look_and_wait, NULL);
    assert_int_equal(stream_send(sink, &options, 1, 30, 10, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), ERR_IO);
    assert_int_equal(asked, 0);
    assert_false(sink_keeps_commit(sink));
    assert_true(sink_take_lost_range(sink, &lost));
}

/* ---- inodes ---- */

static fsfilcnt_t free_inodes, all_inodes;

static int counted_inodes(const char *path, struct statvfs *out)
{
    int result = os_calls_real.statvfs(path, out);
    out->f_files = all_inodes;
    out->f_favail = free_inodes;
    return result;
}

static int no_inodes(const char *path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) == 0 || strstr(path, ".inprogress") == NULL || refusals == 0)
        return os_calls_real.open(path, flags, mode);
    refusals--;
    errno = ENOSPC;
    return -1;
}

static void no_inodes_left_are_called_so(void **state)
{
    (void)state;
    struct os_file file;
    calls.statvfs = counted_inodes;
    calls.open = no_inodes;
    all_inodes = 5000;
    free_inodes = 0;
    refusals = 2;
    os_calls_set(&calls);
    const char *path = temp_path(folder, "x.inprogress");
    assert_int_equal(os_file_open(&file, path, OS_OPEN_CREATE_NEW, &error), ERR_RETRY);
    assert_int_equal(error.system_errno, ENOSPC);
    assert_non_null(strstr(error.message, "no inodes left"));
    free_inodes = 1;
    assert_int_equal(os_file_open(&file, path, OS_OPEN_CREATE_NEW, &error), ERR_RETRY);
    assert_null(strstr(error.message, "inodes"));
}

static bool look_once(void *context)
{
    struct sink_stats stats;
    (void)context;
    sink_get_stats(sink, &stats);
    was_seen = was_seen || stats.intake_paused;
    free_inodes = asked++ < 2 ? free_inodes : 1000;
    return false;
}

static void intake_pauses_while_fewer_than_1000_inodes_are_free(void **state)
{
    (void)state;
    sink_close(sink);
    options.min_free_disk_bytes = 1;
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    calls.statvfs = counted_inodes;
    all_inodes = 5000;
    free_inodes = 999;
    os_calls_set(&calls);
    sink_set_stopping(sink, look_once, NULL);
    assert_int_equal(stream_send(sink, &options, 1, 30, 30, &error), OK);
    assert_true(was_seen);
    /* One that does not count inodes has enough of them. */
    all_inodes = free_inodes = 0;
    was_seen = false;
    assert_int_equal(stream_send(sink, &options, 31, 40, 30, &error), OK);
    assert_false(was_seen);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_file_system_refuses_to_publish_is_kept_and_tried_until_it_goes),
        TEST(a_refusal_that_is_given_up_leaves_the_commit_to_the_next_start),
        TEST(a_wait_for_a_full_disk_that_is_given_up_leaves_the_commit_to_the_next_start),
        TEST(a_disk_that_fails_is_not_taken_for_one_that_refuses),
        TEST(no_inodes_left_are_called_so),
        TEST(intake_pauses_while_fewer_than_1000_inodes_are_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
