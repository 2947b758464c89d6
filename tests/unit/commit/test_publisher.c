// SPDX-License-Identifier: Apache-2.0
/* What a publisher does between commits. */
#include "commit/publisher.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "catalog/uploads.h"
#include "commit/intent_keeper.h"
#include "os/clock.h"
#include "os/log.h"
#include "support/catalog_fixture.h"
#include "support/object_store.h"
#include "support/temp_folder.h"

#define LEFT    "left_by_a_dead_process_0a1b2c3d.parquet"
#define HOUR_US INT64_C(3600000000)

static char folder[TEMP_PATH_BYTES], database_path[TEMP_PATH_BYTES];
static struct store store;
static struct catalog *catalog;
static struct publisher publisher;
static int64_t now_us;

static int64_t tell_time(void)
{
    return now_us;
}

static const struct os_clock told = {tell_time, tell_time};

/* An object that was put after it had been deleted: a day later that is done again. */
static int set_up(void **state)
{
    struct error error;
    const struct catalog_upload upload = {
        .path = LEFT, .commit_uuid = "dead", .holder = "there", .size_bytes = 1, .created_us = 1};
    (void)state;
    log_set_level(LOG_ERROR + 1);
    temp_folder_make(folder);
    object_store_make(&store, folder);
    assert_int_equal(store_make_folder(&store, &error), OK);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "catalog.sqlite"));
    catalog = fixture_create(database_path, &fixture_table);
    now_us = INT64_C(1700000000000000);
    os_clock_set(&told);
    assert_int_equal(catalog_begin_uploads(catalog, &upload, 1, &error), OK);
    assert_int_equal(catalog_give_up_uploads(catalog, NULL, now_us, NULL, &error), OK);
    assert_int_equal(store_create(&store, LEFT, bytes_view_text("late"), &error), OK);
    publisher_init(&publisher);
    publisher.store = &store;
    publisher.catalog = catalog;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_clock_set(NULL);
    publisher_release(&publisher);
    catalog_close(catalog);
    temp_folder_remove(folder);
    return 0;
}

static const char *rows(void)
{
    return fixture_query(database_path, "SELECT count(*) FROM ttp_upload");
}

static void what_a_dead_process_left_is_deleted_while_the_lake_is_written_to(void **state)
{
    (void)state;
    publisher_tend(&publisher, false);
    now_us += 25 * HOUR_US - 1;
    publisher.tended_us = now_us + 1 - HOUR_US; /* as one that looked each hour */
    publisher_tend(&publisher, false);
    assert_true(store_exists(&store, LEFT));
    now_us += 1;
    publisher_tend(&publisher, false);
    assert_false(store_exists(&store, LEFT));
    assert_string_equal(rows(), "0");
}

static void nothing_is_deleted_before_its_day_is_over(void **state)
{
    (void)state;
    now_us += 23 * HOUR_US;
    publisher_tend(&publisher, true);
    assert_true(store_exists(&store, LEFT));
    assert_string_equal(rows(), "1");
    now_us += 2 * HOUR_US;
    publisher_tend(&publisher, true);
    assert_false(store_exists(&store, LEFT));
}

/* The random digits of two names may be the same. */
static void what_a_commit_has_is_not_deleted_by_one_that_wanted_its_name(void **state)
{
    struct error error;
    struct catalog_file file = fixture_file("taken_0a1b2c3d.parquet", 1, 2);
    const struct catalog_commit first = fixture_commit(1, 1, 2, &file, 1);
    struct publication publication;
    struct intent intent;
    (void)state;
    assert_int_equal(catalog_add_commit(catalog, &first, &error), OK);
    assert_int_equal(store_create(&store, file.path, bytes_view_text("rows"), &error), OK);
    intent_init(&intent);
    intent.commit = fixture_commit(2, 3, 4, &file, 1);
    intent.commit_uuid = "2";
    intent.staged[0] = "_lake/staging/s.inprogress";
    publication_init(&publication, &store, catalog, &intent, intent_keeper_of(&store));
    publication.state = PUBLICATION_INTENDED;
    assert_int_equal(publish_withdraw(&publication, &error), OK);
    assert_true(store_exists(&store, file.path));
    intent_release(&intent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_a_dead_process_left_is_deleted_while_the_lake_is_written_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_deleted_before_its_day_is_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_a_commit_has_is_not_deleted_by_one_that_wanted_its_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
