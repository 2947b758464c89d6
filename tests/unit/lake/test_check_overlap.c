// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lake/check_overlap.h"
#include "lake/data_file.h"
#include "lake/open.h"
#include "os/log.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"
#include "util/memory.h"

/* Commits of 700 to 709 and 710 to 719: 702 has rows and a dead letter, 707 brought nothing. */
static char folder[TEMP_PATH_BYTES];
static struct sink_options options;
static struct inventory inventory;
static struct findings findings;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    log_set_level(LOG_ERROR + 1);
    options = stream_options(folder);
    struct sink *sink;
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    assert_true(stream_fill(sink, &options, 700, 709, 1));
    assert_true(stream_fill(sink, &options, 710, 719, 1));
    sink_close(sink);
    inventory_init(&inventory);
    struct catalog *catalog;
    assert_int_equal(lake_open_catalog(&catalog, folder, &error), OK);
    assert_int_equal(inventory_read_catalog(&inventory, folder, catalog, &error), OK);
    catalog_close(catalog);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    inventory_release(&inventory);
    temp_folder_remove(folder);
    return 0;
}

/* The second commit says that it has these ledgers. */
static void claim(uint32_t first, uint32_t last)
{
    LIST_AT(&inventory.commits, struct inventory_commit, 1)->range =
        (struct ledger_range){first, last};
}

/* As `verify` does: what the walks gathered of each file that is sound, commit by commit. */
static enum error_code add_files(struct overlap *overlap, bool files_are_bad)
{
    const struct file_rows_wish wish = {0};
    enum error_code code = OK;
    for (size_t i = 0; code == OK && !files_are_bad && i < 2; i++) {
        struct file_rows rows;
        file_rows_init(&rows);
        code =
            lake_data_file_rows(folder, LIST_AT(&inventory.files, struct inventory_file, i)->path,
                                &wish, &rows, &error);
        if (code == OK)
            overlap_add(overlap, i, &rows);
        file_rows_release(&rows);
    }
    return code;
}

static enum error_code check(bool files_are_bad)
{
    struct ledger_owners owners;
    struct overlap overlap = {0};
    enum error_code code = ledger_owners_make(&owners, &inventory, &error);
    if (code == OK)
        code = overlap_init(&overlap, &inventory, &owners, &error);
    if (code == OK)
        code = add_files(&overlap, files_are_bad);
    if (code == OK)
        code = check_overlap(folder, &inventory, &overlap, &findings, &error);
    overlap_release(&overlap);
    ledger_owners_release(&owners);
    return code;
}

static enum error_code check_again(bool files_are_bad)
{
    assert_int_equal(LIST_COUNT(&inventory.files, struct inventory_file), 2);
    assert_int_equal(findings_init(&findings, NULL), OK);
    return check(files_are_bad);
}

static void assert_found(const char *message)
{
    assert_int_equal(findings_problem_count(&findings), message != NULL);
    if (message != NULL)
        assert_string_equal(findings_problem(&findings, 0)->message, message);
    findings_release(&findings);
}

static void commits_side_by_side_are_well(void **state)
{
    (void)state;
    assert_int_equal(check_again(false), OK);
    assert_found(NULL);
}

static void ledgers_without_events_may_be_taken_over(void **state)
{
    (void)state;
    claim(707, 707);
    assert_int_equal(check_again(false), OK);
    assert_found(NULL);
}

static void rows_of_a_ledger_that_was_taken_over_are_found(void **state)
{
    (void)state;
    claim(707, 719);
    assert_int_equal(check_again(false), OK);
    assert_found(
        "ledger 708 is in two commits: 1 has rows or dead letters of it, and 2 took it over");
}

static void so_are_dead_letters(void **state)
{
    (void)state;
    claim(701, 703);
    assert_int_equal(check_again(true), OK); /* rows are not looked at in files that are bad */
    assert_found(
        "ledger 702 is in two commits: 1 has rows or dead letters of it, and 2 took it over");
    claim(703, 709);
    assert_int_equal(check_again(true), OK);
    assert_found(NULL);
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    enum error_code code = ERR_NO_MEMORY;
    claim(702, 702);
    for (uint64_t n = 1; code != OK; n++) {
        assert_int_equal(findings_init(&findings, NULL), OK);
        mem_fail_after(n);
        code = check(false);
        mem_fail_after(0);
        assert_true(code == OK || code == ERR_NO_MEMORY);
        findings_release(&findings);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(commits_side_by_side_are_well),
        TEST(ledgers_without_events_may_be_taken_over),
        TEST(rows_of_a_ledger_that_was_taken_over_are_found),
        TEST(so_are_dead_letters),
        TEST(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
