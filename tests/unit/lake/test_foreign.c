// SPDX-License-Identifier: Apache-2.0
/* Which commits, files and rows belong together, by an inventory that is put together by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "lake/foreign.h"
#include "lake/remedy.h"
#include "support/allocation_sweep.h"

static struct inventory inventory;
static struct foreign foreign;
static struct take_out out;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    inventory_init(&inventory);
    foreign = (struct foreign){0};
    out = (struct take_out){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    take_out_release(&out);
    foreign_release(&foreign);
    inventory_release(&inventory);
    return 0;
}

/* Files of no commit come first, as the inventory sorts them: add them before the commits. */
static void add_file(const char *path, uint32_t first, uint32_t last, int64_t rows,
                     bool is_of_commits)
{
    struct inventory_file file = {.path = path,
                                  .record_count = rows,
                                  .range = {first, last},
                                  .has_range = true,
                                  .data_file_id = 100 + rows,
                                  .is_of_commits = is_of_commits};
    assert_int_equal(buffer_append(&inventory.files, &file, sizeof file), OK);
}

/* A commit of one file of ten rows, which is live or not. */
static void add_commit(uint64_t number, uint32_t first, uint32_t last, bool is_live,
                       uint64_t hidden_rows)
{
    size_t files = LIST_COUNT(&inventory.files, struct inventory_file);
    struct inventory_commit commit = {.commit_no = number,
                                      .range = {first, last},
                                      .file_count = 1,
                                      .row_count = 10,
                                      .first_file = files,
                                      .live_file_count = is_live};
    struct inventory_file file = {.path = "own.parquet",
                                  .record_count = 10,
                                  .range = {first, last},
                                  .has_range = true,
                                  .data_file_id = (int64_t)number,
                                  .commit_no = number,
                                  .hidden_rows = hidden_rows};
    struct catalog_displaced displaced = {
        .commit_no = number, .path = "gone.parquet", .record_count = 10, .range = {first, last}};
    assert_int_equal(buffer_append(&inventory.commits, &commit, sizeof commit), OK);
    if (is_live)
        assert_int_equal(buffer_append(&inventory.files, &file, sizeof file), OK);
    else
        assert_int_equal(buffer_append(&inventory.displaced, &displaced, sizeof displaced), OK);
}

static void add_inlined(uint32_t ledger)
{
    struct catalog_inlined one = {.ledger = ledger, .has_ledger = true, .row_count = 1};
    assert_int_equal(buffer_append(&inventory.inlined, &one, sizeof one), OK);
}

static void find(void)
{
    assert_int_equal(foreign_find(&foreign, &inventory, &error), OK);
    assert_int_equal(take_out_init(&out, &inventory, &foreign, &error), OK);
}

static void commits_whose_files_are_live_and_untouched_are_of_no_group(void **state)
{
    (void)state;
    add_file("inserted.parquet", 10, 12, 3, false);
    add_commit(1, 10, 19, true, 0);
    find();
    assert_int_equal(foreign.group_count, 1); /* the file that somebody inserted */
    assert_true(foreign.of_commit[0] == FOREIGN_NONE);
    assert_true(foreign_group_is_changed(&foreign.groups[0]));
    take_out_commit(&out, 0); /* leaves alone */
    assert_true(out.commits[0] && !out.files[0]);
    assert_null(take_out_changed(&out));
}

static void merged_commits_leave_together(void **state)
{
    (void)state;
    struct ledger_set ranges = {0};
    add_file("merged.parquet", 10, 29, 20, true);
    add_commit(1, 10, 19, false, 0);
    add_commit(2, 20, 29, false, 0);
    add_commit(3, 30, 39, true, 0);
    find();
    assert_int_equal(foreign.group_count, 1);
    assert_true(foreign.groups[0].is_merged);
    assert_true(foreign_touches(&foreign, &inventory, (struct ledger_range){15, 15}));
    assert_false(foreign_has_inserted(&foreign, &inventory, (struct ledger_range){15, 15}));
    assert_false(foreign_touches(&foreign, &inventory, (struct ledger_range){30, 39}));
    take_out_commit(&out, 1);
    assert_true(out.commits[0] && out.commits[1] && !out.commits[2] && out.files[0]);
    assert_null(take_out_changed(&out));
    assert_int_equal(take_out_append_ranges(&out, &ranges, &error), OK);
    assert_int_equal(ranges.count, 2);
    ledger_set_release(&ranges);
}

static void other_counts_or_snapshots_than_the_commits_are_changes(void **state)
{
    (void)state;
    add_file("more.parquet", 10, 19, 11, true);
    add_file("another's.parquet", 20, 29, 10, false);
    add_commit(1, 10, 19, false, 0);
    add_commit(2, 20, 29, false, 0);
    add_commit(3, 30, 39, false, 0); /* deleted whole */
    add_commit(4, 40, 49, true, 5);
    find();
    assert_int_equal(foreign.group_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(foreign_group_is_changed(&foreign.groups[i]));
    assert_int_equal(foreign.groups[foreign.of_commit[3]].hidden_rows, 5);
    take_out_commit(&out, 0);
    assert_non_null(take_out_changed(&out));
}

static void rows_in_the_catalog_go_with_the_commits_whose_ledgers_they_have(void **state)
{
    (void)state;
    const struct ledger_set none = {0};
    add_commit(1, 10, 19, true, 1);
    add_commit(2, 20, 29, true, 0);
    add_inlined(12);
    add_inlined(25);
    add_inlined(500);
    find();
    assert_int_equal(foreign.group_count, 2);
    assert_true(foreign.of_inlined[0] == foreign.of_commit[0]);
    assert_true(foreign.of_inlined[1] == foreign.of_inlined[2]);
    take_out_commit(&out, 0);
    assert_true(out.inlined[0] && !out.inlined[1]);
    take_out_commit(&out, 1);
    take_out_inserted(&out, &none);
    assert_true(out.inlined[1] && !out.inlined[2]);
}

static void a_file_all_of_whose_rows_are_hidden_is_nothing(void **state)
{
    (void)state;
    add_file("dead.parquet", 10, 19, 3, false);
    LIST_AT(&inventory.files, struct inventory_file, 0)->hidden_rows = 3;
    add_commit(1, 10, 19, true, 0);
    find();
    assert_true(foreign.groups[0].is_void && !foreign_group_is_changed(&foreign.groups[0]));
}

static void repair_leaves_what_others_changed_unless_it_is_told_not_to(void **state)
{
    (void)state;
    struct findings findings;
    struct remedy_counts counts;
    assert_int_equal(findings_init(&findings, NULL), OK);
    add_file("merged.parquet", 10, 19, 10, true);
    add_commit(1, 10, 19, false, 0);
    add_commit(2, 20, 29, true, 5);
    find();
    findings_add_problem(&findings, PROBLEM_DAMAGED_FILE, "merged.parquet", 0,
                         (struct ledger_range){0}, "cut");
    findings_add_problem(&findings, PROBLEM_DAMAGED_FILE, "own.parquet", 2,
                         (struct ledger_range){20, 29}, "cut");
    findings_add_problem(&findings, PROBLEM_UNKNOWN_FILE, "stranger.parquet", 0,
                         (struct ledger_range){0}, "unknown");
    findings_add_problem(&findings, PROBLEM_CHANGED_BY_OTHERS, NULL, 0, (struct ledger_range){0},
                         "changed");
    remedy_find(&out, &findings, false, &counts);
    assert_int_equal(counts.mended, 1);
    assert_int_equal(counts.changed, 2);
    assert_int_equal(counts.others, 1);
    assert_int_equal(counts.first_changed->range.first, 20);
    assert_true(out.commits[0] && out.files[0] && !out.commits[1]);
    assert_true(findings_problem(&findings, 0)->by_repair);
    assert_false(findings_problem(&findings, 1)->by_repair);
    remedy_find(&out, &findings, true, &counts);
    assert_int_equal(counts.mended, 3);
    assert_true(out.commits[1]);
    findings_release(&findings);
}

static void no_failing_allocation_loses_a_group(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.may_succeed = false};
    add_file("merged.parquet", 10, 29, 20, true);
    add_commit(1, 10, 19, false, 0);
    add_commit(2, 20, 29, false, 0);
    while (sweep_next(&sweep)) {
        struct foreign groups;
        sweep_begin(&sweep);
        enum error_code code = foreign_find(&groups, &inventory, &error);
        if (sweep_end(&sweep, code))
            assert_int_equal(groups.group_count, 1);
        foreign_release(&groups);
    }
    assert_true(sweep.failures > 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commits_whose_files_are_live_and_untouched_are_of_no_group),
        TEST(merged_commits_leave_together),
        TEST(other_counts_or_snapshots_than_the_commits_are_changes),
        TEST(rows_in_the_catalog_go_with_the_commits_whose_ledgers_they_have),
        TEST(a_file_all_of_whose_rows_are_hidden_is_nothing),
        TEST(repair_leaves_what_others_changed_unless_it_is_told_not_to),
        TEST(no_failing_allocation_loses_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
