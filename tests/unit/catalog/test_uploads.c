// SPDX-License-Identifier: Apache-2.0
/* Rows of objects that commits put before the catalog knows them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/uploads.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

#define NOW_US INT64_C(1000000)

static char folder[TEMP_PATH_BYTES];
static char database_path[TEMP_PATH_BYTES];
static struct catalog *catalog;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "catalog.sqlite"));
    catalog = fixture_create(database_path, &fixture_table);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_close(catalog);
    temp_folder_remove(folder);
    return 0;
}

static struct catalog_upload upload_of(const char *path, const char *commit_uuid)
{
    return (struct catalog_upload){.path = path,
                                   .commit_uuid = commit_uuid,
                                   .holder = "here",
                                   .size_bytes = 10,
                                   .checksum = 0xabcdef,
                                   .created_us = NOW_US};
}

static void begin(const char *commit_uuid, const char *first, const char *second)
{
    const struct catalog_upload uploads[] = {upload_of(first, commit_uuid),
                                             upload_of(second, commit_uuid)};
    assert_int_equal(catalog_begin_uploads(catalog, uploads, 2, NULL), OK);
}

/* A commit that has two of them. */
static enum error_code end(void *context, struct error *error)
{
    (void)context;
    return catalog_end_uploads(catalog, "one", 2, error);
}

static enum error_code commit(uint64_t commit_no)
{
    const struct catalog_terms terms = {.demand = end};
    struct catalog_file file = fixture_file("a_file.parquet", 10, 19);
    struct catalog_commit added = fixture_commit(commit_no, 10, 19, &file, 1);
    return catalog_add_commit_if(catalog, &added, &terms, NULL);
}

static enum error_code note(void *context, const struct catalog_upload *upload, struct error *error)
{
    char *text = context;
    size_t length = strlen(text);
    (void)error;
    snprintf(text + length, 200 - length, "%s%s ", upload->path, upload->swept_us != 0 ? "!" : "");
    return OK;
}

static void assert_rows(const char *expected)
{
    char text[200] = "";
    assert_int_equal(catalog_each_upload(catalog, note, text, NULL), OK);
    assert_string_equal(text, expected);
}

static void a_catalog_without_uploads_has_no_table_of_them(void **state)
{
    (void)state;
    bool has = true;
    uint64_t count = 9;
    assert_rows("");
    assert_int_equal(catalog_has_old_upload(catalog, NOW_US, &has, NULL), OK);
    assert_false(has);
    assert_int_equal(catalog_give_up_uploads(catalog, NULL, NOW_US, &count, NULL), OK);
    assert_int_equal(count, 0);
    assert_string_equal(
        fixture_query(database_path, "SELECT count(*) FROM sqlite_master WHERE name='ttp_upload'"),
        "0");
}

static void a_commit_takes_its_own_rows_out(void **state)
{
    (void)state;
    begin("one", "a", "b");
    begin("two", "c", "d");
    assert_int_equal(commit(1), OK);
    assert_rows("c d ");
}

static void what_was_given_up_is_not_found_by_its_commit(void **state)
{
    (void)state;
    uint64_t count = 0;
    begin("one", "a", "b");
    begin("two", "c", "d");
    assert_int_equal(catalog_give_up_uploads(catalog, "one", NOW_US, &count, NULL), OK);
    assert_int_equal(count, 2);
    assert_rows("a! b! c d ");
    assert_int_equal(commit(1), ERR_IO);
    assert_rows("a! b! c d ");
    assert_int_equal(catalog_give_up_uploads(catalog, NULL, NOW_US + 1, &count, NULL), OK);
    assert_int_equal(count, 2); /* the others keep their time */
    assert_string_equal(fixture_query(database_path, "SELECT count(DISTINCT swept_us) FROM "
                                                     "ttp_upload"),
                        "2");
}

static void only_what_was_given_up_is_forgotten(void **state)
{
    (void)state;
    bool has = false;
    begin("one", "a", "b");
    assert_int_equal(catalog_forget_upload(catalog, "a", NULL), OK);
    assert_rows("a b ");
    assert_int_equal(catalog_give_up_uploads(catalog, "one", NOW_US, NULL, NULL), OK);
    assert_int_equal(catalog_has_old_upload(catalog, NOW_US, &has, NULL), OK);
    assert_false(has);
    assert_int_equal(catalog_has_old_upload(catalog, NOW_US + 1, &has, NULL), OK);
    assert_true(has);
    assert_int_equal(catalog_forget_upload(catalog, "a", NULL), OK);
    assert_rows("b! ");
}

static void any_number_of_rows_is_written_at_once(void **state)
{
    (void)state;
    struct catalog_upload uploads[40];
    char paths[40][8];
    for (unsigned i = 0; i < 40; i++) {
        snprintf(paths[i], sizeof paths[i], "%u", i);
        uploads[i] = upload_of(paths[i], "one");
        uploads[i].checksum = i;
    }
    assert_int_equal(catalog_begin_uploads(catalog, uploads, 40, NULL), OK);
    assert_string_equal(fixture_query(database_path, "SELECT count(*) FROM ttp_upload WHERE "
                                                     "checksum = printf('%016x', path)"),
                        "40");
    assert_int_equal(catalog_begin_uploads(catalog, uploads, 40, NULL), OK);
    uploads[39].commit_uuid = "two";
    assert_int_equal(catalog_begin_uploads(catalog, uploads, 40, NULL), ERR_CONFLICT);
}

static void a_path_with_a_row_is_taken_and_is_no_commits(void **state)
{
    (void)state;
    bool known = false, of_commit = true;
    begin("one", "a", "b");
    assert_int_equal(catalog_path_is_known(catalog, "a", &known, NULL), OK);
    assert_true(known);
    assert_int_equal(catalog_upload_is_known(catalog, "a", &of_commit, NULL), OK);
    assert_false(of_commit);
    assert_int_equal(commit(1), OK);
    assert_int_equal(catalog_upload_is_known(catalog, "a_file.parquet", &of_commit, NULL), OK);
    assert_true(of_commit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_catalog_without_uploads_has_no_table_of_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_commit_takes_its_own_rows_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_given_up_is_not_found_by_its_commit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_what_was_given_up_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_number_of_rows_is_written_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_path_with_a_row_is_taken_and_is_no_commits, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
