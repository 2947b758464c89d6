// SPDX-License-Identifier: Apache-2.0
/* A lake is filled as it should be: rows, files, names, rotation, metadata. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/history.h"
#include "store/layout.h"
#include "os/clock.h"
#include "os/file.h"
#include "parquet/metadata.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "util/text.h"

static char folder[TEMP_PATH_BYTES];
static struct sink_options options;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    options = stream_options(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_clock_set(NULL);
    temp_folder_remove(folder);
    return 0;
}

static struct sink *open_sink(void)
{
    struct error error;
    error_clear(&error);
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    return sink;
}

static void send(struct sink *sink, uint32_t first, uint32_t last, uint32_t batch_ledgers)
{
    struct error error;
    error_clear(&error);
    if (stream_send(sink, &options, first, last, batch_ledgers, &error) != OK)
        fail_msg("%s", error.message);
}

/* The commits, such as "1-5 size, 6-9 shutdown". */
struct story {
    char text[2048];
};

static enum error_code tell_commit(void *context, const struct catalog_commit_record *commit,
                                   struct error *error)
{
    struct story *story = context;
    (void)error;
    size_t length = strlen(story->text);
    snprintf(story->text + length, sizeof story->text - length, "%s%u-%u %s",
             length == 0 ? "" : ", ", commit->range.first, commit->range.last, commit->reason);
    return OK;
}

static const char *commits_of(struct sink *sink)
{
    static struct story story;
    story.text[0] = '\0';
    assert_int_equal(catalog_each_commit(sink_catalog(sink), 0, tell_commit, &story, NULL), OK);
    return story.text;
}

static void every_row_of_every_scheme_is_in_the_lake_once(void **state)
{
    (void)state;
    static const enum partitioning_scheme schemes[] = {PARTITION_DATE, PARTITION_DATE_HOUR,
                                                       PARTITION_DATE_HOUR_TYPE, PARTITION_SIMPLE};
    for (size_t i = 0; i < 4; i++) {
        temp_folder_clear(folder);
        options.scheme = schemes[i];
        options.encode_threads = (unsigned)i + 1;
        struct sink *sink = open_sink();
        send(sink, 1, 1500, 50);
        assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
        sink_close(sink);
        stream_check_covers(folder, 1, 1500);
    }
}

static void files_have_the_designs_names(void **state)
{
    (void)state;
    static const struct {
        enum partitioning_scheme scheme;
        const char *path;
    } cases[] = {
        {PARTITION_DATE, "year=2024/month=01/day=15/ttp_events_2024-01-15_1705320005.parquet"},
        {PARTITION_DATE_HOUR,
         "year=2024/month=01/day=15/hour=12/ttp_events_2024-01-15T12_1705320005.parquet"},
        {PARTITION_DATE_HOUR_TYPE, "year=2024/month=01/day=15/hour=12/event_type=fee/"
                                   "ttp_events_2024-01-15T12_fee_1705320005.parquet"},
        {PARTITION_SIMPLE, "ttp_events_2024-01-15_1705320005.parquet"},
    };
    for (size_t i = 0; i < 4; i++) {
        temp_folder_clear(folder);
        options.scheme = cases[i].scheme;
        struct sink *sink = open_sink();
        send(sink, 1, 5, 5);
        assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
        sink_close(sink);
        assert_true(temp_exists(temp_path(folder, cases[i].path)));
    }
}

static void a_taken_name_is_counted_up_and_never_written_over(void **state)
{
    (void)state;
    char directory[TEMP_PATH_BYTES];
    snprintf(directory, sizeof directory, "%s",
             temp_path(folder, "year=2024/month=01/day=15/hour=12"));
    assert_int_equal(os_make_directories(directory, NULL, NULL), OK);
    temp_write(temp_path(directory, "ttp_events_2024-01-15T12_1705320005.parquet"), "mine", 4);
    temp_write(temp_path(directory, "ttp_events_2024-01-15T12_1705320005-2.parquet"), "mine", 4);
    struct sink *sink = open_sink();
    send(sink, 1, 5, 5);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    sink_close(sink);
    assert_true(temp_exists(temp_path(directory, "ttp_events_2024-01-15T12_1705320005-3.parquet")));
    struct buffer content;
    buffer_init(&content);
    assert_int_equal(
        os_read_whole(temp_path(directory, "ttp_events_2024-01-15T12_1705320005.parquet"), 100,
                      &content, NULL),
        OK);
    assert_int_equal(content.size_bytes, 4);
    buffer_release(&content);
}

static void a_partition_change_cuts_at_the_ledger_that_begins_it(void **state)
{
    (void)state;
    struct sink *sink = open_sink();
    send(sink, 700, 1500, 37); /* 13:00 is ledger 720, 14:00 ledger 1440 */
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    assert_string_equal(commits_of(sink),
                        "700-719 partition, 720-1439 partition, 1440-1500 shutdown");
    sink_close(sink);
    stream_check_covers(folder, 700, 1500);
}

static void a_range_that_does_not_follow_is_a_commit_of_its_own(void **state)
{
    (void)state;
    struct sink *sink = open_sink();
    send(sink, 1, 20, 10);
    send(sink, 41, 60, 10);
    send(sink, 21, 40, 10);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    assert_string_equal(commits_of(sink), "1-20 end_of_range, 41-60 end_of_range, 21-40 shutdown");
    sink_close(sink);
    stream_check_covers(folder, 1, 60);
}

static void a_range_without_rows_is_a_commit_without_files(void **state)
{
    (void)state;
    struct sink *sink = open_sink();
    send(sink, 7, 7, 1); /* left out by the stream */
    assert_int_equal(sink_commit(sink, ROTATION_END_OF_RANGE, NULL), OK);
    struct catalog_totals totals;
    assert_int_equal(catalog_totals(sink_catalog(sink), &totals, NULL), OK);
    assert_int_equal(totals.commits, 1);
    assert_int_equal(totals.files, 0);
    assert_int_equal(totals.unconfirmed_ledgers, 1);
    sink_close(sink);
    stream_check_covers(folder, 7, 7);
}

/* Ledgers without events, of which every second one is in a run of its own. */
static void send_runs(struct sink *sink, uint32_t first, uint32_t last)
{
    enum { RUN_COUNT = 5000 };
    static struct ledger_range runs[RUN_COUNT];
    const struct batch_builder_options builder_options = {
        .schema = row_schema_find(options.schema_version), .scheme = options.scheme};
    struct error error;
    struct batch_builder *builder;
    assert_int_equal(batch_builder_new(&builder, &builder_options, &error), OK);
    struct row_batch *batch = NULL;
    batch_builder_begin_range(builder, first);
    assert_int_equal(batch_builder_complete_to(builder, last, NULL), OK);
    assert_int_equal(batch_builder_unconfirmed_runs(builder), 1);
    assert_int_equal(batch_builder_take(builder, &batch, NULL), OK);
    for (uint32_t i = 0; i < RUN_COUNT; i++)
        runs[i] = (struct ledger_range){first + 2 * i, first + 2 * i};
    batch->unconfirmed = runs;
    batch->unconfirmed_count = RUN_COUNT;
    assert_int_equal(sink_append(sink, &batch, NULL), OK);
    batch_builder_free(builder);
}

static void a_commit_is_cut_before_its_intent_grows_too_large(void **state)
{
    (void)state;
    struct sink *sink = open_sink();
    send(sink, 1, 10, 10);
    send_runs(sink, 11, 10010);
    send_runs(sink, 10011, 20010);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    assert_string_equal(commits_of(sink), "1-10010 memory, 10011-20010 shutdown");
    sink_close(sink);
}

/* Three sinks of one lake, each with a range of its own. */
#define SINK_COUNT 3
static void open_sinks(struct sink *sinks[SINK_COUNT])
{
    sinks[0] = open_sink();
    for (size_t i = 1; i < SINK_COUNT; i++)
        assert_int_equal(sink_open_beside(&sinks[i], sinks[0], NULL), OK);
}

static void close_sinks(struct sink *sinks[SINK_COUNT])
{
    for (size_t i = 0; i < SINK_COUNT; i++)
        sink_close(sinks[i]);
}

static void note_number(void *context, const struct sink_commit_info *info)
{
    uint64_t *highest = context;
    assert_int_equal(info->commit_no, *highest + 1);
    *highest = info->commit_no;
}

static void several_sinks_of_a_lake_commit_in_any_order_of_their_ledgers(void **state)
{
    (void)state;
    struct sink *sinks[SINK_COUNT];
    uint64_t highest = 0;
    open_sinks(sinks);
    for (size_t i = 0; i < SINK_COUNT; i++)
        sink_on_commit(sinks[i], note_number, &highest);
    /* Side by side, over an hour's end each (720 ledgers). */
    for (uint32_t at = 0; at < 1000; at += 50)
        for (uint32_t i = 0; i < SINK_COUNT; i++)
            send(sinks[i], i * 1000 + at + 1, i * 1000 + at + 50, 50);
    assert_false(sink_is_idle(sinks[0]));
    assert_int_equal(sink_commit(sinks[2], ROTATION_END_OF_RANGE, NULL), OK);
    assert_true(sink_is_idle(sinks[2]));
    assert_int_equal(sink_commit(sinks[0], ROTATION_END_OF_RANGE, NULL), OK);
    assert_int_equal(sink_commit(sinks[1], ROTATION_SHUTDOWN, NULL), OK);
    assert_int_equal(highest, 7);
    close_sinks(sinks);
    stream_check_covers(folder, 1, 3000);
}

static void a_sink_that_drops_what_is_open_takes_nothing_from_the_others(void **state)
{
    (void)state;
    struct sink *sinks[SINK_COUNT];
    struct ledger_range lost;
    open_sinks(sinks);
    for (uint32_t i = 0; i < SINK_COUNT; i++)
        send(sinks[i], i * 100 + 1, i * 100 + 100, 20);
    sink_drop(sinks[1]);
    assert_true(sink_is_idle(sinks[1]));
    assert_true(sink_take_lost_range(sinks[1], &lost));
    assert_int_equal(lost.first, 101);
    assert_int_equal(lost.last, 200);
    assert_false(sink_take_lost_range(sinks[0], &lost));
    assert_int_equal(sink_commit(sinks[0], ROTATION_END_OF_RANGE, NULL), OK);
    assert_int_equal(sink_commit(sinks[2], ROTATION_END_OF_RANGE, NULL), OK);
    assert_string_equal(commits_of(sinks[0]), "1-100 end_of_range, 201-300 end_of_range");
    assert_true(stream_fill(sinks[1], &options, 101, 200, 1));
    close_sinks(sinks);
    stream_check_covers(folder, 1, 300);
}

static void committing_nothing_is_nothing(void **state)
{
    (void)state;
    struct sink *sink = open_sink();
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    assert_string_equal(commits_of(sink), "");
    sink_close(sink);
}

struct sizes {
    uint64_t largest, smallest, count;
};

static void note_sizes(void *context, const struct sink_commit_info *info)
{
    struct sizes *sizes = context;
    if (info->reason != ROTATION_SIZE)
        return;
    for (size_t i = 0; i < info->file_count; i++) {
        uint64_t size = (uint64_t)info->files[i].file_size_bytes;
        sizes->largest = size > sizes->largest ? size : sizes->largest;
        sizes->smallest = sizes->count == 0 || size < sizes->smallest ? size : sizes->smallest;
        sizes->count++;
    }
}

static void size_rotation_keeps_to_real_compressed_bytes(void **state)
{
    (void)state;
    struct sizes sizes = {0};
    options.max_file_size_bytes = 60000;
    options.scheme = PARTITION_DATE;
    struct sink *sink = open_sink();
    sink_on_commit(sink, note_sizes, &sizes);
    send(sink, 1, 8000, 5);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    sink_close(sink);
    stream_check_covers(folder, 1, 8000);
    assert_true(sizes.count >= 2);
    if (sizes.largest > 66000 || sizes.smallest < 50000)
        fail_msg("files of %llu to %llu bytes", (unsigned long long)sizes.smallest,
                 (unsigned long long)sizes.largest);
}

/* A clock that stands still until it is moved. */
static int64_t fake_monotonic_us, fake_realtime_us;

static int64_t read_monotonic(void)
{
    return fake_monotonic_us;
}

static int64_t read_realtime(void)
{
    return fake_realtime_us;
}

static void stop_clock(int64_t realtime_us)
{
    static const struct os_clock clock = {.monotonic_us = read_monotonic,
                                          .realtime_us = read_realtime};
    fake_monotonic_us = 1000;
    fake_realtime_us = realtime_us;
    os_clock_set(&clock);
}

static void pass(int64_t seconds)
{
    fake_monotonic_us += seconds * US_PER_SECOND;
    fake_realtime_us += seconds * US_PER_SECOND;
}

static void age_cuts_what_is_open_but_not_just_after_its_hour(void **state)
{
    (void)state;
    int64_t next_us;
    stop_clock(stream_close_us(0));
    options.max_file_age_us = 3600 * US_PER_SECOND;
    struct sink *sink = open_sink();
    pass(10);
    send(sink, 1, 5, 5);
    pass(3599); /* 13:00:09 */
    assert_int_equal(sink_tick(sink, &next_us, NULL), OK);
    assert_int_equal(next_us - fake_monotonic_us, US_PER_SECOND);
    pass(1); /* its age is over, but the hour's last ledgers may still come */
    assert_int_equal(sink_tick(sink, &next_us, NULL), OK);
    assert_string_equal(commits_of(sink), "");
    assert_int_equal(next_us - fake_monotonic_us, 110 * US_PER_SECOND);
    pass(110);
    assert_int_equal(sink_tick(sink, &next_us, NULL), OK);
    assert_string_equal(commits_of(sink), "1-5 age");
    assert_int_equal(next_us, INT64_MAX);
    send(sink, 6, 10, 5); /* a backfill long after its hour */
    pass(3599);
    assert_int_equal(sink_tick(sink, &next_us, NULL), OK);
    pass(1);
    assert_int_equal(sink_tick(sink, &next_us, NULL), OK);
    assert_string_equal(commits_of(sink), "1-5 age, 6-10 age");
    sink_close(sink);
    os_clock_set(NULL);
    stream_check_covers(folder, 1, 10);
}

static void too_little_memory_cuts_commits_and_loses_nothing(void **state)
{
    (void)state;
    options.memory_bytes = 300000;
    struct sink *sink = open_sink();
    send(sink, 1, 400, 40);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    assert_non_null(strstr(commits_of(sink), "memory"));
    sink_close(sink);
    stream_check_covers(folder, 1, 400);
}

static void a_run_continues_where_the_lake_ends(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct sink *sink = open_sink();
        assert_true(stream_fill(sink, &options, 1, 100 * (i + 1), 1));
        sink_close(sink);
        stream_check_covers(folder, 1, 100 * (i + 1));
    }
    struct sink *sink = open_sink();
    assert_true(stream_fill(sink, &options, 1, 300, 1)); /* twice adds nothing */
    assert_string_equal(commits_of(sink),
                        "1-100 end_of_range, 101-200 end_of_range, 201-300 end_of_range");
    sink_close(sink);
}

static enum error_code read_at(void *context, uint64_t offset, void *data, size_t size_bytes,
                               struct error *error)
{
    return os_file_read(context, offset, data, size_bytes, error);
}

static void each_file_says_where_it_comes_from(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
    } expected[] = {{"version", "1.1.0"},
                    {"description", "TTP Events Schema for Parquet Storage"},
                    {"created_by", "parquet-consumer"},
                    {"ttp.network", "testnet"},
                    {"ttp.commit_no", "1"},
                    {"ttp.first_ledger", "1"},
                    {"ttp.last_ledger", "7"},
                    {"ttp.commit_files", "1"},
                    {"ttp.file_rows", "23"},
                    {"ttp.commit_rows", "23"},
                    {"ttp.partition", "year=2024/month=01/day=15/hour=12"}};
    struct os_file file;
    uint64_t size_bytes;
    struct parquet_file_metadata metadata;
    struct sink *sink = open_sink();
    send(sink, 1, 7, 7);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    const char *path = temp_path(folder, "year=2024/month=01/day=15/hour=12/"
                                         "ttp_events_2024-01-15T12_1705320005.parquet");
    assert_int_equal(os_file_open(&file, path, OS_OPEN_READ, NULL), OK);
    assert_int_equal(os_file_size(&file, &size_bytes, NULL), OK);
    struct parquet_source source = {
        .size_bytes = size_bytes, .name = path, .context = &file, .read = read_at};
    assert_int_equal(parquet_metadata_read(&source, &metadata, NULL), OK);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_string_equal(parquet_metadata_find(&metadata, expected[i].key), expected[i].value);
    assert_string_equal(parquet_metadata_find(&metadata, "ttp.lake_id"),
                        catalog_lake_id(sink_catalog(sink)));
    assert_int_equal(metadata.key_value_count, 12);
    assert_int_equal(strncmp(metadata.created_by, "parquet-consumer version ", 25), 0);
    assert_non_null(strstr(metadata.created_by, " (build "));
    parquet_metadata_release(&metadata);
    os_file_release(&file);
    sink_close(sink);
}

static void dead_letters_are_published_with_their_commit(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text);
    struct sink *sink = open_sink();
    send(sink, 10, 30, 21);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    sink_close(sink);
    assert_int_equal(
        os_read_whole(temp_path(folder, LAKE_DEAD_LETTERS "/commit_1.jsonl"), 10000, &text, NULL),
        OK);
    assert_int_equal(buffer_append_byte(&text, 0), OK);
    const char *lines = (const char *)text.data;
    assert_int_equal(strncmp(lines, "{\"ledger_sequence\":13,\"event_index\":5,\"reason\":\"", 48),
                     0);
    assert_non_null(strstr(lines, "\"raw\":\"cmF3IGJ5dGVz\"}\n{\"ledger_sequence\":26,"));
    buffer_release(&text);
    stream_check_covers(folder, 10, 30);
}

static void statistics_tell_others_what_happens(void **state)
{
    (void)state;
    struct sink_stats stats;
    struct sink *sink = open_sink();
    send(sink, 700, 750, 10);
    sink_get_stats(sink, &stats);
    assert_int_equal(stats.commits, 1);
    assert_int_equal(stats.rotations[ROTATION_PARTITION], 1);
    assert_int_equal(stats.last_ledger, 719);
    assert_true(stats.rows_open > 0 && stats.bytes_open > 0 && stats.next_commit_us > 0);
    assert_true(stats.batches >= 6 && stats.last_batch_us > 0);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    sink_get_stats(sink, &stats);
    assert_int_equal(stats.commits, 2);
    assert_int_equal(stats.files_committed, 2);
    assert_int_equal(stats.rows_open, 0);
    assert_int_equal(stats.next_commit_us, 0);
    assert_int_equal(stats.dead_letters_committed, 4); /* 702, 715, 728, 741 */
    assert_int_equal(stats.unconfirmed_ledgers, 5);    /* 707, …, 747 */
    uint64_t rows = 0;
    for (uint32_t ledger = 700; ledger <= 750; ledger++)
        rows += stream_rows(ledger);
    assert_int_equal(stats.rows_committed, rows);
    assert_false(stats.failing);
    sink_close(sink);
}

/* A ledger whose one event can't be a row, of 4,000 bytes. */
static void send_letter(struct sink *sink, uint32_t ledger)
{
    static const uint8_t raw[4000];
    struct error error;
    struct batch_builder *builder;
    struct row_batch *batch;
    const struct batch_builder_options wanted = {.schema = row_schema_find(options.schema_version),
                                                 .scheme = options.scheme,
                                                 .dictionaries = true};
    assert_int_equal(batch_builder_new(&builder, &wanted, &error), OK);
    batch_builder_begin_range(builder, ledger);
    assert_int_equal(batch_builder_add_dead_letter(builder, ledger, 0, "of no use",
                                                   bytes_view_of(raw, sizeof raw), &error),
                     OK);
    assert_int_equal(batch_builder_complete_to(builder, ledger, &error), OK);
    assert_int_equal(batch_builder_take(builder, &batch, &error), OK);
    assert_int_equal(sink_append(sink, &batch, &error), OK);
    batch_builder_free(builder);
}

static void a_commit_is_cut_before_its_dead_letters_are_too_many(void **state)
{
    (void)state;
    options.max_file_size_bytes = 16000; /* three of 5,400 bytes, as base64 */
    struct sink *sink = open_sink();
    for (uint32_t ledger = 1; ledger <= 7; ledger++)
        send_letter(sink, ledger);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, NULL), OK);
    assert_string_equal(commits_of(sink), "1-3 size, 4-6 size, 7-7 shutdown");
    sink_close(sink);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_row_of_every_scheme_is_in_the_lake_once),
        TEST(files_have_the_designs_names),
        TEST(a_taken_name_is_counted_up_and_never_written_over),
        TEST(a_partition_change_cuts_at_the_ledger_that_begins_it),
        TEST(a_range_that_does_not_follow_is_a_commit_of_its_own),
        TEST(a_range_without_rows_is_a_commit_without_files),
        TEST(a_commit_is_cut_before_its_intent_grows_too_large),
        TEST(several_sinks_of_a_lake_commit_in_any_order_of_their_ledgers),
        TEST(a_sink_that_drops_what_is_open_takes_nothing_from_the_others),
        TEST(committing_nothing_is_nothing),
        TEST(size_rotation_keeps_to_real_compressed_bytes),
        TEST(age_cuts_what_is_open_but_not_just_after_its_hour),
        TEST(too_little_memory_cuts_commits_and_loses_nothing),
        TEST(a_run_continues_where_the_lake_ends),
        TEST(each_file_says_where_it_comes_from),
        TEST(dead_letters_are_published_with_their_commit),
        TEST(a_commit_is_cut_before_its_dead_letters_are_too_many),
        TEST(statistics_tell_others_what_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
