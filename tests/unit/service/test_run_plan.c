// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "service/run_plan.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"
#include "util/memory.h"

static const struct catalog_column columns[] = {{1, "timestamp", "timestamptz", false},
                                                {2, "ledger_sequence", "uint32", false}};
static const struct catalog_table table = {
    .schema_version = "1.0.0", .column_count = 2, .columns = columns};

/* A lake that covers the ranges given, each a commit without files whose last ledger has a digest
 * unless it is odd. */
struct lake {
    char folder[TEMP_PATH_BYTES];
    struct catalog *catalog;
};

static void lake_open(struct lake *lake, const struct ledger_range *ranges, size_t count)
{
    temp_folder_make(lake->folder);
    const struct catalog_create_options create = {
        .data_path = "/data/", .table = &table, .created_by = "test"};
    struct error error;
    assert_int_equal(catalog_open(&lake->catalog, temp_path(lake->folder, "catalog.sqlite"),
                                  CATALOG_CREATE, &create, &error),
                     OK);
    for (size_t i = 0; i < count; i++) {
        const struct catalog_commit commit = {.commit_no = i + 1,
                                              .range = ranges[i],
                                              .schema_version = "1.0.0",
                                              .reason = "end_of_range",
                                              .digest_ledger =
                                                  ranges[i].last % 2 == 0 ? ranges[i].last : 0,
                                              .committed_us = 1};
        assert_int_equal(catalog_add_commit(lake->catalog, &commit, &error), OK);
    }
}

static void lake_close(struct lake *lake)
{
    catalog_close(lake->catalog);
    temp_folder_remove(lake->folder);
}

static struct run_plan plan_of(struct catalog *catalog, uint32_t start, uint32_t end)
{
    struct run_plan plan;
    struct error error;
    assert_int_equal(run_plan_make(&plan, catalog, start, end, &error), OK);
    return plan;
}

static void assert_ranges(const struct run_plan *plan, const struct ledger_range *ranges,
                          size_t count)
{
    assert_int_equal(plan->range_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(plan->ranges[i].first, ranges[i].first);
        assert_int_equal(plan->ranges[i].last, ranges[i].last);
    }
}

#define RANGES(...)                                                                                \
    ((const struct ledger_range[]){__VA_ARGS__}),                                                  \
        sizeof((const struct ledger_range[]){__VA_ARGS__}) / sizeof(struct ledger_range)

static void a_bounded_run_fetches_what_is_not_covered(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, RANGES({100, 200}, {300, 400}));
    struct run_plan plan = plan_of(lake.catalog, 50, 500);
    assert_ranges(&plan, RANGES({50, 99}, {201, 299}, {401, 500}));
    assert_int_equal(plan.ranges[0].below.digest.ledger, 0);
    assert_int_equal(plan.ranges[1].below.digest.ledger, 200);
    assert_int_equal(plan.ranges[2].below.digest.ledger, 400);
    assert_int_equal(plan.ranges[0].above.digest.ledger, 200);
    assert_int_equal(plan.ranges[1].above.digest.ledger, 400);
    assert_int_equal(plan.ranges[2].above.digest.ledger, 0);
    assert_int_equal(run_plan_ledger_count(&plan), 50 + 99 + 100);
    run_plan_release(&plan);
    plan = plan_of(lake.catalog, 150, 350);
    assert_ranges(&plan, RANGES({201, 299}));
    run_plan_release(&plan);
    plan = plan_of(lake.catalog, 300, 400);
    assert_int_equal(plan.range_count, 0);
    run_plan_release(&plan);
    lake_close(&lake);
}

static void the_seams_are_the_nearest_ledgers_with_a_digest_below_and_above(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, RANGES({100, 200}, {300, 401}, {600, 701}, {800, 900}));
    struct run_plan plan = plan_of(lake.catalog, 402, 500);
    assert_int_equal(plan.ranges[0].below.digest.ledger, 200);
    assert_int_equal(plan.ranges[0].above.digest.ledger, 900);
    run_plan_release(&plan);
    lake_close(&lake);
}

static void a_live_run_goes_on_behind_the_highest_and_names_what_it_leaves(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, RANGES({100, 200}, {300, 400}));
    struct run_plan plan = plan_of(lake.catalog, 50, 0);
    assert_true(plan.live);
    assert_ranges(&plan, RANGES({401, 0}));
    assert_int_equal(plan.left_below.count, 2);
    assert_int_equal(plan.left_below.ranges[0].first, 50);
    assert_int_equal(plan.left_below.ranges[1].last, 299);
    run_plan_release(&plan);
    /* START 0: what lies below the lake was never asked for. */
    plan = plan_of(lake.catalog, 0, 0);
    assert_ranges(&plan, RANGES({401, 0}));
    assert_int_equal(plan.left_below.count, 1);
    assert_int_equal(plan.left_below.ranges[0].first, 201);
    run_plan_release(&plan);
    /* START above the lake: a gap that was asked for. */
    plan = plan_of(lake.catalog, 1000, 0);
    assert_ranges(&plan, RANGES({1000, 0}));
    assert_int_equal(plan.left_below.count, 0);
    assert_int_equal(plan.ranges[0].below.digest.ledger, 400);
    run_plan_release(&plan);
    lake_close(&lake);
}

static void a_live_run_of_several_streams_takes_what_lies_below_too(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, RANGES({100, 200}, {300, 400}));
    struct run_plan plan = plan_of(lake.catalog, 50, 0);
    assert_int_equal(run_plan_take_below(&plan, lake.catalog, NULL), OK);
    assert_ranges(&plan, RANGES({401, 0}, {50, 99}, {201, 299}));
    assert_int_equal(plan.left_below.count, 0);
    assert_int_equal(plan.ranges[1].above.digest.ledger, 200);
    assert_int_equal(plan.ranges[2].below.digest.ledger, 200);
    assert_int_equal(run_plan_take_below(&plan, lake.catalog, NULL), OK); /* once is enough */
    assert_int_equal(plan.range_count, 3);
    run_plan_release(&plan);
    lake_close(&lake);
}

static void an_empty_lake_takes_the_request_as_it_stands(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, NULL, 0);
    const struct {
        uint32_t start, end;
    } requests[] = {{0, 0}, {7, 0}, {7, 9}};
    for (size_t i = 0; i < 3; i++) {
        struct catalog *const catalogs[] = {lake.catalog, NULL};
        for (size_t k = 0; k < 2; k++) {
            struct run_plan plan = plan_of(catalogs[k], requests[i].start, requests[i].end);
            assert_ranges(&plan, RANGES({requests[i].start, requests[i].end}));
            assert_int_equal(plan.ranges[0].below.digest.ledger, 0);
            run_plan_release(&plan);
        }
    }
    lake_close(&lake);
}

static void an_empty_lake_refuses_start_0_with_an_end(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, NULL, 0);
    struct catalog *const catalogs[] = {lake.catalog, NULL};
    for (size_t k = 0; k < 2; k++) {
        struct run_plan plan;
        struct error error;
        assert_int_equal(run_plan_make(&plan, catalogs[k], 0, 9, &error), ERR_INVALID);
        assert_non_null(strstr(error.message, "run 1 9"));
        run_plan_release(&plan);
    }
    lake_close(&lake);
}

static void a_bounded_start_0_means_the_lake_s_first_ledger(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, RANGES({100, 200}, {300, 400}));
    struct run_plan plan = plan_of(lake.catalog, 0, 450);
    assert_ranges(&plan, RANGES({201, 299}, {401, 450}));
    run_plan_release(&plan);
    plan = plan_of(lake.catalog, 0, 50);
    assert_int_equal(plan.range_count, 0);
    run_plan_release(&plan);
    lake_close(&lake);
}

static void a_lake_up_to_the_last_number_can_not_be_followed(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, RANGES({UINT32_MAX - 2, UINT32_MAX - 1}));
    struct run_plan plan;
    struct error error;
    assert_int_equal(run_plan_make(&plan, lake.catalog, 0, 0, &error), ERR_INVALID);
    run_plan_release(&plan);
    lake_close(&lake);
}

static void what_stays_uncovered_is_known_at_the_end(void **state)
{
    (void)state;
    struct lake lake;
    lake_open(&lake, RANGES({100, 200}));
    struct run_plan plan = plan_of(NULL, 100, 250); /* the lake was empty */
    struct ledger_set uncovered = {0};
    struct error error;
    assert_int_equal(run_plan_uncovered(&plan, lake.catalog, &uncovered, &error), OK);
    char text[LEDGER_SET_TEXT_BYTES];
    ledger_set_text(&uncovered, text);
    assert_string_equal(text, "201-250");
    ledger_set_release(&uncovered);
    run_plan_release(&plan);
    lake_close(&lake);
}

static void any_failed_allocation_is_an_error(void **state)
{
    (void)state;
    for (uint32_t end = 0; end <= 500; end += 500) {
        struct allocation_sweep sweep = {.step = 17,
                                         .may_succeed = true}; /* SQLite can do without */
        size_t expected = 0;
        while (sweep_next(&sweep)) {
            struct lake lake; /* anew: SQLite keeps memory as long as it is open */
            struct run_plan plan;
            struct error error;
            lake_open(&lake, RANGES({100, 200}, {300, 400}));
            sweep_begin(&sweep);
            bool done = sweep_end(&sweep, run_plan_make(&plan, lake.catalog, 50, end, &error));
            if (sweep.number == 0)
                expected = plan.range_count;
            if (done)
                assert_int_equal(plan.range_count, expected);
            run_plan_release(&plan);
            lake_close(&lake);
        }
        assert_true(sweep.failures > 1);
    }
}

static void an_empty_lake_is_begun_at_the_tip_with_what_lies_before_it_below(void **state)
{
    (void)state;
    static const struct ledger_range covered[] = {{10, 20}};
    struct lake lake;
    struct error error;
    struct run_plan plan = plan_of(NULL, 100, 0);
    assert_int_equal(run_plan_begin_at(&plan, 0, &error), OK); /* none was found */
    assert_int_equal(run_plan_begin_at(&plan, 100, &error), OK);
    assert_int_equal(plan.ranges[0].first, 100);
    assert_int_equal(run_plan_begin_at(&plan, 5000, &error), OK);
    assert_int_equal(run_plan_take_below(&plan, NULL, &error), OK);
    assert_int_equal(plan.range_count, 2);
    assert_int_equal(plan.ranges[0].first, 5000);
    assert_int_equal(plan.ranges[0].last, 0);
    assert_int_equal(plan.ranges[1].first, 100);
    assert_int_equal(plan.ranges[1].last, 4999);
    run_plan_release(&plan);

    lake_open(&lake, covered, 1);
    plan = plan_of(lake.catalog, 10, 0);
    assert_int_equal(run_plan_begin_at(&plan, 5000, &error), OK);
    assert_int_equal(plan.ranges[0].first, 21);
    run_plan_release(&plan);
    lake_close(&lake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_lake_is_begun_at_the_tip_with_what_lies_before_it_below),
        cmocka_unit_test(a_bounded_run_fetches_what_is_not_covered),
        cmocka_unit_test(the_seams_are_the_nearest_ledgers_with_a_digest_below_and_above),
        cmocka_unit_test(a_live_run_goes_on_behind_the_highest_and_names_what_it_leaves),
        cmocka_unit_test(a_live_run_of_several_streams_takes_what_lies_below_too),
        cmocka_unit_test(an_empty_lake_takes_the_request_as_it_stands),
        cmocka_unit_test(an_empty_lake_refuses_start_0_with_an_end),
        cmocka_unit_test(a_bounded_start_0_means_the_lake_s_first_ledger),
        cmocka_unit_test(a_lake_up_to_the_last_number_can_not_be_followed),
        cmocka_unit_test(what_stays_uncovered_is_known_at_the_end),
        cmocka_unit_test(any_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
