// SPDX-License-Identifier: Apache-2.0
/* A lake compared with what a server sends, which is the stream that it was made of. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lake/comparison.h"
#include "lake/findings.h"
#include "lake/foreign.h"
#include "lake/inventory.h"
#include "lake/data_file.h"
#include "lake/open.h"
#include "walk/file_rows.h"
#include "walk/row_scan.h"
#include "os/file.h"
#include "os/log.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"
#include "util/memory.h"

/* Up to 13:00 and beyond; ledger 702 has a dead letter, 707 brings nothing. */
#define FIRST   700
#define LAST    760
#define LEDGERS (LAST - FIRST + 1)

static char folder[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;
static uint64_t fail_after; /* the comparison's allocation that fails, and all after it; 0: none */

/* What the made-up server does. */
struct server {
    uint32_t left_out;   /* this ledger does not come */
    uint32_t shortened;  /* this one lacks its last event */
    uint32_t changed;    /* this one's events have another amount; 1: every ledger's */
    uint32_t dropped;    /* this one comes once more */
    bool is_other_chain; /* close times differ */
    uint32_t late;       /* this ledger's close time differs */
};

static void fill_lake(uint32_t first, uint32_t last)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    assert_true(stream_fill(sink, &options, first, last, 1));
    sink_close(sink);
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    options = stream_options(lake);
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static enum error_code send_event(struct comparison *comparison, const struct server *server,
                                  uint32_t ledger, uint32_t index)
{
    struct stream_texts texts;
    struct row_scratch scratch = {.text = {0}};
    struct row_view row;
    bool is_stored;
    struct event_view event = stream_event(ledger, index, &texts);
    if (server->changed == ledger || server->changed == 1)
        event.amount = bytes_view_text("1000001");
    event.closed_at_seconds += server->is_other_chain || server->late == ledger;
    enum error_code code = row_from_event(&event, index, &scratch, &row, NULL);
    bool is_row = code == OK;
    code = comparison_add(comparison, ledger, index, is_row ? &row : NULL,
                          bytes_view_text(STREAM_RAW), &is_stored, &error);
    assert_true(code != OK || is_stored == is_row);
    buffer_release(&scratch.text);
    return code;
}

static enum error_code send_ledger(struct comparison *comparison, const struct server *server,
                                   uint32_t ledger)
{
    enum error_code code = OK;
    uint32_t count = stream_events(ledger) - (server->shortened == ledger);
    for (uint32_t i = 0; code == OK && server->left_out != ledger && i < count; i++)
        code = send_event(comparison, server, ledger, i);
    return code;
}

static enum error_code stream(struct comparison *comparison, const struct server *server)
{
    enum error_code code = OK;
    for (bool more = true; code == OK && more;) {
        struct ledger_range range;
        code = comparison_next_range(comparison, &range, &more, &error);
        for (uint32_t ledger = range.first; code == OK && more && ledger <= range.last; ledger++) {
            code = send_ledger(comparison, server, ledger);
            if (code == OK && ledger == server->dropped) {
                comparison_drop_ledger(comparison);
                code = send_ledger(comparison, server, ledger);
            }
            /* Empty ledgers complete with the next one that is not. */
            if (code == OK && (stream_events(ledger) > 0 || ledger == range.last))
                code = comparison_complete_to(comparison, ledger, &error);
        }
    }
    return code;
}

struct outcome {
    struct comparison_totals totals;
    struct findings findings;
};

static enum error_code compare(struct outcome *outcome, const struct server *server,
                               uint32_t millionths, size_t limit_bytes)
{
    static const bool none_is_bad[4096];
    struct inventory inventory;
    struct comparison_options wanted = {.root = lake,
                                        .file_is_bad = none_is_bad,
                                        .scheme = options.scheme,
                                        .sample_millionths = millionths,
                                        .ledger_limit_bytes = limit_bytes};
    struct foreign foreign = {0};
    inventory_init(&inventory);
    *outcome = (struct outcome){.totals = {0}};
    assert_int_equal(findings_init(&outcome->findings, NULL), OK);
    struct catalog *catalog;
    enum error_code code = lake_open_catalog(&catalog, lake, &error);
    if (code == OK)
        code = inventory_read_catalog(&inventory, lake, catalog, &error);
    catalog_close(catalog);
    if (code == OK)
        code = foreign_find(&foreign, &inventory, &error);
    wanted.foreign = &foreign;
    struct comparison *comparison = NULL;
    mem_fail_after(fail_after);
    if (code == OK)
        code = comparison_new(&comparison, &wanted, &inventory, &outcome->findings, &error);
    if (code == OK)
        code = stream(comparison, server);
    if (code == OK)
        code = comparison_finish(comparison, &error);
    if (comparison != NULL)
        outcome->totals = comparison_totals(comparison);
    mem_fail_after(0);
    comparison_free(comparison);
    foreign_release(&foreign);
    inventory_release(&inventory);
    return code;
}

static void must_compare(struct outcome *outcome, const struct server *server)
{
    if (compare(outcome, server, COMPARISON_WHOLE, SIZE_MAX) != OK)
        fail_msg("%s", error.message);
}

static void assert_message(const struct outcome *outcome, size_t index, const char *expected)
{
    assert_true(index < findings_problem_count(&outcome->findings));
    assert_string_equal(findings_problem(&outcome->findings, index)->message, expected);
}

static uint64_t count_rows(uint32_t first, uint32_t last)
{
    uint64_t rows = 0;
    for (uint32_t ledger = first; ledger <= last; ledger++)
        rows += stream_rows(ledger);
    return rows;
}

static void a_lake_equals_the_stream_that_it_was_made_of(void **state)
{
    (void)state;
    for (int scheme = PARTITION_DATE; scheme <= PARTITION_SIMPLE; scheme++) {
        for (int version = 0; version < 2; version++) {
            struct outcome outcome;
            struct server server = {.dropped = FIRST + 2};
            options.scheme = (enum partitioning_scheme)scheme;
            options.schema_version = version == 0 ? "1.0.0" : "1.1.0";
            fill_lake(FIRST + 10, FIRST + 19);
            fill_lake(FIRST, LAST);
            must_compare(&outcome, &server);
            assert_int_equal(outcome.totals.ledgers, LEDGERS);
            assert_int_equal(outcome.totals.rows, count_rows(FIRST, LAST));
            assert_int_equal(outcome.totals.dead_letters, 5);
            assert_int_equal(outcome.totals.differing, 0);
            assert_int_equal(findings_problem_count(&outcome.findings), 0);
            findings_release(&outcome.findings);
            temp_folder_remove(lake);
        }
    }
}

static void what_differs_is_told_with_what_to_fetch_again(void **state)
{
    (void)state;
    struct outcome outcome;
    struct server server = {.left_out = 711, .shortened = 702, .changed = 725};
    fill_lake(FIRST, 709);
    fill_lake(710, LAST);
    must_compare(&outcome, &server);
    assert_int_equal(outcome.totals.differing, 3);
    assert_message(&outcome, 0,
                   "ledger 702, event_index 4: a dead letter is in the lake, and the server does "
                   "not send it (the lake has 4 rows and 1 dead letter, the server sends 4 rows)");
    assert_message(&outcome, 1, "ledger 711: the lake has 3 rows, the server sends no event of it");
    assert_message(&outcome, 2,
                   "ledger 725, event_index 0: amount is '1000000' in the lake, '1000001' from the "
                   "server (the lake has 2 rows, the server sends 2 rows)");
    assert_int_equal(findings_problem(&outcome.findings, 0)->commit_no, 1);
    assert_int_equal(outcome.findings.take_out.count, 1);
    assert_int_equal(outcome.findings.take_out.ranges[0].first, FIRST);
    assert_true(outcome.findings.take_out.ranges[0].last >= 725);
    findings_release(&outcome.findings);
}

static void many_that_differ_are_counted(void **state)
{
    (void)state;
    struct outcome outcome;
    struct server server = {.changed = 1};
    fill_lake(FIRST, LAST);
    must_compare(&outcome, &server);
    assert_false(outcome.totals.is_other_chain);
    assert_int_equal(outcome.totals.ledgers, LEDGERS);
    assert_int_equal(outcome.totals.differing, 55); /* six of them have no event */
    assert_int_equal(findings_problem_count(&outcome.findings), COMPARISON_TOLD_MAX + 1);
    assert_message(&outcome, COMPARISON_TOLD_MAX,
                   "35 more ledgers differ: 55 of the 61 that were compared do");
    findings_release(&outcome.findings);
}

static void another_chain_ends_it_early(void **state)
{
    (void)state;
    struct outcome outcome;
    struct server server = {.is_other_chain = true};
    fill_lake(FIRST, LAST);
    must_compare(&outcome, &server);
    assert_true(outcome.totals.is_other_chain);
    assert_int_equal(findings_problem_count(&outcome.findings), 1);
    assert_int_equal(outcome.findings.refetch.count, 0);
    assert_non_null(strstr(findings_problem(&outcome.findings, 0)->message, "another chain"));
    findings_release(&outcome.findings);
}

/* The others have the lake's close times and transactions: an upgraded server, not a chain. */
static void one_other_close_time_among_other_contents_is_no_other_chain(void **state)
{
    (void)state;
    struct outcome outcome;
    struct server server = {.changed = 1, .late = 725};
    fill_lake(FIRST, LAST);
    must_compare(&outcome, &server);
    assert_false(outcome.totals.is_other_chain);
    assert_int_equal(outcome.totals.ledgers, LEDGERS);
    assert_int_equal(outcome.totals.differing, 55);
    assert_int_equal(findings_problem_count(&outcome.findings), COMPARISON_TOLD_MAX + 1);
    assert_int_equal(outcome.findings.take_out.count, 1);
    findings_release(&outcome.findings);
}

static void a_sample_is_compared_alone(void **state)
{
    (void)state;
    struct outcome outcome;
    struct server server = {.changed = 1};
    fill_lake(FIRST, LAST);
    assert_int_equal(compare(&outcome, &server, 100000, SIZE_MAX), OK);
    assert_int_equal(outcome.totals.wanted, 7);
    assert_int_equal(outcome.totals.ledgers, 7);
    assert_int_equal(outcome.totals.whole, LEDGERS);
    findings_release(&outcome.findings);
}

static void a_ledger_that_outgrows_its_share_of_memory_ends_it(void **state)
{
    (void)state;
    struct outcome outcome;
    struct server server = {0};
    fill_lake(FIRST, LAST);
    assert_int_equal(compare(&outcome, &server, COMPARISON_WHOLE, 100), ERR_LIMIT);
    assert_non_null(strstr(error.message, "raise memory_limit"));
    findings_release(&outcome.findings);
}

static void a_file_that_went_away_meanwhile_is_named(void **state)
{
    (void)state;
    struct outcome outcome;
    struct server server = {0};
    fill_lake(FIRST, LAST);
    temp_folder_remove(temp_path(lake, "year=2024"));
    assert_int_equal(compare(&outcome, &server, COMPARISON_WHOLE, SIZE_MAX), ERR_RETRY);
    assert_non_null(strstr(error.message, "is gone since the catalog was read"));
    findings_release(&outcome.findings);
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    struct server server = {.left_out = 711, .shortened = 702, .changed = 725};
    static const char *const versions[] = {"1.0.0", "1.1.0"};
    for (int v = 0; v < 2; v++) {
        enum error_code code = ERR_NO_MEMORY;
        options.schema_version = versions[v];
        options.scheme = PARTITION_DATE_HOUR_TYPE;
        fill_lake(FIRST, FIRST + 30);
        for (uint64_t n = 1; code != OK; n += n < 300 ? 1 : 7) {
            struct outcome outcome;
            fail_after = n;
            code = compare(&outcome, &server, COMPARISON_WHOLE, SIZE_MAX);
            fail_after = 0;
            if (code != OK && code != ERR_NO_MEMORY)
                fail_msg("allocation %u: %s", (unsigned)n, error.message);
            findings_release(&outcome.findings);
        }
        temp_folder_remove(lake);
    }
}

/* ---- rows of a range, by themselves ---- */

struct seen {
    struct ledger_range range;
    uint64_t rows;
    uint32_t ledger, index;
};

static enum error_code see_row(void *context, const struct row_view *row, struct error *problem)
{
    struct seen *seen = context;
    (void)problem;
    assert_in_range(row->ledger_sequence, seen->range.first, seen->range.last);
    assert_int_equal(row->timestamp_us, stream_close_us(row->ledger_sequence));
    assert_true(bytes_equal(row->amount, bytes_view_text("1000000")));
    assert_int_equal(row->event_index, row->ledger_sequence == seen->ledger ? seen->index + 1 : 0);
    seen->ledger = row->ledger_sequence;
    seen->index = row->event_index;
    seen->rows++;
    return OK;
}

static enum error_code find_file(void *context, const char *relative_path, uint64_t size_bytes,
                                 struct error *problem)
{
    (void)size_bytes;
    (void)problem;
    if (strstr(relative_path, ".parquet") != NULL)
        snprintf(context, TEMP_PATH_BYTES, "%s", relative_path);
    return OK;
}

/* What a walk gathers of one ledger: its whole rows, and all ledgers' times and ordinals. */
static void assert_gathered(const char *path, uint32_t ledger)
{
    struct file_rows rows;
    struct seen seen = {.range = {ledger, ledger}};
    const struct file_rows_wish wish = {true, true, ledger};
    uint64_t count = 0;
    file_rows_init(&rows);
    assert_int_equal(lake_data_file_rows(lake, path, &wish, &rows, &error), OK);
    assert_false(rows.whole_is_incomplete);
    for (size_t i = 0; i < LIST_COUNT(&rows.whole, struct row_view); i++)
        assert_int_equal(see_row(&seen, LIST_AT(&rows.whole, struct row_view, i), &error), OK);
    assert_int_equal(seen.rows, ledger > 3000 ? 0 : stream_rows(ledger));
    for (size_t i = 0; i < LIST_COUNT(&rows.runs, struct ledger_run); i++) {
        const struct ledger_run *run = LIST_AT(&rows.runs, struct ledger_run, i);
        assert_int_equal(run->time_us, stream_close_us(run->ledger_sequence));
        assert_false(run->has_other_time);
        count += run->row_count;
    }
    assert_int_equal(count, count_rows(1, 3000));
    assert_int_equal(LIST_COUNT(&rows.ordinals, uint32_t), count);
    file_rows_release(&rows);
}

/* A file of 12,000 rows in row groups and pages of all sizes. */
static void the_rows_of_any_range_are_found(void **state)
{
    (void)state;
    static const struct ledger_range ranges[] = {{1, 3000},    {1000, 1000}, {1007, 1007},
                                                 {2999, 3500}, {1, 1},       {3001, 4000},
                                                 {500, 2500},  {1234, 1240}};
    static const uint32_t group_rows[] = {500, 5000, 0};
    options.scheme = PARTITION_SIMPLE;
    for (size_t g = 0; g < 3; g++) {
        char path[TEMP_PATH_BYTES];
        struct row_scan scan;
        struct lake_data_file file;
        struct file_rows rows;
        options.row_group_rows = group_rows[g];
        options.page_size_bytes = g == 0 ? 0 : 4096;
        fill_lake(1, 3000);
        assert_int_equal(
            os_walk(lake, &(struct os_walker){.context = path, .visit = find_file}, &error), OK);
        assert_int_equal(row_scan_init(&scan, &error), OK);
        assert_int_equal(lake_data_file_open(&file, lake, path, &error), OK);
        file_rows_init(&rows);
        assert_int_equal(
            lake_data_file_rows(lake, path, &(struct file_rows_wish){0}, &rows, &error), OK);
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
            struct seen seen = {.range = ranges[i]};
            uint32_t last = ranges[i].last > 3000 ? 3000 : ranges[i].last, first = ranges[i].first;
            if (row_scan_file(&scan, &file.source, ranges[i], see_row, &seen, &error) != OK)
                fail_msg("%s", error.message);
            assert_int_equal(seen.rows, count_rows(first, last));
            while (first <= last && stream_rows(first) == 0)
                first++;
            assert_gathered(path, ranges[i].first);
            assert_int_equal(file_rows_find(&rows, ranges[i]), seen.rows == 0 ? 0 : first);
        }
        file_rows_release(&rows);
        row_scan_release(&scan);
        lake_data_file_release(&file);
        temp_folder_remove(lake);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_lake_equals_the_stream_that_it_was_made_of),
        TEST(what_differs_is_told_with_what_to_fetch_again),
        TEST(many_that_differ_are_counted),
        TEST(another_chain_ends_it_early),
        TEST(one_other_close_time_among_other_contents_is_no_other_chain),
        TEST(a_sample_is_compared_alone),
        TEST(a_ledger_that_outgrows_its_share_of_memory_ends_it),
        TEST(a_file_that_went_away_meanwhile_is_named),
        TEST(every_failed_allocation_is_a_clean_error),
        TEST(the_rows_of_any_range_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
