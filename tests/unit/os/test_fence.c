// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fence.h"
#include "os/file.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static struct error error;

/* lake/_lake/staging is a real folder, outside/precious a file that nobody may touch. */
static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    error_clear(&error);
    assert_int_equal(os_make_directories(temp_path(folder, "lake/_lake/staging"), NULL, &error),
                     OK);
    assert_int_equal(os_make_directories(temp_path(folder, "outside"), NULL, &error), OK);
    temp_write(temp_path(folder, "outside/precious"), "precious", 8);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void make_link(const char *target, const char *name)
{
    assert_int_equal(symlink(temp_path(folder, target), temp_path(folder, name)), 0);
}

static void assert_refused(enum error_code code, const char *what)
{
    assert_int_equal(code, ERR_INVALID);
    assert_non_null(strstr(error.message, what));
    error_clear(&error);
}

static void assert_untouched(void)
{
    struct buffer content;
    buffer_init(&content);
    assert_int_equal(os_read_whole(temp_path(folder, "outside/precious"), 100, &content, &error),
                     OK);
    assert_int_equal(content.size_bytes, 8);
    assert_memory_equal(content.data, "precious", 8);
    buffer_release(&content);
    assert_int_equal(temp_count(folder, "outside/", ""), 1);
}

static void no_call_passes_a_folder_of_ours_that_is_a_link(void **state)
{
    (void)state;
    const char *const says = "_lake/damaged is a link";
    struct os_file file;
    struct buffer content;
    bool made;
    char inside[TEMP_PATH_BYTES], other[TEMP_PATH_BYTES];
    buffer_init(&content);
    make_link("outside", "lake/_lake/damaged");
    snprintf(inside, sizeof inside, "%s", temp_path(folder, "lake/_lake/damaged/precious"));
    snprintf(other, sizeof other, "%s", temp_path(folder, "lake/_lake/staging/other"));
    temp_write(other, "x", 1);
    assert_refused(os_file_open(&file, inside, OS_OPEN_READ, &error), says);
    assert_refused(os_file_open(&file, inside, OS_OPEN_READ_WRITE, &error), says);
    assert_refused(os_file_open(&file, temp_path(folder, "lake/_lake/damaged/new"),
                                OS_OPEN_CREATE_NEW, &error),
                   says);
    assert_refused(os_read_whole(inside, 100, &content, &error), says);
    assert_refused(os_write_atomically(inside, bytes_view_text("y"), &error), says);
    assert_refused(os_unlink(inside, &error), says);
    os_discard(inside);
    assert_refused(os_rename_no_replace(inside, temp_path(folder, "lake/y"), &error), says);
    assert_refused(os_rename_no_replace(other, temp_path(folder, "lake/_lake/damaged/new"), &error),
                   says);
    assert_refused(os_make_directories(temp_path(folder, "lake/_lake/damaged/new"), &made, &error),
                   says);
    assert_refused(os_make_directories(temp_path(folder, "lake/_lake/damaged"), &made, &error),
                   says);
    assert_refused(os_sync_directory(temp_path(folder, "lake/_lake/damaged"), &error), says);
    assert_untouched();
}

static void no_call_follows_a_file_of_ours_that_is_a_link(void **state)
{
    (void)state;
    struct os_file file;
    char path[TEMP_PATH_BYTES];
    make_link("outside/precious", "lake/_lake/lock");
    make_link("outside/precious", "lake/_lake/lake.json.inprogress");
    make_link("outside/none", "lake/_lake/staging/dangling");
    snprintf(path, sizeof path, "%s", temp_path(folder, "lake/_lake/lock"));
    assert_refused(os_file_open(&file, path, OS_OPEN_READ, &error), "lock is a link");
    assert_refused(os_file_open(&file, path, OS_OPEN_READ_WRITE, &error), "lock is a link");
    assert_refused(os_refuse_no_file(path, &error), "lock is a link");
    assert_true(os_path_exists(path));
    assert_false(os_is_regular_file(path));
    assert_refused(os_write_atomically(temp_path(folder, "lake/_lake/lake.json"),
                                       bytes_view_text("y"), &error),
                   "lake.json.inprogress is a link");
    assert_refused(os_file_open(&file, temp_path(folder, "lake/_lake/staging/dangling"),
                                OS_OPEN_CREATE_NEW, &error),
                   "dangling is a link");
    assert_untouched();
    /* The link itself may go. */
    assert_int_equal(os_unlink(path, &error), OK);
    assert_untouched();
}

static void a_lake_folder_that_is_a_link_is_refused_itself(void **state)
{
    (void)state;
    struct os_file file;
    assert_int_equal(mkdir(temp_path(folder, "elsewhere"), 0755), 0);
    make_link("lake/_lake", "elsewhere/_lake");
    temp_write(temp_path(folder, "lake/_lake/lock"), "", 0);
    assert_refused(
        os_file_open(&file, temp_path(folder, "elsewhere/_lake/lock"), OS_OPEN_READ, &error),
        "elsewhere/_lake is a link");
    assert_true(os_path_exists(temp_path(folder, "elsewhere/_lake")));
}

static void links_in_front_of_the_fence_are_the_operators(void **state)
{
    (void)state;
    struct os_file file;
    make_link("lake", "way");
    temp_write(temp_path(folder, "lake/_lake/lock"), "text", 4);
    assert_int_equal(
        os_file_open(&file, temp_path(folder, "way/_lake//lock"), OS_OPEN_READ, &error), OK);
    os_file_release(&file);
    assert_int_equal(os_rename_no_replace(temp_path(folder, "way/_lake/lock"),
                                          temp_path(folder, "way/_lake/staging/l"), &error),
                     OK);
    /* A name that only begins like it is no fence, nor is one that is left again. */
    make_link("outside/precious", "lake/_lakes");
    assert_int_equal(os_file_open(&file, temp_path(folder, "lake/_lakes"), OS_OPEN_READ, &error),
                     OK);
    os_file_release(&file);
    assert_int_equal(
        os_file_open(&file, temp_path(folder, "lake/_lake/../_lakes"), OS_OPEN_READ, &error), OK);
    os_file_release(&file);
}

static void what_has_a_second_name_elsewhere_is_not_written_in_place(void **state)
{
    (void)state;
    const char *const says = "has a second name (a hard link)";
    struct os_file file;
    char lock[TEMP_PATH_BYTES], precious[TEMP_PATH_BYTES];
    snprintf(lock, sizeof lock, "%s", temp_path(folder, "lake/_lake/lock"));
    snprintf(precious, sizeof precious, "%s", temp_path(folder, "outside/precious"));
    assert_int_equal(os_refuse_second_name(lock, &error), OK); /* nothing there */
    assert_int_equal(link(precious, lock), 0);
    assert_refused(os_file_open(&file, lock, OS_OPEN_READ_WRITE, &error), says);
    assert_refused(os_refuse_second_name(lock, &error), says);
    assert_untouched();
    /* It may be read, replaced and deleted; and what an operator names is the operator's. */
    assert_int_equal(os_file_open(&file, lock, OS_OPEN_READ, &error), OK);
    os_file_release(&file);
    assert_int_equal(os_write_atomically(lock, bytes_view_text("y"), &error), OK);
    assert_int_equal(os_file_open(&file, lock, OS_OPEN_READ_WRITE, &error), OK);
    os_file_release(&file);
    assert_int_equal(link(precious, temp_path(folder, "lake/recording")), 0);
    assert_int_equal(
        os_file_open(&file, temp_path(folder, "lake/recording"), OS_OPEN_READ_WRITE, &error), OK);
    os_file_release(&file);
    assert_untouched();
}

static void a_pipe_in_a_files_place_is_refused_and_never_waited_for(void **state)
{
    (void)state;
    struct os_file file;
    char inside[TEMP_PATH_BYTES], in_front[TEMP_PATH_BYTES];
    snprintf(inside, sizeof inside, "%s", temp_path(folder, "lake/_lake/staging/intent.json"));
    snprintf(in_front, sizeof in_front, "%s", temp_path(folder, "lake/data.parquet"));
    assert_int_equal(mkfifo(inside, 0644), 0);
    assert_int_equal(mkfifo(in_front, 0644), 0);
    assert_refused(os_file_open(&file, inside, OS_OPEN_READ, &error), "is a pipe");
    assert_refused(os_file_open(&file, inside, OS_OPEN_READ_WRITE, &error), "is a pipe");
    assert_refused(os_refuse_no_file(inside, &error), "is a pipe");
    assert_refused(os_file_open(&file, in_front, OS_OPEN_READ, &error), "is a pipe");
    assert_refused(os_file_open(&file, folder, OS_OPEN_READ, &error), "is a folder");
    assert_refused(os_refuse_no_file(in_front, &error), "not a file");
    assert_int_equal(os_refuse_no_file(temp_path(folder, "none"), &error), OK);
}

static void an_atomic_write_replaces_links_and_leftovers_and_follows_none(void **state)
{
    (void)state;
    make_link("outside/precious", "report.json.inprogress");
    make_link("outside/precious", "report.json");
    assert_int_equal(
        os_write_atomically(temp_path(folder, "report.json"), bytes_view_text("y"), &error), OK);
    assert_true(os_is_regular_file(temp_path(folder, "report.json")));
    assert_untouched();
}

static void what_is_changed_below_a_root_lies_behind_no_link(void **state)
{
    (void)state;
    char root[TEMP_PATH_BYTES];
    snprintf(root, sizeof root, "%s", temp_path(folder, "lake"));
    make_link("outside", "lake/year=2023");
    assert_refused(os_refuse_linked_folders(root, "year=2023/f.parquet", &error),
                   "lake/year=2023 is a link");
    assert_refused(os_refuse_linked_folders(root, "year=2023/month=01/f.parquet", &error),
                   "lake/year=2023 is a link");
    assert_int_equal(os_refuse_linked_folders(root, "year=2024/month=01/f", &error), OK);
    assert_int_equal(os_refuse_linked_folders(root, "year=2023", &error), OK); /* the link itself */
    assert_int_equal(os_refuse_linked_folders(root, "f", &error), OK);
}

static enum error_code count_file(void *context, const char *relative_path, uint64_t size_bytes,
                                  struct error *unused)
{
    (void)relative_path;
    (void)size_bytes;
    (void)unused;
    ++*(int *)context;
    return OK;
}

static bool follow(void *context, const char *relative_path)
{
    (void)context;
    return strcmp(relative_path, "not-this") != 0;
}

static void a_walk_follows_links_out_of_its_root_where_it_is_told_to(void **state)
{
    (void)state;
    int count = 0;
    struct os_walker walker = {.context = &count, .visit = count_file};
    char root[TEMP_PATH_BYTES];
    snprintf(root, sizeof root, "%s", temp_path(folder, "lake"));
    make_link("outside", "lake/year=2023");
    make_link("outside", "lake/not-this");
    make_link("lake", "lake/itself");
    make_link("lake/_lake", "lake/part");
    make_link("", "lake/above");
    make_link("outside/precious", "lake/file");
    make_link("lake", "outside/back");
    assert_int_equal(os_walk(root, &walker, &error), OK);
    assert_int_equal(count, 0);
    walker.follow = follow;
    assert_int_equal(os_walk(root, &walker, &error), OK);
    assert_int_equal(count, 1);
}

static void a_walk_refuses_what_is_no_file_within_the_fence(void **state)
{
    (void)state;
    int count = 0;
    const struct os_walker walker = {.context = &count, .visit = count_file, .follow = follow};
    char staging[TEMP_PATH_BYTES];
    snprintf(staging, sizeof staging, "%s", temp_path(folder, "lake/_lake/staging"));
    make_link("outside", "lake/_lake/staging/sub");
    assert_refused(os_walk(staging, &walker, &error), "staging/sub is a link");
    assert_int_equal(unlink(temp_path(folder, "lake/_lake/staging/sub")), 0);
    assert_int_equal(mkfifo(temp_path(folder, "lake/_lake/staging/p"), 0644), 0);
    assert_refused(os_walk(staging, &walker, &error), "staging/p is a pipe");
    make_link("outside", "lake/_lake/damaged");
    assert_refused(os_walk(temp_path(folder, "lake/_lake/damaged"), &walker, &error),
                   "_lake/damaged is a link");
    assert_int_equal(count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_call_passes_a_folder_of_ours_that_is_a_link),
        TEST(no_call_follows_a_file_of_ours_that_is_a_link),
        TEST(a_lake_folder_that_is_a_link_is_refused_itself),
        TEST(links_in_front_of_the_fence_are_the_operators),
        TEST(what_has_a_second_name_elsewhere_is_not_written_in_place),
        TEST(a_pipe_in_a_files_place_is_refused_and_never_waited_for),
        TEST(an_atomic_write_replaces_links_and_leftovers_and_follows_none),
        TEST(what_is_changed_below_a_root_lies_behind_no_link),
        TEST(a_walk_follows_links_out_of_its_root_where_it_is_told_to),
        TEST(a_walk_refuses_what_is_no_file_within_the_fence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
