// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/coverage.h"
#include "catalog/handle.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"
#include "util/memory.h"

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

/* "1-5 7-9" */
static const char *ranges_text(const struct ledger_range *ranges, size_t count)
{
    static char text[4096];
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%u-%u",
                                   i == 0 ? "" : " ", ranges[i].first, ranges[i].last);
    return text;
}

static const char *coverage_text(void)
{
    struct ledger_set set = {0};
    assert_int_equal(catalog_coverage(catalog, &set, NULL), OK);
    const char *text = ranges_text(set.ranges, set.count);
    ledger_set_release(&set);
    return text;
}

static const char *uncovered_text(uint32_t first, uint32_t last)
{
    struct ledger_set set = {0};
    struct ledger_range within = {first, last};
    assert_int_equal(catalog_uncovered(catalog, within, &set, NULL), OK);
    const char *text = ranges_text(set.ranges, set.count);
    ledger_set_release(&set);
    return text;
}

static void touching_ranges_merge_and_others_stay_apart(void **state)
{
    (void)state;
    fixture_add(catalog, 1, 10, 19);
    assert_string_equal(coverage_text(), "10-19");
    fixture_add(catalog, 2, 20, 29);
    assert_string_equal(coverage_text(), "10-29");
    fixture_add(catalog, 3, 1, 5);
    assert_string_equal(coverage_text(), "1-5 10-29");
    fixture_add(catalog, 4, 6, 9);
    assert_string_equal(coverage_text(), "1-29");
    fixture_add(catalog, 5, UINT32_MAX, UINT32_MAX);
    assert_string_equal(coverage_text(), "1-29 4294967295-4294967295");
    fixture_add(catalog, 6, 0, 0);
    assert_string_equal(coverage_text(), "0-29 4294967295-4294967295");
}

static void what_is_not_covered_is_found_at_every_edge(void **state)
{
    (void)state;
    assert_string_equal(uncovered_text(5, 0), "5-4294967295");
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    assert_string_equal(uncovered_text(1, 50), "1-9 20-29 40-50");
    assert_string_equal(uncovered_text(10, 39), "20-29");
    assert_string_equal(uncovered_text(15, 35), "20-29");
    assert_string_equal(uncovered_text(10, 19), "");
    assert_string_equal(uncovered_text(19, 20), "20-20");
    assert_string_equal(uncovered_text(40, 0), "40-4294967295");
    assert_string_equal(uncovered_text(0, 9), "0-9");
}

static void a_commit_that_overlaps_changes_nothing(void **state)
{
    (void)state;
    struct error error;
    const char *database = temp_path(folder, "catalog.sqlite");
    fixture_add(catalog, 1, 10, 19);
    static const struct ledger_range overlapping[] = {
        {10, 19}, {5, 10}, {19, 25}, {12, 13}, {1, 100}};
    for (size_t i = 0; i < sizeof overlapping / sizeof *overlapping; i++) {
        struct catalog_file file = fixture_file("x.parquet", 1, 2);
        struct catalog_commit commit =
            fixture_commit(2, overlapping[i].first, overlapping[i].last, &file, 1);
        assert_int_equal(catalog_add_commit(catalog, &commit, &error), ERR_INVALID);
        assert_non_null(strstr(error.message, "10 to 19"));
    }
    assert_string_equal(coverage_text(), "10-19");
    assert_string_equal(fixture_query(database, "SELECT count(*) FROM ducklake_data_file"), "1");
    assert_string_equal(fixture_query(database, "SELECT max(snapshot_id) FROM ducklake_snapshot"),
                        "4");
}

static void subtracting_cuts_drops_and_splits(void **state)
{
    (void)state;
    struct error error;
    static const struct {
        struct ledger_range range;
        const char *left;
    } steps[] = {{{15, 16}, "10-14 17-39"}, {{1, 10}, "11-14 17-39"},  {{39, 50}, "11-14 17-38"},
                 {{14, 17}, "11-13 18-38"}, {{40, 60}, "11-13 18-38"}, {{11, 13}, "18-38"},
                 {{0, UINT32_MAX}, ""}};
    fixture_add(catalog, 1, 10, 39);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(database_begin_write(&catalog->database, &error), OK);
        enum error_code code =
            coverage_subtract(&catalog->database, "ttp_coverage", steps[i].range, &error);
        assert_int_equal(database_end(&catalog->database, code, &error), OK);
        assert_string_equal(coverage_text(), steps[i].left);
    }
}

#define MODEL_LEDGERS 200

/* The coverage as one flag a ledger. */
static const char *model_text(const bool *covered, bool wanted)
{
    struct ledger_range ranges[MODEL_LEDGERS];
    size_t count = 0;
    for (uint32_t i = 0; i < MODEL_LEDGERS; i++) {
        if (covered[i] != wanted)
            continue;
        if (count > 0 && ranges[count - 1].last + 1 == i)
            ranges[count - 1].last = i;
        else
            ranges[count++] = (struct ledger_range){i, i};
    }
    return ranges_text(ranges, count);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static enum error_code add(struct ledger_range range, struct error *error)
{
    struct query overlap;
    coverage_ask(&overlap, &catalog->database, "ttp_coverage", range, error);
    return coverage_add(&overlap, OK, range, error);
}

static void random_additions_and_removals_agree_with_a_simple_model(void **state)
{
    (void)state;
    struct error error;
    bool covered[MODEL_LEDGERS] = {false};
    uint32_t seed = 7;
    char expected[4096];
    for (unsigned step = 0; step < 400; step++) {
        uint32_t first = next_random(&seed) % MODEL_LEDGERS;
        uint32_t last = first + next_random(&seed) % 12;
        if (last >= MODEL_LEDGERS)
            last = MODEL_LEDGERS - 1;
        struct ledger_range range = {first, last};
        bool adding = next_random(&seed) % 3 != 0, overlaps = false;
        for (uint32_t i = first; i <= last; i++)
            overlaps |= covered[i];
        assert_int_equal(database_begin_write(&catalog->database, &error), OK);
        enum error_code code =
            adding ? add(range, &error)
                   : coverage_subtract(&catalog->database, "ttp_coverage", range, &error);
        assert_int_equal(code, adding && overlaps ? ERR_INVALID : OK);
        code = database_end(&catalog->database, code, &error);
        for (uint32_t i = first; code == OK && i <= last; i++)
            covered[i] = adding;
        snprintf(expected, sizeof expected, "%s", model_text(covered, true));
        assert_string_equal(coverage_text(), expected);
        snprintf(expected, sizeof expected, "%s", model_text(covered, false));
        assert_string_equal(uncovered_text(0, MODEL_LEDGERS - 1), expected);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(touching_ranges_merge_and_others_stay_apart),
        TEST(what_is_not_covered_is_found_at_every_edge),
        TEST(a_commit_that_overlaps_changes_nothing),
        TEST(subtracting_cuts_drops_and_splits),
        TEST(random_additions_and_removals_agree_with_a_simple_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
