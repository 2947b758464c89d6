// SPDX-License-Identifier: Apache-2.0
/*
 * What SQLite may reach on the disk: a rollback journal can name any file as its super-journal,
 * which SQLite would read, and delete, when it takes the journal's transaction back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>

#include "store/layout.h"
#include "database/vfs.h"
#include "support/catalog_fixture.h"
#include "os/file.h"
#include "support/temp_folder.h"
#include "catalog/files.h"

#define SECTOR_BYTES     512
#define PAGE_BYTES       4096
#define LOCK_BYTE_PAGE   (0x40000000 / PAGE_BYTES + 1)
#define JOURNAL_BYTES    8192
#define ROLLBACK_JOURNAL "PRAGMA journal_mode = DELETE"

static char folder[TEMP_PATH_BYTES];
static char path[TEMP_PATH_BYTES * 2], journal[TEMP_PATH_BYTES * 2 + 16];

/* A catalog with a commit, as a user left it who turned the write-ahead log off. */
static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    assert_int_equal(os_make_directories(temp_path(folder, "_lake"), NULL, NULL), OK);
    snprintf(path, sizeof path, "%s", temp_path(folder, LAKE_CATALOG));
    snprintf(journal, sizeof journal, "%s-journal", path);
    struct catalog *catalog = fixture_create(path, &fixture_table);
    fixture_add(catalog, 1, 1, 9);
    catalog_close(catalog);
    fixture_change(path, ROLLBACK_JOURNAL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static size_t put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    return 4;
}

/* A hot journal of no pages (sqlite.org/fileformat2.html, section 3) that says it is part of a
 * transaction of several databases, which is settled by the file `super`. */
static void write_journal(const char *super)
{
    static const uint8_t magic[] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    static uint8_t bytes[JOURNAL_BYTES];
    const uint32_t head[] = {0, 0, 1, SECTOR_BYTES, PAGE_BYTES};
    size_t length = strlen(super), size = sizeof magic;
    uint32_t sum = 0;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, magic, sizeof magic);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        size += put_u32(bytes + size, head[i]);
    size = SECTOR_BYTES;
    size += put_u32(bytes + size, LOCK_BYTE_PAGE);
    memcpy(bytes + size, super, length);
    for (size_t i = 0; i < length; i++)
        sum += (uint8_t)super[i];
    size += length;
    size += put_u32(bytes + size, (uint32_t)length);
    size += put_u32(bytes + size, sum);
    memcpy(bytes + size, magic, sizeof magic);
    temp_write(journal, bytes, size + sizeof magic);
}

static void refuse(enum catalog_mode mode, const char *words)
{
    struct error error;
    error_clear(&error);
    struct catalog *catalog;
    assert_int_not_equal(catalog_open(&catalog, path, mode, NULL, &error), OK);
    assert_null(catalog);
    if (strstr(error.message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, error.message);
}

static void open_and_close(enum catalog_mode mode)
{
    struct error error;
    struct catalog *catalog;
    if (catalog_open(&catalog, path, mode, NULL, &error) != OK)
        fail_msg("%s", error.message);
    catalog_close(catalog);
}

static void a_file_that_a_journal_names_is_never_deleted(void **state)
{
    (void)state;
    const char *precious = temp_path(folder, "precious.txt");
    temp_write(precious, "precious", 8);
    write_journal(precious);
    refuse(CATALOG_WRITE, "precious.txt, which was left alone");
    assert_true(temp_exists(precious));
    assert_true(temp_exists(journal)); /* for whoever wants to know what happened */
}

static void another_lakes_catalog_is_a_file_elsewhere_too(void **state)
{
    (void)state;
    const char *other = temp_path(folder, "catalog.sqlite");
    catalog_close(fixture_create(other, &fixture_table));
    write_journal(other);
    refuse(CATALOG_WRITE, "which was left alone");
    assert_true(temp_exists(other));
}

static void a_journal_cannot_have_the_catalog_itself_deleted(void **state)
{
    (void)state;
    write_journal(path);
    refuse(CATALOG_WRITE, "which was left alone");
    assert_true(temp_exists(path));
}

static void a_name_that_only_begins_like_the_catalogs_is_refused(void **state)
{
    (void)state;
    char longer[TEMP_PATH_BYTES * 2 + 32];
    snprintf(longer, sizeof longer, "%s-wal/../../precious.txt", path);
    write_journal(longer);
    refuse(CATALOG_WRITE, "which was left alone");
}

/* A reader can't take a transaction back, and what it left half done is not read as if it were
 * whole. */
static void a_reader_does_not_read_past_a_journal(void **state)
{
    (void)state;
    write_journal(temp_path(folder, "precious.txt"));
    refuse(CATALOG_READ, "in the middle of another program's transaction");
}

static void an_honest_journal_is_rolled_back(void **state)
{
    (void)state;
    sqlite3 *database;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database,
                                  "PRAGMA cache_size = 1; BEGIN; DELETE FROM "
                                  "ttp_coverage; DELETE FROM ducklake_column",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_db_cacheflush(database), SQLITE_OK);
    static char kept[TEMP_PATH_BYTES];
    snprintf(kept, sizeof kept, "%s", temp_path(folder, "kept"));
    temp_copy(temp_path(folder, "_lake"), kept); /* as a crash leaves it */
    sqlite3_close(database);
    snprintf(path, sizeof path, "%s/catalog.sqlite", kept);
    snprintf(journal, sizeof journal, "%s-journal", path);
    assert_true(temp_exists(journal));
    open_and_close(CATALOG_WRITE);
    assert_false(temp_exists(journal));
    assert_string_equal(fixture_query(path, "SELECT last_ledger FROM ttp_coverage"), "9");
    open_and_close(CATALOG_READ);
}

static void a_refusal_is_told_once(void **state)
{
    (void)state;
    char refused[OS_PATH_BYTES];
    int there = 1;
    assert_int_equal(catalog_vfs_register(), SQLITE_OK);
    sqlite3_vfs *vfs = sqlite3_vfs_find(CATALOG_VFS_NAME);
    assert_non_null(vfs);
    assert_int_equal(vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &there), SQLITE_IOERR_ACCESS);
    assert_int_equal(there, 0);
    assert_int_equal(vfs->xDelete(vfs, path, 0), SQLITE_IOERR_DELETE);
    assert_true(temp_exists(path));
    assert_true(catalog_vfs_take_refused(refused));
    assert_string_equal(refused, path);
    assert_false(catalog_vfs_take_refused(refused));
}

static void a_closed_catalogs_side_files_are_out_of_reach(void **state)
{
    (void)state;
    write_journal("x");
    sqlite3_vfs *vfs = sqlite3_vfs_find(CATALOG_VFS_NAME);
    assert_int_equal(vfs->xDelete(vfs, journal, 0), SQLITE_IOERR_DELETE);
    assert_true(temp_exists(journal));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_a_journal_names_is_never_deleted),
        TEST(another_lakes_catalog_is_a_file_elsewhere_too),
        TEST(a_journal_cannot_have_the_catalog_itself_deleted),
        TEST(a_name_that_only_begins_like_the_catalogs_is_refused),
        TEST(a_reader_does_not_read_past_a_journal),
        TEST(an_honest_journal_is_rolled_back),
        TEST(a_refusal_is_told_once),
        TEST(a_closed_catalogs_side_files_are_out_of_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
