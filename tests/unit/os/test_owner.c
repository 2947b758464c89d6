// SPDX-License-Identifier: Apache-2.0
/* Whose the files are that root makes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/calls.h"
#include "os/file.h"
#include "os/owner.h"
#include "support/temp_folder.h"

#define SERVICE_USER 10001

static char folder[TEMP_PATH_BYTES];
static struct error error;
static uid_t user; /* that this process seems to be */
static unsigned given;
static uid_t given_to;

static uid_t seeming_user(void)
{
    return user;
}

/* The test's folder, and nothing else, belongs to the service's user; files are the user's. */
static int owned_stat(const char *path, struct stat *out)
{
    int result = os_calls_real.stat(path, out);
    out->st_uid = strcmp(path, folder) == 0 ? SERVICE_USER : user;
    return result;
}

static int owned_fstat(int fd, struct stat *out)
{
    int result = os_calls_real.fstat(fd, out);
    out->st_uid = user;
    return result;
}

static int note_owner(int fd, uid_t to, gid_t group)
{
    (void)fd;
    (void)group;
    given++;
    given_to = to;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    static struct os_calls calls;
    temp_folder_make(folder);
    calls = os_calls_real;
    calls.geteuid = seeming_user;
    calls.stat = owned_stat;
    calls.fstat = owned_fstat;
    calls.fchown = note_owner;
    os_calls_set(&calls);
    user = 0;
    given = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_calls_set(NULL);
    temp_folder_remove(folder);
    return 0;
}

static void make_file(const char *path, enum os_open_mode mode)
{
    struct os_file file;
    assert_int_equal(os_file_open(&file, path, mode, &error), OK);
    os_file_release(&file);
}

static void what_root_makes_in_another_users_folder_belongs_to_that_user(void **state)
{
    (void)state;
    make_file(temp_path(folder, "new"), OS_OPEN_CREATE_NEW);
    assert_int_equal(given, 1);
    assert_int_equal(given_to, SERVICE_USER);
    make_file(temp_path(folder, "lock"), OS_OPEN_READ_WRITE);
    assert_int_equal(given, 2);
    assert_int_equal(os_make_directories(temp_path(folder, "year=2024"), NULL, &error), OK);
    assert_int_equal(given, 3);
    assert_int_equal(
        os_write_atomically(temp_path(folder, "lake.json"), bytes_view_text("{}"), &error), OK);
    assert_int_equal(given, 4);
}

static void nothing_is_given_away_by_other_users_or_when_it_is_only_read(void **state)
{
    (void)state;
    make_file(temp_path(folder, "new"), OS_OPEN_CREATE_NEW);
    given = 0;
    make_file(temp_path(folder, "new"), OS_OPEN_READ);
    user = SERVICE_USER + 1;
    make_file(temp_path(folder, "lock"), OS_OPEN_READ_WRITE);
    assert_int_equal(os_make_directories(temp_path(folder, "year=2024"), NULL, &error), OK);
    assert_int_equal(given, 0);
}

static void a_file_with_a_second_name_is_never_given_away(void **state)
{
    (void)state;
    temp_write(temp_path(folder, "elsewhere"), "x", 1);
    assert_int_equal(link(temp_path(folder, "elsewhere"), temp_path(folder, "lock")), 0);
    make_file(temp_path(folder, "lock"), OS_OPEN_READ_WRITE);
    assert_int_equal(given, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_root_makes_in_another_users_folder_belongs_to_that_user),
        TEST(nothing_is_given_away_by_other_users_or_when_it_is_only_read),
        TEST(a_file_with_a_second_name_is_never_given_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
