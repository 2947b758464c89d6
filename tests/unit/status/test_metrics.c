// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/file.h"
#include "status/fake_snapshot.h"
#include "status/figures.h"
#include "util/memory.h"

#define DOCUMENT TTP_TEST_DATA "/../../docs/METRICS.md"

static int set_up(void **state)
{
    struct error error;
    return metrics_new((struct metrics **)state, &error) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    metrics_free(*state);
    return 0;
}

/* The exposition of the fake snapshot, ended by NUL; the caller releases it. */
static void render(struct metrics *metrics, struct buffer *out)
{
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    buffer_init(out);
    assert_int_equal(figures_render_metrics(metrics, &snapshot, out), OK);
    assert_int_equal(buffer_append_byte(out, 0), OK);
}

static bool has_line(const struct buffer *out, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = (const char *)out->data; at; at = strchr(at, '\n'), at = at ? at + 1 : at)
        if (strncmp(at, line, length) == 0 && at[length] == '\n')
            return true;
    return false;
}

static void expect_lines(struct metrics *metrics, const char *const *lines, size_t count)
{
    struct buffer out;
    render(metrics, &out);
    for (size_t i = 0; i < count; i++)
        if (!has_line(&out, lines[i]))
            fail_msg("no line %s in\n%s", lines[i], (const char *)out.data);
    buffer_release(&out);
}
#define EXPECT_LINES(metrics, ...)                                                                 \
    expect_lines((metrics), (const char *const[]){__VA_ARGS__},                                    \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void the_plan_s_counters_have_their_names_and_labels(void **state)
{
    metrics_add_written(*state, "2024-08-07T11", 400);
    metrics_add_written(*state, "2024-08-07T12", 10);
    metrics_add_written(*state, "2024-08-07T11", 8);
    EXPECT_LINES(*state, "# TYPE ttp_events_received_total counter",
                 "ttp_events_received_total{status=\"accepted\"} 4182337",
                 "ttp_events_received_total{status=\"refetched\"} 311",
                 "ttp_events_received_total{status=\"dead_letter\"} 2",
                 "# TYPE ttp_events_written_total counter",
                 "ttp_events_written_total{partition=\"2024-08-07T11\"} 408",
                 "ttp_events_written_total{partition=\"2024-08-07T12\"} 10",
                 "ttp_events_committed_total 4105000",
                 "# TYPE ttp_processing_duration_seconds histogram");
}

static void durations_fall_into_cumulative_buckets_from_10_us_to_10_s(void **state)
{
    metrics_observe_duration(*state, METRICS_ENCODE, 10);       /* on a bound: in its bucket */
    metrics_observe_duration(*state, METRICS_ENCODE, 11);       /* just above */
    metrics_observe_duration(*state, METRICS_ENCODE, 30000000); /* beyond all */
    metrics_observe_duration(*state, METRICS_ENCODE, -5);       /* a clock's mistake counts as 0 */
    EXPECT_LINES(*state,
                 "ttp_processing_duration_seconds_bucket{operation=\"encode\",le=\"1e-05\"} 2",
                 "ttp_processing_duration_seconds_bucket{operation=\"encode\",le=\"2.5e-05\"} 3",
                 "ttp_processing_duration_seconds_bucket{operation=\"encode\",le=\"10\"} 3",
                 "ttp_processing_duration_seconds_bucket{operation=\"encode\",le=\"+Inf\"} 4",
                 "ttp_processing_duration_seconds_sum{operation=\"encode\"} 30.000021",
                 "ttp_processing_duration_seconds_count{operation=\"encode\"} 4",
                 "ttp_processing_duration_seconds_count{operation=\"decode\"} 0");
}

static void file_sizes_have_a_histogram_without_labels(void **state)
{
    metrics_observe_file(*state, 134217728);
    metrics_observe_file(*state, 5);
    EXPECT_LINES(*state, "ttp_file_size_bytes_bucket{le=\"65536\"} 1",
                 "ttp_file_size_bytes_bucket{le=\"67108864\"} 1",
                 "ttp_file_size_bytes_bucket{le=\"134217728\"} 2",
                 "ttp_file_size_bytes_sum 134217733", "ttp_file_size_bytes_count 2");
}

static void what_the_snapshot_says_stands_in_its_metric(void **state)
{
    EXPECT_LINES(
        *state, "ttp_lag_seconds 4.000", "ttp_commit_lag_seconds 318.000",
        "ttp_current_ledger 53000777", "ttp_committed_ledger 53000719",
        "ttp_rotations_total{reason=\"partition\"} 9", "ttp_rotations_total{reason=\"size\"} 2",
        "ttp_rotations_total{reason=\"end_of_range\"} 0", "ttp_queue_events 1200",
        "ttp_memory_limit_bytes 201326592", "ttp_source_retries_total 1",
        "ttp_unconfirmed_ledgers_total 3", "ttp_dead_letters_committed_total 2",
        "ttp_disk_free_bytes 227633266688", "ttp_coverage_ledgers 10700", "ttp_coverage_ranges 2",
        "ttp_coverage_missing_ledgers 20", "ttp_health{status=\"healthy\"} 1",
        "ttp_health{status=\"unhealthy\"} 0", "ttp_health_rule_active{rule=\"silence\"} 0",
        "process_cpu_seconds_total 8.123456", "ttp_last_commit_timestamp_seconds 1723031690.000000",
        "ttp_last_backup_timestamp_seconds 1723000000.000000");
}

static void what_is_not_known_has_no_sample(void **state)
{
    struct status_snapshot snapshot = {.now_us = FAKE_NOW_US};
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(figures_render_metrics(*state, &snapshot, &out), OK);
    assert_int_equal(buffer_append_byte(&out, 0), OK);
    static const char *const names[] = {
        "ttp_lag_seconds ", "ttp_current_ledger ", "ttp_last_commit_timestamp_seconds ",
        "ttp_last_backup_timestamp_seconds ", "ttp_disk_free_bytes "};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char sample[96];
        snprintf(sample, sizeof(sample), "\n%s", names[i]);
        assert_null(strstr((const char *)out.data, sample));
    }
    assert_true(has_line(&out, "ttp_coverage_missing_ledgers 0"));
    buffer_release(&out);
}

static void labels_are_escaped_and_bad_utf8_replaced(void **state)
{
    metrics_add_written(*state, "a\"b\\c\nd\xff", 1);
    EXPECT_LINES(*state, "ttp_events_written_total{partition=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"} 1");
}

static void only_the_48_partitions_used_last_have_a_series(void **state)
{
    char label[STATUS_LABEL_BYTES];
    for (int i = 0; i < METRICS_PARTITIONS_MAX + 2; i++) {
        if (i == METRICS_PARTITIONS_MAX) /* the first one stays in use, the second goes */
            metrics_add_written(*state, "partition-000", 1);
        snprintf(label, sizeof(label), "partition-%03d", i);
        metrics_add_written(*state, label, 7);
    }
    struct buffer out;
    render(*state, &out);
    size_t count = 0;
    for (const char *at = (const char *)out.data; (at = strstr(at, "{partition=")); at++)
        count++;
    assert_int_equal(count, METRICS_PARTITIONS_MAX);
    assert_true(has_line(&out, "ttp_events_written_total{partition=\"partition-000\"} 8"));
    assert_null(strstr((const char *)out.data, "partition-001"));
    assert_null(strstr((const char *)out.data, "partition-002"));
    assert_non_null(strstr((const char *)out.data, "partition-049"));
    buffer_release(&out);
}

static void a_label_too_long_is_cut_the_same_way_each_time(void **state)
{
    char label[3 * STATUS_LABEL_BYTES];
    memset(label, 'p', sizeof(label) - 1);
    label[sizeof(label) - 1] = '\0';
    metrics_add_written(*state, label, 1);
    metrics_add_written(*state, label, 2);
    struct buffer out;
    render(*state, &out);
    assert_non_null(strstr((const char *)out.data, "ppp\"} 3\n"));
    buffer_release(&out);
}

static void every_line_is_a_comment_or_a_sample_of_the_family_before(void **state)
{
    metrics_add_written(*state, "x", 1);
    struct buffer out;
    render(*state, &out);
    char family[96] = "";
    char *line = (char *)out.data;
    while (*line != '\0') {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        if (strncmp(line, "# HELP ", 7) == 0) {
            size_t length = strcspn(line + 7, " ");
            assert_true(length < sizeof(family));
            memcpy(family, line + 7, length);
            family[length] = '\0';
            assert_true(strlen(line) > 7 + length + 10);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_memory_equal(line + 7, family, strlen(family));
        } else {
            assert_memory_equal(line, family, strlen(family));
            char *value_end;
            strtod(strrchr(line, ' ') + 1, &value_end);
            assert_int_equal(*value_end, '\0');
        }
        line = end + 1;
    }
    buffer_release(&out);
}

static void *update_often(void *context)
{
    for (int i = 0; i < 20000; i++) {
        metrics_observe_duration(context, METRICS_DECODE, 3);
        metrics_add_written(context, i % 2 ? "odd" : "even", 1);
    }
    return NULL;
}

static void updates_from_several_threads_are_all_counted(void **state)
{
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, update_often, *state), 0);
    for (int i = 0; i < 20; i++) {
        struct buffer out;
        render(*state, &out);
        buffer_release(&out);
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    EXPECT_LINES(*state, "ttp_processing_duration_seconds_count{operation=\"decode\"} 60000",
                 "ttp_events_written_total{partition=\"even\"} 30000");
}

static void operations_are_found_by_name(void **state)
{
    (void)state;
    enum metrics_operation operation;
    assert_true(metrics_operation_by_name("readback", &operation));
    assert_int_equal(operation, METRICS_READBACK);
    assert_false(metrics_operation_by_name("read", &operation));
}

/* With TTP_UPDATE_DOCS in the environment the file is written anew. */
static void the_documentation_is_fresh(void **state)
{
    (void)state;
    struct buffer fresh, there;
    struct error error;
    buffer_init(&fresh);
    buffer_init(&there);
    assert_int_equal(figures_render_documentation(&fresh), OK);
    if (getenv("TTP_UPDATE_DOCS"))
        assert_int_equal(os_write_atomically(DOCUMENT, buffer_view(&fresh), &error), OK);
    assert_int_equal(os_read_whole(DOCUMENT, 1 << 20, &there, &error), OK);
    if (!bytes_equal(buffer_view(&fresh), buffer_view(&there)))
        fail_msg("docs/METRICS.md is stale: run this test with TTP_UPDATE_DOCS=1");
    buffer_release(&fresh);
    buffer_release(&there);
}

static void every_failed_allocation_is_told(void **state)
{
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    mem_fail_after(1);
    struct metrics *none;
    struct error error;
    assert_int_equal(metrics_new(&none, &error), ERR_NO_MEMORY);
    enum error_code code = ERR_NO_MEMORY;
    for (uint64_t n = 1; code != OK; n++) {
        struct buffer out;
        buffer_init(&out);
        mem_fail_after(n);
        code = figures_render_metrics(*state, &snapshot, &out);
        mem_fail_after(0);
        assert_true(code == OK || code == ERR_NO_MEMORY);
        assert_true(n > 1 || code == ERR_NO_MEMORY);
        buffer_release(&out);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Others read the report: its keys and their order stay. */
static void the_report_s_figures_have_their_keys_and_order(void **state)
{
    (void)state;
    static const char *const keys[] = {"rows",
                                       "files",
                                       "bytes",
                                       "commits",
                                       "commits_failed",
                                       "dead_letters",
                                       "unconfirmed_ledgers",
                                       "gap_ledgers",
                                       "found_ledgers",
                                       "events_received",
                                       "events_received_again",
                                       "bytes_received",
                                       "retries",
                                       "cpu_us",
                                       "peak_resident_bytes"};
    struct status_snapshot snapshot;
    const char *key;
    uint64_t number;
    unsigned count = 0;
    fake_snapshot(&snapshot);
    for (; figures_of_report(&snapshot, count + 1, &key, &number); count++) {
        assert_true(count < sizeof keys / sizeof keys[0]);
        assert_string_equal(key, keys[count]);
        if (strcmp(key, "rows") == 0)
            assert_int_equal(number, snapshot.sink.rows_committed);
        if (strcmp(key, "cpu_us") == 0)
            assert_int_equal(number, snapshot.cpu_us);
    }
    assert_int_equal(count, sizeof keys / sizeof keys[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_s_figures_have_their_keys_and_order),
        TEST(the_plan_s_counters_have_their_names_and_labels),
        TEST(durations_fall_into_cumulative_buckets_from_10_us_to_10_s),
        TEST(file_sizes_have_a_histogram_without_labels),
        TEST(what_the_snapshot_says_stands_in_its_metric),
        TEST(what_is_not_known_has_no_sample),
        TEST(labels_are_escaped_and_bad_utf8_replaced),
        TEST(only_the_48_partitions_used_last_have_a_series),
        TEST(a_label_too_long_is_cut_the_same_way_each_time),
        TEST(every_line_is_a_comment_or_a_sample_of_the_family_before),
        TEST(updates_from_several_threads_are_all_counted),
        TEST(operations_are_found_by_name),
        TEST(the_documentation_is_fresh),
        TEST(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
