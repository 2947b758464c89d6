// SPDX-License-Identifier: Apache-2.0
/* Deletion waits for a running backup, and a backup for a deletion. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commit/backup_lock.h"
#include "os/calls.h"
#include "os/clock.h"
#include "os/identity.h"
#include "support/temp_folder.h"
#include "support/temp_store.h"

static char folder[TEMP_PATH_BYTES];
static struct backup_lock backup, deletion;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    backup_lock_init(&backup);
    backup_lock_init(&deletion);
    error_clear(&error);
    return mkdir(temp_path(folder, LAKE_FOLDER), 0755);
}

static int tear_down(void **state)
{
    (void)state;
    os_clock_set(NULL);
    os_calls_set(NULL); /* before anything is released by those of a test that has ended */
    backup_lock_release(&backup);
    backup_lock_release(&deletion);
    temp_folder_remove(folder);
    return 0;
}

static enum error_code back_up(const char *destination)
{
    return backup_lock_share(&backup, temp_store(folder), destination, &error);
}

static enum error_code delete (void) {
    return backup_lock_delete(&deletion, temp_store(folder), &error);
}

static void a_deletion_goes_on_where_no_backup_runs(void **state)
{
    (void)state;
    assert_int_equal(delete (), OK);
    backup_lock_release(&deletion);
    assert_int_equal(delete (), OK);
}

static void a_deletion_is_put_off_while_a_backup_runs_and_names_its_process(void **state)
{
    (void)state;
    char process[64];
    snprintf(process, sizeof process, "process %lld on host ", (long long)os_process_id());
    assert_int_equal(back_up("/mnt/copy"), OK);
    assert_int_equal(delete (), ERR_CONFLICT);
    assert_non_null(strstr(error.message, process));
    assert_non_null(strstr(error.message, ", to /mnt/copy)"));
    backup_lock_release(&backup);
    assert_int_equal(delete (), OK);
}

static void backups_run_beside_each_other_and_each_is_named(void **state)
{
    (void)state;
    struct backup_lock second;
    assert_int_equal(back_up("/mnt/one"), OK);
    assert_int_equal(backup_lock_share(&second, temp_store(folder), "/mnt/two", &error), OK);
    assert_int_equal(delete (), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "to /mnt/one; process "));
    assert_non_null(strstr(error.message, "to /mnt/two)"));
    backup_lock_release(&backup);
    assert_int_equal(delete (), ERR_CONFLICT);
    backup_lock_release(&second);
    assert_int_equal(delete (), OK);
    backup_lock_release(&deletion);
    assert_int_equal(back_up("/mnt/three"), OK); /* the names of those that ended are gone */
    assert_int_equal(delete (), ERR_CONFLICT);
    assert_null(strstr(error.message, "/mnt/one"));
}

static void a_backup_that_was_killed_holds_nothing_off(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(back_up("/mnt/copy") == OK ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(delete (), OK);
}

static int64_t leap_us;

static int64_t leaping_us(void)
{
    leap_us += BACKUP_LOCK_PATIENCE_US / 3;
    return leap_us;
}

static void a_backup_waits_for_a_deletion_but_not_for_ever(void **state)
{
    (void)state;
    struct os_clock clock = {.monotonic_us = leaping_us, .realtime_us = leaping_us};
    assert_int_equal(delete (), OK);
    os_clock_set(&clock);
    assert_int_equal(back_up("/mnt/copy"), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "files of the lake are being deleted"));
}

/* The deletion ends when the backup has asked for the third time. */
static int asked;

static int end_deletion_then_lock(int fd)
{
    if (++asked == 3)
        backup_lock_release(&deletion);
    return os_calls_real.lock_shared(fd);
}

static void a_backup_begins_when_the_deletion_has_ended(void **state)
{
    (void)state;
    struct os_calls calls = os_calls_real;
    calls.lock_shared = end_deletion_then_lock;
    asked = 0;
    assert_int_equal(delete (), OK);
    os_calls_set(&calls);
    assert_int_equal(back_up("/mnt/copy"), OK);
    assert_int_equal(asked, 3);
}

static int refuse_room(int fd, off_t size_bytes)
{
    (void)fd;
    (void)size_bytes;
    errno = ENOSPC;
    return -1;
}

static void a_full_disk_holds_no_backup_up(void **state)
{
    (void)state;
    struct os_calls calls = os_calls_real;
    calls.ftruncate = refuse_room;
    os_calls_set(&calls);
    assert_int_equal(back_up("/mnt/copy"), OK);
    assert_int_equal(delete (), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "(another process)"));
}

static int refuse_open(const char *path, int flags, mode_t mode)
{
    (void)path;
    (void)flags;
    (void)mode;
    errno = EACCES;
    return -1;
}

static void who_may_only_read_the_lake_is_told_so(void **state)
{
    (void)state;
    struct os_calls calls = os_calls_real;
    calls.open = refuse_open;
    os_calls_set(&calls);
    assert_int_equal(back_up("/mnt/copy"), ERR_INVALID);
    assert_non_null(strstr(error.message, "run this as the lake's owner"));
}

static void a_link_in_the_place_of_the_lock_is_refused(void **state)
{
    (void)state;
    assert_int_equal(symlink("/dev/null", temp_path(folder, LAKE_BACKUP_LOCK)), 0);
    assert_int_equal(back_up("/mnt/copy"), ERR_INVALID);
    assert_int_equal(delete (), ERR_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_deletion_goes_on_where_no_backup_runs),
        TEST(a_deletion_is_put_off_while_a_backup_runs_and_names_its_process),
        TEST(backups_run_beside_each_other_and_each_is_named),
        TEST(a_backup_that_was_killed_holds_nothing_off),
        TEST(a_backup_waits_for_a_deletion_but_not_for_ever),
        TEST(a_backup_begins_when_the_deletion_has_ended),
        TEST(a_full_disk_holds_no_backup_up),
        TEST(who_may_only_read_the_lake_is_told_so),
        TEST(a_link_in_the_place_of_the_lock_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
