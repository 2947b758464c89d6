// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/catalog_fixture.h"
#include "catalog/history.h"
#include "support/temp_folder.h"

#define NOON_US   INT64_C(1705320000000000) /* 2024-01-15T12:00:00Z */
#define MINUTE_US INT64_C(60000000)

static char folder[TEMP_PATH_BYTES];
static struct catalog *catalog;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    catalog = fixture_create(temp_path(folder, "catalog.sqlite"), &fixture_table);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_close(catalog);
    temp_folder_remove(folder);
    return 0;
}

static struct catalog_neighbour below, above;

static void ask(uint32_t first, uint32_t last)
{
    const struct ledger_range range = {first, last};
    assert_int_equal(catalog_neighbours(catalog, range, &below, &above, NULL), OK);
}

static void an_empty_lake_has_no_neighbours(void **state)
{
    (void)state;
    ask(1, UINT32_MAX);
    assert_int_equal(below.digest.ledger, 0);
    assert_int_equal(below.closed_ledger, 0);
    assert_int_equal(above.digest.ledger, 0);
    assert_int_equal(above.closed_ledger, 0);
}

static void the_nearest_digests_below_and_above_are_found(void **state)
{
    (void)state;
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    ask(5, 9);
    assert_int_equal(below.digest.ledger, 0);
    assert_int_equal(above.digest.ledger, 19);
    ask(20, 29);
    assert_int_equal(below.digest.ledger, 19);
    assert_int_equal(below.digest.chain[0], 1);
    assert_string_equal(below.digest.schema_version, "1.0.0");
    assert_int_equal(above.digest.ledger, 39);
    assert_int_equal(above.digest.contents.bytes[2], 39);
    ask(40, 0);
    assert_int_equal(below.digest.ledger, 39);
    assert_int_equal(above.digest.ledger, 0);
}

static void close_times_come_from_the_nearest_ledgers_of_which_they_are_known(void **state)
{
    (void)state;
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    ask(20, 29);
    assert_int_equal(below.closed_ledger, 19);
    assert_true(below.close_us == INT64_C(19) * 5000000);
    assert_int_equal(above.closed_ledger, 30); /* the file's first, not the digest's */
    assert_true(above.close_us == NOON_US + 30 * MINUTE_US);
    /* A commit without rows, and one whose order of events is not known any more. */
    struct catalog_commit empty = fixture_commit(3, 20, 21, NULL, 0);
    empty.digest_ledger = 0;
    empty.last_close_us = 0;
    assert_int_equal(catalog_add_commit(catalog, &empty, NULL), OK);
    struct catalog_commit rebuilt = fixture_commit(4, 22, 23, NULL, 0);
    rebuilt.digest_ledger = 0;
    assert_int_equal(catalog_add_commit(catalog, &rebuilt, NULL), OK);
    ask(24, 29);
    assert_int_equal(below.digest.ledger, 19);
    assert_int_equal(below.closed_ledger, 23);
    assert_true(below.close_us == INT64_C(23) * 5000000);
}

static void commits_that_were_taken_out_are_no_neighbours(void **state)
{
    (void)state;
    const uint64_t ended[] = {1, 2};
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    assert_int_equal(fixture_take_out(catalog, ended, 2, NULL), OK);
    ask(20, 29);
    assert_int_equal(below.digest.ledger, 0);
    assert_int_equal(below.closed_ledger, 0);
    assert_int_equal(above.digest.ledger, 0);
    assert_int_equal(above.closed_ledger, 0);
}

static void within_a_commit_its_own_last_ledger_is_the_one_above(void **state)
{
    (void)state;
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    ask(13, 14); /* taken out as unconfirmed */
    assert_int_equal(above.digest.ledger, 19);
    assert_int_equal(above.closed_ledger, 19);
    assert_true(above.close_us == INT64_C(19) * 5000000);
}

static char closes[256];

static enum error_code note_close(void *context, const struct catalog_close *close,
                                  struct error *error)
{
    (void)context;
    (void)error;
    size_t used = strlen(closes);
    snprintf(closes + used, sizeof closes - used, "%u:%lld ", close->ledger,
             (long long)(close->close_us / 1000));
    return OK;
}

static void every_close_time_that_the_catalog_knows_is_told(void **state)
{
    (void)state;
    fixture_add(catalog, 1, 10, 19);
    closes[0] = '\0';
    assert_int_equal(catalog_each_close(catalog, note_close, NULL, NULL), OK);
    assert_string_equal(closes, "19:95000 10:1705320600000 19:1705321140500 ");
}

static char seams[256];

static enum error_code note_seam(void *context, const struct catalog_unchecked_seam *seam,
                                 struct error *error)
{
    (void)context;
    (void)error;
    size_t used = strlen(seams);
    assert_true(seam->recorded_us > 0);
    snprintf(seams + used, sizeof seams - used, "%u-%u:%u,%u ", seam->range.first, seam->range.last,
             seam->below, seam->above);
    return OK;
}

static const char *unchecked(void)
{
    seams[0] = '\0';
    assert_int_equal(catalog_each_unchecked_seam(catalog, note_seam, NULL, NULL), OK);
    return seams;
}

static void add_unchecked(uint32_t first, uint32_t last, uint32_t ledger_below,
                          uint32_t ledger_above)
{
    const struct catalog_unchecked_seam seam = {
        .range = {first, last}, .below = ledger_below, .above = ledger_above};
    assert_int_equal(catalog_add_unchecked_seam(catalog, &seam, NULL), OK);
}

static void unchecked_seams_are_kept_while_something_of_their_range_is_in_the_lake(void **state)
{
    (void)state;
    const uint64_t ended[] = {2};
    assert_string_equal(unchecked(), "");
    fixture_add(catalog, 1, 10, 19);
    add_unchecked(30, 50, 19, 0);
    assert_string_equal(unchecked(), ""); /* nothing of it landed */
    fixture_add(catalog, 2, 30, 39);
    add_unchecked(70, 0, 39, 0);
    assert_string_equal(unchecked(), "30-50:19,0 ");
    add_unchecked(30, 50, 19, 100);
    fixture_add(catalog, 3, 80, 89);
    assert_string_equal(unchecked(), "30-50:19,100 70-0:39,0 ");
    assert_int_equal(fixture_take_out(catalog, ended, 1, NULL), OK);
    assert_string_equal(unchecked(), "70-0:39,0 ");
}

static void an_unchecked_seam_of_a_run_that_died_is_forgotten_by_the_next(void **state)
{
    (void)state;
    assert_int_equal(catalog_forget_unlanded_seams(catalog, NULL), OK);
    add_unchecked(30, 39, 19, 0);
    fixture_add(catalog, 1, 10, 19);
    add_unchecked(10, 19, 0, 30);
    assert_int_equal(catalog_forget_unlanded_seams(catalog, NULL), OK);
    fixture_add(catalog, 2, 30, 39);
    assert_string_equal(unchecked(), "10-19:0,30 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_lake_has_no_neighbours),
        TEST(the_nearest_digests_below_and_above_are_found),
        TEST(close_times_come_from_the_nearest_ledgers_of_which_they_are_known),
        TEST(commits_that_were_taken_out_are_no_neighbours),
        TEST(within_a_commit_its_own_last_ledger_is_the_one_above),
        TEST(every_close_time_that_the_catalog_knows_is_told),
        TEST(unchecked_seams_are_kept_while_something_of_their_range_is_in_the_lake),
        TEST(an_unchecked_seam_of_a_run_that_died_is_forgotten_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
