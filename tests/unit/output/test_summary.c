// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "service/memory_plan.h"
#include "output/report_file.h"
#include "output/summary.h"
#include "support/options_support.h"
#include "os/file.h"
#include "support/temp_folder.h"
#include "util/memory.h"

static const struct ledger_range holes[] = {{100, 120}, {130, 130}};

/* A bounded run that lacks `hole_count` ranges. */
static struct run_report report_with(size_t hole_count)
{
    struct run_report report = {.has_run = true,
                                .elapsed_us = 2500000,
                                .last = {.sink.rows_committed = 1234567,
                                         .sink.files_committed = 1,
                                         .sink.bytes_committed = 3 << 20,
                                         .sink.commits = 2,
                                         .stream.retries = 1,
                                         .cpu_us = 1234567,
                                         .peak_resident_bytes = 50 << 20}};
    report.problem_count = 1;
    report.problems[0] = (struct status_problem){.count = 3, .message = "the stream ended early"};
    for (size_t i = 0; i < hole_count; i++)
        assert_int_equal(ledger_set_append(&report.uncovered, holes[i], NULL), OK);
    return report;
}

static const char *rendered(struct buffer *text, size_t hole_count)
{
    struct loaded loaded;
    load(&loaded, (struct load_request){.config = NULL});
    struct run_report report = report_with(hole_count);
    buffer_init(text);
    assert_int_equal(summary_render(&loaded.options, &report, text), OK);
    assert_int_equal(buffer_append_byte(text, 0), OK);
    run_report_release(&report);
    loaded_release(&loaded);
    return (const char *)text->data;
}

static void a_summary_counts_rows_files_and_repeated_warnings(void **state)
{
    (void)state;
    struct buffer text;
    const char *summary = rendered(&text, 0);
    assert_non_null(strstr(summary, "1,234,567 rows in 1 file, 3.0 MiB, by 2 commits"));
    assert_non_null(strstr(summary, "1 retry"));
    assert_non_null(strstr(summary, "493,826 rows/s"));
    assert_non_null(strstr(summary, "(1.00 us a row), 50.0 MiB of memory"));
    assert_non_null(strstr(summary, "3 times: the stream ended early"));
    assert_non_null(strstr(summary, "every ledger asked for is in the lake"));
    buffer_release(&text);
}

static void a_summary_names_what_is_missing_and_the_command_for_it(void **state)
{
    (void)state;
    struct buffer text;
    const char *summary = rendered(&text, 2);
    assert_non_null(strstr(summary, "100-120, 130"));
    assert_non_null(strstr(summary, "parquet-consumer run --output-path /"));
    assert_non_null(strstr(summary, "/data/parquet 100 130\n"));
    buffer_release(&text);
}

static void a_summary_that_lacks_ledgers_has_the_servers_own_words(void **state)
{
    (void)state;
    struct loaded loaded;
    struct buffer text;
    load(&loaded, (struct load_request){.config = NULL});
    struct run_report report = report_with(2);
    report.last.stream.failure.at_us = 1;
    strcpy(report.last.stream.failure.asked, "ledgers 100 to 130");
    strcpy(report.last.stream.failure.address, "10.1.2.3:50051");
    strcpy(report.last.stream.failure.words, "the server answered INTERNAL: no");
    report.last.stream.failure.meaning = "its breaker is open";
    buffer_init(&text);
    assert_int_equal(summary_render(&loaded.options, &report, &text), OK);
    assert_int_equal(buffer_append_byte(&text, 0), OK);
    assert_non_null(strstr((const char *)text.data,
                           "10.1.2.3:50051, asked for ledgers 100 to 130: the server answered "
                           "INTERNAL: no\n"));
    assert_non_null(strstr((const char *)text.data, "its breaker is open\n"));
    buffer_release(&text);
    run_report_release(&report);
    loaded_release(&loaded);
}

static void after_another_chain_nothing_is_to_be_fetched(void **state)
{
    (void)state;
    struct loaded loaded;
    struct buffer text;
    load(&loaded, (struct load_request){.config = NULL});
    struct run_report report = report_with(2);
    report.other_chain = true;
    buffer_init(&text);
    assert_int_equal(summary_render(&loaded.options, &report, &text), OK);
    assert_int_equal(buffer_append_byte(&text, 0), OK);
    assert_non_null(strstr((const char *)text.data, "100-120, 130"));
    assert_null(strstr((const char *)text.data, "parquet-consumer run"));
    buffer_release(&text);
    run_report_release(&report);
    loaded_release(&loaded);
}

static void a_summary_and_a_report_name_the_gaps(void **state)
{
    (void)state;
    struct loaded loaded;
    struct buffer text;
    load(&loaded, (struct load_request){.config = NULL});
    struct run_report report = report_with(0);
    report.last.stream.gaps.count = 3;
    report.last.stream.gaps.ledger_count = 307;
    report.last.stream.gaps.found_count = 12;
    report.last.stream.gaps.kept_count = 2;
    report.last.stream.gaps.kept[0] = (struct ledger_range){1020, 1319};
    report.last.stream.gaps.kept[1] = (struct ledger_range){1400, 1400};
    buffer_init(&text);
    assert_int_equal(summary_render(&loaded.options, &report, &text), OK);
    assert_int_equal(buffer_append_byte(&text, 0), OK);
    assert_non_null(strstr((const char *)text.data, "1020-1319, 1400: no event came"));
    assert_non_null(strstr((const char *)text.data, "and 1 earlier"));
    assert_non_null(strstr((const char *)text.data, "12 ledgers left out by the stream"));
    buffer_release(&text);
    char folder[TEMP_PATH_BYTES];
    temp_folder_make(folder);
    const char *path = temp_path(folder, "report.json");
    struct error error;
    assert_int_equal(report_file_end(path, &loaded.options, &report, EXIT_DONE, &error), OK);
    json_t *root = json_load_file(path, 0, NULL);
    json_t *gaps = json_object_get(root, "gaps");
    assert_int_equal(json_array_size(gaps), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(gaps, 0), "last")), 1319);
    assert_int_equal(json_integer_value(json_object_get(root, "gap_ledgers")), 307);
    assert_int_equal(json_integer_value(json_object_get(root, "found_ledgers")), 12);
    json_decref(root);
    temp_folder_remove(folder);
    run_report_release(&report);
    loaded_release(&loaded);
}

static void a_plan_shows_ranges_files_and_a_hint_where_they_would_be_small(void **state)
{
    (void)state;
    struct loaded loaded;
    struct run_range ranges[] = {{.first = 1000, .last = 99999}};
    struct run_plan plan = {
        .ranges = ranges, .range_count = 1, .start = 1000, .end = 99999, .bytes_per_ledger = 1000};
    struct buffer text;
    load(&loaded, (struct load_request){.config = NULL});
    buffer_init(&text);
    assert_int_equal(summary_render_plan(&loaded.options, &plan, &text), OK);
    assert_int_equal(buffer_append_byte(&text, 0), OK);
    const char *shown = (const char *)text.data;
    assert_non_null(strstr(shown, "1000 to 99999, 99000 ledgers"));
    assert_non_null(strstr(shown, "about 160 of"));
    assert_non_null(strstr(shown, "--partitioning-scheme date"));
    assert_non_null(strstr(shown, "amount             varchar not null"));
    buffer_reset(&text);
    plan.bytes_per_ledger = 27000;
    assert_int_equal(summary_render_plan(&loaded.options, &plan, &text), OK);
    assert_int_equal(buffer_append_byte(&text, 0), OK);
    assert_null(strstr((const char *)text.data, "hint"));
    buffer_release(&text);
    loaded_release(&loaded);
}

static json_t *read_report(const char *path)
{
    json_error_t error;
    json_t *report = json_load_file(path, 0, &error);
    assert_non_null(report);
    return report;
}

static void a_report_is_there_as_incomplete_from_the_start(void **state)
{
    (void)state;
    char folder[TEMP_PATH_BYTES];
    char path[TEMP_PATH_BYTES];
    char incomplete[TEMP_PATH_BYTES];
    struct loaded loaded;
    struct error error;
    temp_folder_make(folder);
    strcpy(path, temp_path(folder, "r.json"));
    strcpy(incomplete, temp_path(folder, "incomplete_r.json"));
    load(&loaded, (struct load_request){.flags = {{"--metadata", "{\"x\": \"secret\"}"}}});
    assert_int_equal(report_file_begin(path, &loaded.options, &error), OK);
    assert_false(temp_exists(path));
    json_t *json = read_report(incomplete);
    assert_string_equal(json_string_value(json_object_get(json, "state")), "running");
    json_t *parameters = json_object_get(json, "parameters");
    assert_int_equal(json_integer_value(json_object_get(parameters, "batch_size")), 1000);
    assert_true(json_is_false(json_object_get(parameters, "tls")));
    json_t *headers = json_object_get(parameters, "metadata");
    assert_string_equal(json_string_value(json_object_get(headers, "x")), "(hidden)");
    json_decref(json);
    struct run_report report = report_with(2);
    assert_int_equal(report_file_end(path, &loaded.options, &report, EXIT_FAILED, &error), OK);
    assert_false(temp_exists(incomplete));
    json = read_report(path);
    assert_string_equal(json_string_value(json_object_get(json, "state")), "ended");
    assert_int_equal(json_integer_value(json_object_get(json, "rows")), 1234567);
    assert_int_equal(json_integer_value(json_object_get(json, "exit_code")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "uncovered")), 2);
    const char *command = json_string_value(json_object_get(json, "command"));
    assert_non_null(strstr(command, "parquet-consumer run --output-path /"));
    assert_non_null(strstr(command, " --metadata '{\"x\":\"env:SECRET_X\"}' 100 130"));
    json_decref(json);
    run_report_release(&report);
    loaded_release(&loaded);
    temp_folder_remove(folder);
}

static void a_report_that_cannot_be_written_is_refused_before_the_run(void **state)
{
    (void)state;
    struct loaded loaded;
    struct error error;
    load(&loaded, (struct load_request){.config = NULL});
    assert_int_equal(report_file_begin("some/folder/", &loaded.options, &error), ERR_INVALID);
    assert_int_not_equal(report_file_begin("/no/such/folder/r.json", &loaded.options, &error), OK);
    assert_non_null(strstr(error.message, "/no/such/folder"));
    loaded_release(&loaded);
}

static void the_shares_of_memory_stay_within_the_limit(void **state)
{
    (void)state;
    for (uint64_t limit = UINT64_C(64) << 20; limit <= UINT64_C(1) << 40; limit *= 2) {
        struct memory_plan plan = memory_plan_make(limit, 1);
        assert_true(plan.window_bytes + plan.queue_bytes + plan.writer_bytes <= limit * 6 / 10);
        assert_true(plan.window_bytes >= 1 << 20);
        assert_true(plan.flush_bytes <= plan.queue_bytes);
        assert_true(plan.ledger_limit_bytes == limit / 2);
    }
}

static void several_streams_share_the_limit_out(void **state)
{
    (void)state;
    for (uint64_t limit = UINT64_C(64) << 20; limit <= UINT64_C(1) << 40; limit *= 2)
        for (size_t streams = 2; streams <= 16; streams *= 2) {
            struct memory_plan plan = memory_plan_make(limit, streams);
            assert_true(streams * (plan.queue_bytes + plan.writer_bytes) <= limit * 6 / 10);
            assert_true(plan.window_bytes >= 1 << 20);
            assert_true(plan.ledger_limit_bytes * streams <= limit / 2);
        }
    /* By default 64 MiB each. */
    assert_int_equal(memory_plan_make(UINT64_C(352) << 20, 4).ledger_limit_bytes, 32 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_summary_counts_rows_files_and_repeated_warnings),
        cmocka_unit_test(a_summary_names_what_is_missing_and_the_command_for_it),
        cmocka_unit_test(a_summary_that_lacks_ledgers_has_the_servers_own_words),
        cmocka_unit_test(after_another_chain_nothing_is_to_be_fetched),
        cmocka_unit_test(a_summary_and_a_report_name_the_gaps),
        cmocka_unit_test(a_plan_shows_ranges_files_and_a_hint_where_they_would_be_small),
        cmocka_unit_test(a_report_is_there_as_incomplete_from_the_start),
        cmocka_unit_test(a_report_that_cannot_be_written_is_refused_before_the_run),
        cmocka_unit_test(the_shares_of_memory_stay_within_the_limit),
        cmocka_unit_test(several_streams_share_the_limit_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
