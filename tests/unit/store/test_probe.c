// SPDX-License-Identifier: Apache-2.0
/* What a start finds out of the file system and the rights before anything is fetched. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "store/layout.h"
#include "store/lake_lock.h"
#include "store/probe.h"
#include "os/calls.h"
#include "support/fault_calls.h"
#include "support/temp_folder.h"
#include "support/temp_store.h"
#include "catalog/files.h"

static char folder[TEMP_PATH_BYTES];
static struct error error;
static struct os_calls calls;
static int refusal; /* the errno that the call in question gives */

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    assert_int_equal(os_make_directories(temp_path(folder, LAKE_STAGING), NULL, &error), OK);
    error_clear(&error);
    calls = os_calls_real;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_calls_set(NULL);
    temp_folder_remove(folder);
    return 0;
}

static void assert_nothing_left(void)
{
    assert_int_equal(temp_count(folder, "", ""), 0);
}

static int refuse_rename(const char *from, const char *to)
{
    (void)from;
    (void)to;
    errno = refusal;
    return -1;
}

static int replace(const char *from, const char *to)
{
    return os_calls_real.rename(from, to);
}

static int refuse_sync(int fd)
{
    (void)fd;
    errno = refusal;
    return -1;
}

static int grant(int fd)
{
    (void)fd;
    return 0;
}

static int refuse_lock(int fd)
{
    (void)fd;
    errno = refusal;
    return -1;
}

static int may_not_write_catalog(const char *path)
{
    if (strstr(path, "catalog.sqlite") == NULL)
        return os_calls_real.may_write(path);
    errno = refusal;
    return -1;
}

static void a_file_system_that_can_do_it_all_is_fit_and_nothing_is_left_on_it(void **state)
{
    (void)state;
    assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error), OK);
    assert_nothing_left();
}

static void one_that_refuses_names_or_replaces_files_is_no_place_for_a_lake(void **state)
{
    (void)state;
    static const int refusals[] = {EPERM, EINVAL, EXDEV, ENOSYS, EOPNOTSUPP};
    calls.rename_no_replace = refuse_rename;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refusal = refusals[i];
        os_calls_set(&calls);
        assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error),
                         ERR_INVALID);
        assert_non_null(strstr(error.message, folder));
        assert_non_null(strstr(error.message, "without replacing"));
        assert_non_null(strstr(error.message, "local file system"));
        assert_nothing_left();
    }
    calls.rename_no_replace = replace;
    os_calls_set(&calls);
    assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error),
                     ERR_INVALID);
    assert_nothing_left();
}

static void one_that_cannot_sync_folders_is_no_place_either(void **state)
{
    (void)state;
    calls.fsync = refuse_sync;
    refusal = ENOSYS;
    os_calls_set(&calls);
    assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error),
                     ERR_INVALID);
    assert_non_null(strstr(error.message, "sync folders"));
    assert_nothing_left();
}

static void locks_that_are_refused_or_granted_to_everybody_are_no_locks(void **state)
{
    (void)state;
    struct lake_lock lock;
    calls.lock = refuse_lock;
    refusal = ENOLCK;
    os_calls_set(&calls);
    assert_int_equal(lake_lock_take(&lock, temp_store(folder), &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "keeps no locks"));
    calls.lock = grant;
    os_calls_set(&calls);
    assert_int_equal(lake_lock_take(&lock, temp_store(folder), &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "keeps no locks"));
    os_calls_set(NULL);
    assert_int_equal(lake_lock_take(&lock, temp_store(folder), &error), OK);
    lake_lock_release(&lock);
}

static void a_catalog_of_another_user_is_named_with_the_remedy(void **state)
{
    (void)state;
    temp_write(temp_path(folder, LAKE_CATALOG), "x", 1);
    calls.may_write = may_not_write_catalog;
    refusal = EACCES;
    os_calls_set(&calls);
    assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error),
                     ERR_INVALID);
    assert_non_null(strstr(error.message, LAKE_CATALOG));
    assert_non_null(strstr(error.message, "chown -R"));
    refusal = EROFS;
    assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error),
                     ERR_INVALID);
    assert_non_null(strstr(error.message, "read-only"));
}

static void a_full_disk_tells_nothing_and_a_failing_one_is_told_as_it_is(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 3; n++) {
        struct fault_plan plan = {.kind = FAULT_ERRNO, .scope = FAULT_WRITES, .first = n};
        plan.system_errno = ENOSPC;
        fault_begin(&plan);
        assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error),
                         OK);
        fault_end();
        assert_nothing_left();
        plan.system_errno = EIO;
        fault_begin(&plan);
        assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error),
                         ERR_IO);
        fault_end();
        assert_nothing_left();
    }
}

static void
what_a_probe_left_that_was_killed_is_gone_after_the_next_and_others_files_stay(void **state)
{
    (void)state;
    temp_write(temp_path(folder, LAKE_PROBE_STAGED), "", 0);
    temp_write(temp_path(folder, LAKE_PROBE_FINAL), "", 0);
    assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error), OK);
    assert_nothing_left();
    temp_write(temp_path(folder, LAKE_PROBE_FINAL), "somebody's", 10);
    assert_int_equal(lake_probe(temp_store(folder), catalog_parts, CATALOG_PART_COUNT, &error),
                     ERR_CONFLICT);
    assert_true(temp_exists(temp_path(folder, LAKE_PROBE_FINAL)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_system_that_can_do_it_all_is_fit_and_nothing_is_left_on_it),
        TEST(one_that_refuses_names_or_replaces_files_is_no_place_for_a_lake),
        TEST(one_that_cannot_sync_folders_is_no_place_either),
        TEST(locks_that_are_refused_or_granted_to_everybody_are_no_locks),
        TEST(a_catalog_of_another_user_is_named_with_the_remedy),
        TEST(a_full_disk_tells_nothing_and_a_failing_one_is_told_as_it_is),
        TEST(what_a_probe_left_that_was_killed_is_gone_after_the_next_and_others_files_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
