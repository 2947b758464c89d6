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
#include <sys/wait.h>
#include <unistd.h>

#include "os/calls.h"
#include "os/file.h"
#include "os/identity.h"
#include "support/fault_calls.h"
#include "support/temp_folder.h"
#include "util/memory.h"

static char folder[TEMP_PATH_BYTES];
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    error_clear(&error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_calls_set(NULL);
    temp_folder_remove(folder);
    return 0;
}

static void assert_content(const char *path, const char *text)
{
    struct buffer content;
    buffer_init(&content);
    assert_int_equal(os_read_whole(path, 1000, &content, &error), OK);
    assert_int_equal(content.size_bytes, strlen(text));
    assert_memory_equal(content.data, text, content.size_bytes);
    buffer_release(&content);
}

static void what_is_written_at_an_offset_is_read_there(void **state)
{
    (void)state;
    struct os_file file;
    char back[5] = "";
    size_t written;
    uint64_t size_bytes;
    assert_int_equal(os_file_open(&file, temp_path(folder, "f"), OS_OPEN_CREATE_NEW, &error), OK);
    assert_int_equal(os_file_write(&file, 10, "hello", 5, &written, &error), OK);
    assert_int_equal(written, 5);
    assert_int_equal(os_file_size(&file, &size_bytes, &error), OK);
    assert_int_equal(size_bytes, 15);
    assert_int_equal(os_file_read(&file, 10, back, 5, &error), OK);
    assert_memory_equal(back, "hello", 5);
    assert_int_equal(os_file_read(&file, 12, back, 5, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "ends early"));
    assert_int_equal(os_file_sync(&file, &error), OK);
    assert_int_equal(os_file_close(&file, &error), OK);
    os_file_release(&file);
}

static void open_modes_mean_what_they_say(void **state)
{
    (void)state;
    struct os_file file;
    char path[TEMP_PATH_BYTES];
    snprintf(path, sizeof path, "%s", temp_path(folder, "f"));
    assert_int_equal(os_file_open(&file, path, OS_OPEN_READ, &error), ERR_NOT_FOUND);
    assert_int_equal(error.system_errno, ENOENT);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(os_file_open(&file, path, OS_OPEN_READ_WRITE, &error), OK);
    os_file_release(&file);
    assert_int_equal(os_file_open(&file, path, OS_OPEN_CREATE_NEW, &error), ERR_CONFLICT);
    assert_int_equal(file.fd, -1);
}

/* A kernel that interrupts and shortens. */
static unsigned calls_made;

static ssize_t stingy_pwrite(int fd, const void *data, size_t size_bytes, off_t offset)
{
    if (calls_made++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return os_calls_real.pwrite(fd, data, size_bytes > 3 ? 3 : size_bytes, offset);
}

static ssize_t stingy_pread(int fd, void *data, size_t size_bytes, off_t offset)
{
    if (calls_made++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return os_calls_real.pread(fd, data, size_bytes > 2 ? 2 : size_bytes, offset);
}

static void short_transfers_and_interruptions_are_made_good(void **state)
{
    (void)state;
    struct os_calls calls = os_calls_real;
    struct os_file file;
    size_t written;
    char back[26];
    calls.pwrite = stingy_pwrite;
    calls.pread = stingy_pread;
    calls_made = 0;
    os_calls_set(&calls);
    assert_int_equal(os_file_open(&file, temp_path(folder, "f"), OS_OPEN_CREATE_NEW, &error), OK);
    assert_int_equal(os_file_write(&file, 0, "abcdefghijklmnopqrstuvwxyz", 26, &written, &error),
                     OK);
    assert_int_equal(os_file_read(&file, 0, back, 26, &error), OK);
    assert_memory_equal(back, "abcdefghijklmnopqrstuvwxyz", 26);
    assert_true(calls_made > 40);
    os_file_release(&file);
}

static int full_errno;

static ssize_t full_after_four(int fd, const void *data, size_t size_bytes, off_t offset)
{
    if (offset >= 4) {
        errno = full_errno;
        return -1;
    }
    return os_calls_real.pwrite(fd, data, size_bytes > 4 ? 4 : size_bytes, offset);
}

static void a_full_disk_says_how_far_it_got(void **state)
{
    (void)state;
    static const int full[] = {ENOSPC, EDQUOT};
    struct os_calls calls = os_calls_real;
    struct os_file file;
    size_t written = 0;
    calls.pwrite = full_after_four;
    for (size_t i = 0; i < 2; i++) {
        const char *path = temp_path(folder, i == 0 ? "f" : "g");
        full_errno = full[i];
        os_calls_set(&calls);
        assert_int_equal(os_file_open(&file, path, OS_OPEN_CREATE_NEW, &error), OK);
        assert_int_equal(os_file_write(&file, 0, "0123456789", 10, &written, &error), ERR_RETRY);
        assert_int_equal(written, 4);
        assert_int_equal(error.system_errno, full[i]);
        os_calls_set(NULL);
        assert_int_equal(os_file_write(&file, 4, "456789", 6, &written, &error), OK);
        assert_content(file.path, "0123456789");
        os_file_release(&file);
    }
}

/* Whoever may open a file may lock it. */
static void who_may_not_write_a_file_may_not_lock_it_either(void **state)
{
    (void)state;
    static const struct {
        mode_t before, after;
    } modes[] = {{0644, 0600}, {0664, 0660}, {0666, 0666}, {0640, 0600}, {0646, 0606}};
    struct os_file file;
    struct stat info;
    assert_int_equal(os_file_open(&file, temp_path(folder, "f"), OS_OPEN_CREATE_NEW, &error), OK);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(fchmod(file.fd, modes[i].before), 0);
        os_file_keep_from_readers(&file);
        assert_int_equal(fstat(file.fd, &info), 0);
        assert_int_equal(info.st_mode & 07777, modes[i].after);
    }
    os_file_release(&file);
}

static void an_atomic_write_is_all_or_nothing(void **state)
{
    (void)state;
    char path[TEMP_PATH_BYTES];
    snprintf(path, sizeof path, "%s", temp_path(folder, "f"));
    for (uint64_t n = 1;; n++) {
        struct fault_plan plan = {
            .kind = FAULT_ERRNO, .scope = FAULT_ALL, .system_errno = EIO, .first = n};
        assert_int_equal(os_write_atomically(path, bytes_view_text("old"), &error), OK);
        fault_begin(&plan);
        enum error_code code = os_write_atomically(path, bytes_view_text("newer"), &error);
        fault_end();
        if (!fault_was_met()) {
            assert_int_equal(code, OK);
            assert_content(path, "newer");
            assert_true(n >= 6); /* open, truncate, write, sync, rename, sync of the directory */
            break;
        }
        assert_int_equal(code, ERR_IO);
        struct stat info;
        assert_int_equal(stat(path, &info), 0);
        assert_content(path, info.st_size == 3 ? "old" : "newer");
        assert_int_equal(temp_count(folder, "", ".inprogress"), 0);
    }
}

static void a_rename_never_replaces(void **state)
{
    (void)state;
    char from[TEMP_PATH_BYTES], to[TEMP_PATH_BYTES];
    snprintf(from, sizeof from, "%s", temp_path(folder, "from"));
    snprintf(to, sizeof to, "%s", temp_path(folder, "to"));
    temp_write(from, "mine", 4);
    temp_write(to, "theirs", 6);
    assert_int_equal(os_rename_no_replace(from, to, &error), ERR_CONFLICT);
    assert_content(to, "theirs");
    assert_int_equal(os_unlink(to, &error), OK);
    assert_int_equal(os_unlink(to, &error), ERR_NOT_FOUND);
    assert_int_equal(os_rename_no_replace(from, to, &error), OK);
    assert_content(to, "mine");
}

static void directories_are_made_with_their_parents_once(void **state)
{
    (void)state;
    bool created;
    char path[TEMP_PATH_BYTES];
    snprintf(path, sizeof path, "%s", temp_path(folder, "a/b//c"));
    assert_int_equal(os_make_directories(path, &created, &error), OK);
    assert_true(created);
    assert_int_equal(os_make_directories(path, &created, &error), OK);
    assert_false(created);
    assert_int_equal(os_sync_directories_up_to(path, folder, &error), OK);
    temp_write(temp_path(folder, "file"), "", 0);
    assert_int_equal(os_make_directories(temp_path(folder, "file/x"), &created, &error), ERR_IO);
    assert_int_equal(error.system_errno, ENOTDIR);
}

struct syncs {
    char paths[512];
};
static struct syncs syncs;

static int note_sync(int fd)
{
    char link[64], path[TEMP_PATH_BYTES];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    assert_true(length > 0);
    path[length] = '\0';
    size_t at = strlen(syncs.paths);
    snprintf(syncs.paths + at, sizeof syncs.paths - at, "%.100s ", path + strlen(folder));
    return 0;
}

static void every_directory_up_to_the_top_is_synced(void **state)
{
    (void)state;
    struct os_calls calls = os_calls_real;
    calls.fsync = note_sync;
    syncs.paths[0] = '\0';
    assert_int_equal(os_make_directories(temp_path(folder, "a/b/c"), NULL, &error), OK);
    os_calls_set(&calls);
    assert_int_equal(os_sync_directories_up_to(temp_path(folder, "a/b/c"), folder, &error), OK);
    assert_string_equal(syncs.paths, "/a/b/c /a/b /a  ");
}

static void paths_are_joined_and_cut(void **state)
{
    (void)state;
    char out[OS_PATH_BYTES], longest[OS_PATH_BYTES];
    assert_int_equal(os_path_join(out, "a", "b", &error), OK);
    assert_string_equal(out, "a/b");
    assert_int_equal(os_path_join(out, "a/", "b", &error), OK);
    assert_string_equal(out, "a/b");
    assert_int_equal(os_path_join(out, "", "b", &error), OK);
    assert_string_equal(out, "b");
    assert_int_equal(os_path_join(out, "/lake", "", &error), OK);
    assert_string_equal(out, "/lake/");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(os_path_join(out, longest, "b", &error), ERR_LIMIT);
    static const char *const parents[][2] = {{"a/b", "a"}, {"a", "."},     {"/a", "/"},
                                             {"/", "/"},   {"a//b/", "a"}, {"/a/b/c", "/a/b"}};
    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
        assert_int_equal(os_parent_path(out, parents[i][0], &error), OK);
        assert_string_equal(out, parents[i][1]);
    }
}

static bool enter_all_but_skip(void *context, const char *relative_path)
{
    (void)context;
    return strcmp(relative_path, "skip") != 0;
}

static enum error_code sum_sizes(void *context, const char *relative_path, uint64_t size_bytes,
                                 struct error *unused)
{
    (void)unused;
    if (strcmp(relative_path, "stop") == 0)
        return ERR_LIMIT;
    *(uint64_t *)context += size_bytes + strlen(relative_path) * 1000;
    return OK;
}

static void a_walk_sees_every_file_once_and_follows_no_links(void **state)
{
    (void)state;
    uint64_t sum = 0;
    assert_int_equal(os_make_directories(temp_path(folder, "a/b"), NULL, &error), OK);
    assert_int_equal(os_make_directories(temp_path(folder, "skip"), NULL, &error), OK);
    temp_write(temp_path(folder, "x"), "1", 1);
    temp_write(temp_path(folder, "a/b/y"), "22", 2);
    temp_write(temp_path(folder, "skip/z"), "333", 3);
    assert_int_equal(symlink("..", temp_path(folder, "a/loop")), 0);
    assert_int_equal(os_walk(folder,
                             &(struct os_walker){
                                 .context = &sum, .visit = sum_sizes, .enter = enter_all_but_skip},
                             &error),
                     OK);
    assert_int_equal(sum, 1 + 2 + 6000);
    temp_write(temp_path(folder, "stop"), "", 0);
    assert_int_equal(
        os_walk(folder, &(struct os_walker){.context = &sum, .visit = sum_sizes}, &error),
        ERR_LIMIT);
    assert_int_equal(os_walk(temp_path(folder, "none"),
                             &(struct os_walker){.context = &sum, .visit = sum_sizes}, &error),
                     ERR_IO);
}

static void a_lock_excludes_other_holders_also_in_this_process(void **state)
{
    (void)state;
    struct os_file first, second;
    char path[TEMP_PATH_BYTES];
    snprintf(path, sizeof path, "%s", temp_path(folder, "lock"));
    assert_int_equal(os_file_open(&first, path, OS_OPEN_READ_WRITE, &error), OK);
    assert_int_equal(os_file_open(&second, path, OS_OPEN_READ_WRITE, &error), OK);
    assert_int_equal(os_file_lock(&first, &error), OK);
    assert_int_equal(os_file_lock(&second, &error), ERR_CONFLICT);
    os_file_release(&first);
    assert_int_equal(os_file_lock(&second, &error), OK);
    os_file_release(&second);
}

static void reading_whole_files_has_a_limit(void **state)
{
    (void)state;
    struct buffer content;
    buffer_init(&content);
    temp_write(temp_path(folder, "f"), "12345", 5);
    assert_int_equal(os_read_whole(temp_path(folder, "f"), 4, &content, &error), ERR_LIMIT);
    assert_int_equal(os_read_whole(temp_path(folder, "f"), 5, &content, &error), OK);
    assert_int_equal(os_read_whole(temp_path(folder, "g"), 5, &content, &error), ERR_NOT_FOUND);
    assert_int_equal(content.size_bytes, 5);
    buffer_release(&content);
}

static void uuids_are_version_4_and_differ(void **state)
{
    (void)state;
    char a[OS_UUID_BYTES], b[OS_UUID_BYTES];
    assert_int_equal(os_uuid(a, &error), OK);
    assert_int_equal(os_uuid(b, &error), OK);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    uint64_t sum = 0;
    struct buffer content;
    buffer_init(&content);
    temp_write(temp_path(folder, "f"), "12345", 5);
    for (uint64_t n = 1;; n++) {
        mem_fail_after(n);
        enum error_code code =
            os_write_atomically(temp_path(folder, "g"), bytes_view_text("x"), &error);
        if (code == OK)
            code = os_read_whole(temp_path(folder, "f"), 5, &content, &error);
        if (code == OK)
            code =
                os_walk(folder, &(struct os_walker){.context = &sum, .visit = sum_sizes}, &error);
        mem_fail_after(0);
        buffer_release(&content);
        if (code == OK)
            break;
        assert_int_equal(code, ERR_NO_MEMORY);
        assert_true(n < 20);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_at_an_offset_is_read_there),
        TEST(open_modes_mean_what_they_say),
        TEST(short_transfers_and_interruptions_are_made_good),
        TEST(a_full_disk_says_how_far_it_got),
        TEST(who_may_not_write_a_file_may_not_lock_it_either),
        TEST(an_atomic_write_is_all_or_nothing),
        TEST(a_rename_never_replaces),
        TEST(directories_are_made_with_their_parents_once),
        TEST(every_directory_up_to_the_top_is_synced),
        TEST(paths_are_joined_and_cut),
        TEST(a_walk_sees_every_file_once_and_follows_no_links),
        TEST(a_lock_excludes_other_holders_also_in_this_process),
        TEST(reading_whole_files_has_a_limit),
        TEST(uuids_are_version_4_and_differ),
        TEST(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
