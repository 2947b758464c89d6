// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lake/verify.h"
#include "os/log.h"
#include "rows/batch_builder.h"
#include "sink/sink.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

/* Commits of ledgers first, first + 1, …, two events each, that closed so many seconds after noon.
 * The sink takes them as they are: the source is the one that looks at close times. */
static void commit_ledgers(uint32_t first, const int64_t *seconds, size_t count)
{
    struct sink_options options = stream_options(folder);
    struct sink *sink;
    struct error error;
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    const struct batch_builder_options builder_options = {
        .schema = row_schema_find(options.schema_version),
        .scheme = options.scheme,
        .dictionaries = true};
    struct batch_builder *builder;
    assert_int_equal(batch_builder_new(&builder, &builder_options, &error), OK);
    batch_builder_begin_range(builder, first);
    for (size_t i = 0; i < count; i++) {
        uint32_t ledger = first + (uint32_t)i;
        for (uint32_t index = 0; index < 2; index++) {
            struct stream_texts texts;
            bool is_dead_letter;
            struct event_view event = stream_event(ledger, index, &texts);
            event.closed_at_seconds = INT64_C(1705320000) + seconds[i];
            assert_int_equal(batch_builder_add_event(builder, &event, index, bytes_view_text("raw"),
                                                     &is_dead_letter, NULL),
                             OK);
            assert_false(is_dead_letter);
        }
        assert_int_equal(batch_builder_complete_to(builder, ledger, NULL), OK);
    }
    while (batch_builder_has_complete(builder)) {
        struct row_batch *batch = NULL;
        assert_int_equal(batch_builder_take(builder, &batch, NULL), OK);
        assert_int_equal(sink_append(sink, &batch, NULL), OK);
    }
    assert_int_equal(sink_commit(sink, ROTATION_END_OF_RANGE, NULL), OK);
    batch_builder_free(builder);
    sink_close(sink);
}

static char found[512];

/* The problems of close times, by verify or verify --deep: "kind commit message", …; others fail.
 */
static const char *verify(bool deep)
{
    const struct verify_options options = {.output_path = folder, .deep = deep, .threads = 1};
    struct verify_report report;
    assert_int_equal(verify_lake(&options, &report, NULL), OK);
    found[0] = '\0';
    for (size_t i = 0; i < findings_problem_count(&report.findings); i++) {
        const struct problem *problem = findings_problem(&report.findings, i);
        assert_string_equal(problem_kind_name(problem->kind), "close_times");
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s%llu: %s", used == 0 ? "" : "; ",
                 (unsigned long long)problem->commit_no, problem->message);
    }
    verify_report_release(&report);
    return found;
}

static void rising_and_equal_close_times_are_no_problem(void **state)
{
    (void)state;
    commit_ledgers(100, (const int64_t[]){0, 5, 5, 10}, 4);
    commit_ledgers(104, (const int64_t[]){10, 15}, 2);
    commit_ledgers(50, (const int64_t[]){-20, 0}, 2);
    assert_string_equal(verify(false), "");
    assert_string_equal(verify(true), "");
}

static void times_that_fall_from_one_commit_to_the_next_name_both_ledgers(void **state)
{
    (void)state;
    commit_ledgers(100, (const int64_t[]){2, 5}, 2);
    commit_ledgers(50, (const int64_t[]){1, 3}, 2); /* ends after ledger 100 closed */
    const char *expected = "0: ledger 100 (commit 1) closed at 2024-01-15T12:00:02Z, before ledger "
                           "51 (commit 2) at 2024-01-15T12:00:03Z: they are of two chains; "
                           "'repair START END' takes out the ledgers of the wrong one";
    assert_string_equal(verify(false), expected);
    assert_string_equal(verify(true), expected);
}

static void times_that_fall_within_a_file_are_found_by_its_rows(void **state)
{
    (void)state;
    commit_ledgers(100, (const int64_t[]){0, 10, 5, 15}, 4);
    assert_string_equal(verify(false), "");
    assert_string_equal(verify(true), "1: ledger 102 closed at 2024-01-15T12:00:05Z, before ledger "
                                      "101 at 2024-01-15T12:00:10Z");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rising_and_equal_close_times_are_no_problem),
        TEST(times_that_fall_from_one_commit_to_the_next_name_both_ledgers),
        TEST(times_that_fall_within_a_file_are_found_by_its_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
