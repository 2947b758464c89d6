// SPDX-License-Identifier: Apache-2.0
/* Somebody who may only read the lake's folder holds locks on what the catalog's users share. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "database/engines.h"
#include "store/layout.h"
#include "store/lake_lock.h"
#include "support/catalog_fixture.h"
#include "os/file.h"
#include "support/temp_folder.h"
#include "support/temp_store.h"
#include "catalog/files.h"

static char folder[TEMP_PATH_BYTES];
static char path[TEMP_PATH_BYTES * 2];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    assert_int_equal(os_make_directories(temp_path(folder, LAKE_FOLDER), NULL, NULL), OK);
    snprintf(path, sizeof path, "%s", temp_path(folder, LAKE_CATALOG));
    struct catalog *catalog = fixture_create(path, &fixture_table);
    fixture_add(catalog, 1, 1, 9);
    catalog_close(catalog);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

/* Another process with a shared lock on bytes of the -shm; returns when it holds it. */
static pid_t hold(off_t start, off_t length)
{
    char shm[TEMP_PATH_BYTES * 2 + 8], answer = 0;
    int pipe_ends[2];
    snprintf(shm, sizeof shm, "%s-shm", path);
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct flock lock = {
            .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
        int fd = open(shm, O_RDONLY);
        answer = fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
        (void)!write(pipe_ends[1], &answer, 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(pipe_ends[0], &answer, 1), 1);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    assert_int_equal(answer, 'y');
    return child;
}

static void let_go(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* The bytes of SQLite's locks for writing and for recovery (sqlite.org/walformat.html, 2.3). */
static void who_holds_the_shared_memory_is_named_and_can_be_waited_for(void **state)
{
    (void)state;
    struct error error;
    char words[64];
    error_clear(&error);
    pid_t child = hold(120, 8);
    struct catalog *catalog;
    enum error_code code = catalog_open(&catalog, path, CATALOG_WRITE, NULL, &error);
    let_go(child);
    assert_int_equal(code, ERR_RETRY);
    assert_null(catalog);
    snprintf(words, sizeof words, "process %lld holds a lock on catalog.sqlite-shm",
             (long long)child);
    if (strstr(error.message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, error.message);
    assert_int_equal(catalog_open(&catalog, path, CATALOG_WRITE, NULL, &error), OK);
    catalog_close(catalog);
}

static mode_t mode_of(const char *name)
{
    struct stat info;
    assert_int_equal(stat(name, &info), 0);
    return info.st_mode & 0777;
}

static void take_the_lock(void)
{
    struct lake_lock lock;
    assert_int_equal(lake_lock_take(&lock, temp_store(folder), NULL), OK);
    lake_lock_release(&lock);
}

static void the_lakes_lock_is_no_file_for_readers(void **state)
{
    (void)state;
    take_the_lock();
    assert_int_equal(mode_of(temp_path(folder, LAKE_LOCK)), 0600);
    /* As version 0.1.0 left it. */
    assert_int_equal(chmod(temp_path(folder, LAKE_LOCK), 0644), 0);
    take_the_lock();
    assert_int_equal(mode_of(temp_path(folder, LAKE_LOCK)), 0600);
}

static void a_group_that_may_write_keeps_the_lock(void **state)
{
    (void)state;
    take_the_lock();
    assert_int_equal(chmod(temp_path(folder, LAKE_LOCK), 0664), 0);
    take_the_lock();
    assert_int_equal(mode_of(temp_path(folder, LAKE_LOCK)), 0660);
}

static void assert_refused_for(const char *suffix, enum database_mode mode, bool refused)
{
    struct database database;
    struct error error = {0};
    char name[TEMP_PATH_BYTES * 2 + 16], elsewhere[TEMP_PATH_BYTES];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    snprintf(elsewhere, sizeof elsewhere, "%s", temp_path(folder, "elsewhere"));
    if (!temp_exists(name))
        temp_write(name, "", 0);
    assert_int_equal(link(name, elsewhere), 0);
    enum error_code code = database_open(&database, path, mode, &error);
    assert_int_equal(code, refused ? ERR_INVALID : OK);
    if (refused)
        assert_non_null(strstr(error.message, "has a second name (a hard link)"));
    else
        database_close(&database);
    assert_int_equal(unlink(elsewhere), 0);
}

static void what_sqlite_writes_to_has_no_name_elsewhere(void **state)
{
    (void)state;
    assert_refused_for("", DATABASE_WRITE, true);
    assert_refused_for("", DATABASE_READ, false); /* a reader does not write to it */
    assert_refused_for("-wal", DATABASE_READ, true);
    assert_refused_for("-wal", DATABASE_WRITE, true);
    assert_refused_for("-shm", DATABASE_READ, true);
    assert_refused_for("-shm", DATABASE_WRITE, true);
    assert_refused_for("-journal", DATABASE_WRITE, true);
}

static void a_connection_that_settles_has_its_guard(void **state)
{
    (void)state;
    struct database database;
    struct error error;
    assert_int_equal(database_open(&database, path, DATABASE_WRITE, &error), OK);
    assert_int_equal(database_begin_settling(&database, &error), OK);
    assert_int_equal(
        database_execute(&database,
                         "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
                         "SELECT count(*) FROM c",
                         &error),
        ERR_CORRUPT);
    assert_non_null(strstr(error.message, "far more than its size accounts for"));
    assert_int_equal(database_end(&database, ERR_CORRUPT, &error), ERR_CORRUPT);
    database_close(&database);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_holds_the_shared_memory_is_named_and_can_be_waited_for),
        TEST(the_lakes_lock_is_no_file_for_readers),
        TEST(a_group_that_may_write_keeps_the_lock),
        TEST(what_sqlite_writes_to_has_no_name_elsewhere),
        TEST(a_connection_that_settles_has_its_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
