// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static struct store store;
static struct error error;

#define STAGED LAKE_STAGING "/a.inprogress"

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    return store_at(&store, folder, &error) == OK && store_make_staging(&store, &error) == OK ? 0
                                                                                              : -1;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void stage(const char *text)
{
    temp_write(temp_path(folder, STAGED), text, strlen(text));
}

static void a_staged_file_gets_its_name_and_its_folders(void **state)
{
    (void)state;
    static const char *const names[] = {"year=2024/month=01/a.parquet"};
    stage("rows");
    assert_int_equal(store_put(&store, STAGED, names[0], &error), OK);
    assert_int_equal(store_sync_put(&store, names, 1, &error), OK);
    assert_true(store_exists(&store, names[0]));
    assert_false(store_exists(&store, STAGED));
}

static void no_file_is_put_over_another(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text);
    temp_write(temp_path(folder, "a.parquet"), "old", 3);
    stage("new");
    assert_int_equal(store_put(&store, STAGED, "a.parquet", &error), ERR_CONFLICT);
    assert_true(store_exists(&store, STAGED));
    assert_int_equal(store_read_whole(&store, "a.parquet", 10, &text, &error), OK);
    assert_int_equal(text.size_bytes, 3);
    assert_memory_equal(text.data, "old", 3);
    buffer_release(&text);
}

/* For each way to a file: put, removed, moved, opened. */
static void a_name_that_leaves_the_lake_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"../x", "/etc/passwd", "year=2024/../../x", ".."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct store_file file;
        stage("rows");
        assert_int_equal(store_put(&store, STAGED, names[i], &error), ERR_CORRUPT);
        assert_non_null(strstr(error.message, "is no file of the lake"));
        assert_int_equal(store_put(&store, names[i], "a.parquet", &error), ERR_CORRUPT);
        assert_int_equal(store_remove(&store, names[i], &error), ERR_CORRUPT);
        assert_int_equal(store_move_aside(&store, names[i], NULL, &error), ERR_CORRUPT);
        assert_int_equal(store_open(&store, names[i], &file, &error), ERR_CORRUPT);
        store_close(&file);
        assert_false(store_exists(&store, names[i]));
    }
    assert_int_equal(store_check_way(&store, "year=2024/..x/a..b", &error), OK);
}

static void nothing_is_put_removed_or_moved_behind_a_link(void **state)
{
    (void)state;
    char elsewhere[TEMP_PATH_BYTES];
    temp_folder_make(elsewhere);
    temp_write(temp_path(elsewhere, "a.parquet"), "rows", 4);
    assert_int_equal(symlink(elsewhere, temp_path(folder, "year=2024")), 0);
    stage("rows");
    assert_int_equal(store_put(&store, STAGED, "year=2024/b.parquet", &error), ERR_INVALID);
    assert_int_equal(store_remove(&store, "year=2024/a.parquet", &error), ERR_INVALID);
    assert_int_equal(store_move_aside(&store, "year=2024/a.parquet", NULL, &error), ERR_INVALID);
    assert_int_equal(store_check_way(&store, "year=2024/b.parquet", &error), ERR_INVALID);
    assert_true(temp_exists(temp_path(elsewhere, "a.parquet")));
    assert_false(temp_exists(temp_path(elsewhere, "b.parquet")));
    temp_folder_remove(elsewhere);
}

static void what_is_gone_is_as_good_as_removed(void **state)
{
    (void)state;
    static const char *const names[] = {"year=2024/a.parquet"};
    assert_int_equal(store_remove(&store, names[0], &error), OK);
    assert_int_equal(store_sync_changed(&store, names, 1, &error), OK);
}

static void things_of_one_name_are_all_kept_aside(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        temp_write(temp_path(folder, "a.parquet"), "x", 1);
        assert_int_equal(store_move_aside(&store, "a.parquet", NULL, &error), OK);
    }
    assert_true(store_exists(&store, LAKE_DAMAGED "/a.parquet.damaged"));
    assert_true(store_exists(&store, LAKE_DAMAGED "/a.parquet.damaged-2"));
    assert_true(store_exists(&store, LAKE_DAMAGED "/a.parquet.damaged-3"));
    assert_int_equal(store_move_aside(&store, "a.parquet", NULL, &error), ERR_NOT_FOUND);
}

static void a_tidied_folder_has_no_empty_ones(void **state)
{
    (void)state;
    static const char *const made[] = {LAKE_REPLACED,
                                       LAKE_REPLACED "/year=2024",
                                       LAKE_REPLACED "/year=2024/month=01",
                                       LAKE_REPLACED "/year=2024/month=02",
                                       LAKE_REPLACED "/year=2025",
                                       LAKE_REPLACED "/year=2025/a"};
    assert_int_equal(store_tidy(&store, LAKE_REPLACED, &error), OK); /* it is not there */
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        assert_int_equal(mkdir(temp_path(folder, made[i]), 0755), 0);
    temp_write(temp_path(folder, LAKE_REPLACED "/year=2024/month=02/kept"), "x", 1);
    assert_int_equal(store_tidy(&store, LAKE_REPLACED, &error), OK);
    assert_true(store_exists(&store, LAKE_REPLACED "/year=2024/month=02/kept"));
    assert_int_not_equal(access(temp_path(folder, LAKE_REPLACED "/year=2024/month=01"), F_OK), 0);
    assert_int_not_equal(access(temp_path(folder, LAKE_REPLACED "/year=2025"), F_OK), 0);
}

static void nothing_is_tidied_behind_a_link(void **state)
{
    (void)state;
    char elsewhere[TEMP_PATH_BYTES];
    temp_folder_make(elsewhere);
    assert_int_equal(mkdir(temp_path(elsewhere, "empty"), 0755), 0);
    assert_int_equal(symlink(elsewhere, temp_path(folder, LAKE_REPLACED)), 0);
    assert_int_equal(store_tidy(&store, LAKE_REPLACED, &error), ERR_INVALID);
    assert_int_equal(access(temp_path(elsewhere, "empty"), F_OK), 0);
    temp_folder_remove(elsewhere);
}

static void ranges_of_a_file_are_read(void **state)
{
    (void)state;
    struct store_file file;
    char text[3];
    temp_write(temp_path(folder, "a.parquet"), "abcdef", 6);
    assert_int_equal(store_open(&store, "a.parquet", &file, &error), OK);
    assert_int_equal(file.size_bytes, 6);
    assert_int_equal(store_read(&file, 2, text, 3, &error), OK);
    assert_memory_equal(text, "cde", 3);
    assert_int_equal(store_read(&file, 4, text, 3, &error), ERR_CORRUPT);
    store_close(&file);
    assert_int_equal(store_open(&store, "b.parquet", &file, &error), ERR_NOT_FOUND);
    store_close(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_staged_file_gets_its_name_and_its_folders),
        TEST(no_file_is_put_over_another),
        TEST(a_name_that_leaves_the_lake_is_refused),
        TEST(nothing_is_put_removed_or_moved_behind_a_link),
        TEST(what_is_gone_is_as_good_as_removed),
        TEST(things_of_one_name_are_all_kept_aside),
        TEST(a_tidied_folder_has_no_empty_ones),
        TEST(nothing_is_tidied_behind_a_link),
        TEST(ranges_of_a_file_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
