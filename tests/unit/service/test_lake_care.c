// SPDX-License-Identifier: Apache-2.0
/* What a live run does for its lake, at the sink it has open. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "catalog/care.h"
#include "catalog/handle.h"
#include "os/log.h"
#include "service/lake_care.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

#define FIRST 1000
#define LAST  1199 /* 200 ledgers, five seconds each */

static char folder[TEMP_PATH_BYTES];
static struct sink_options sink_wishes;
static struct sink *sink;
static struct lake_care care;
static struct error error;

struct told {
    unsigned wanted, done, failed;
    uint64_t files;
    bool coverage_changed;
};

static void tell(void *context, const struct care_fact *fact)
{
    struct told *told = context;
    told->wanted += fact->kind == CARE_WANTED;
    told->done += fact->kind == CARE_DONE;
    told->failed += fact->kind == CARE_FAILED;
    told->files += fact->files;
    told->coverage_changed = fact->catalog != NULL;
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    sink_wishes = stream_options(folder);
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    assert_int_equal(sink_open(&sink, &sink_wishes, &error), OK);
    for (uint32_t first = FIRST; first < LAST; first += 50) {
        assert_int_equal(stream_send(sink, &sink_wishes, first, first + 49, 10, &error), OK);
        assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sink_close(sink);
    temp_folder_remove(folder);
    return 0;
}

static void begin(struct told *told, uint32_t end_ledger, int64_t retention_us)
{
    static struct options options;
    options = (struct options){.end_ledger = end_ledger, .retention_us = retention_us};
    *told = (struct told){.done = 0};
    lake_care_init(&care, &options, tell, told);
}

static void assert_pruned(const char *expected)
{
    struct ledger_set pruned = {0};
    char text[LEDGER_SET_TEXT_BYTES];
    assert_int_equal(catalog_pruned(sink_catalog(sink), &pruned, &error), OK);
    ledger_set_text(&pruned, text);
    assert_string_equal(text, expected);
    ledger_set_release(&pruned);
}

static void retention_prunes_when_it_is_due_and_the_sink_goes_on(void **state)
{
    (void)state;
    struct told told;
    begin(&told, 0, INT64_C(60) * 5 * 1000000); /* sixty ledgers */
    lake_care_tick(&care, sink, 0);
    assert_pruned("");
    int64_t due_us = care.next_us[CARE_PRUNE];
    lake_care_tick(&care, sink, due_us);
    assert_pruned("1000-1099");
    assert_int_equal(told.done, 1);
    assert_int_equal(told.files, 2);
    assert_true(told.coverage_changed);
    assert_int_equal(told.wanted, 1);
    assert_true(care.next_us[CARE_PRUNE] > due_us);
    assert_true(stream_fill(sink, &sink_wishes, LAST + 1, LAST + 40, 1));
    assert_int_equal(stream_check(folder), 140);
}

static void an_open_commit_is_not_touched(void **state)
{
    (void)state;
    struct told told;
    begin(&told, 0, INT64_C(60) * 5 * 1000000);
    assert_int_equal(stream_send(sink, &sink_wishes, LAST + 1, LAST + 20, 10, &error), OK);
    lake_care_tick(&care, sink, care.next_us[CARE_PRUNE]);
    assert_pruned("1000-1099");
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    assert_int_equal(stream_check(folder), 120);
}

static void snapshot_retention_deletes_what_was_pruned_before_it(void **state)
{
    (void)state;
    struct told told;
    struct options both = {.retention_us = INT64_C(60) * 5 * 1000000, .snapshot_retention_us = 1};
    told = (struct told){.done = 0};
    lake_care_init(&care, &both, tell, &told);
    assert_int_equal(told.wanted, 2);
    lake_care_tick(&care, sink, care.next_us[CARE_EXPIRE]);
    assert_pruned("1000-1099");
    assert_int_equal(told.done, 2);
    assert_int_equal(told.failed, 0);
    assert_int_equal(told.files, 6); /* two left; they and their dead letters were deleted */
    assert_int_equal(temp_count(folder, "_lake/replaced", ""), 0);
    assert_true(stream_fill(sink, &sink_wishes, LAST + 1, LAST + 40, 1));
    assert_int_equal(stream_check(folder), 140);
}

static void nothing_is_done_that_is_not_asked_for(void **state)
{
    (void)state;
    struct told told;
    begin(&told, 0, 0);
    lake_care_tick(&care, sink, INT64_MAX - 1);
    begin(&told, LAST, 1000000); /* a bounded run */
    lake_care_tick(&care, sink, INT64_MAX - 1);
    assert_int_equal(told.wanted + told.done + told.failed, 0);
    begin(&told, 0, INT64_C(36000) * 1000000); /* all is younger */
    lake_care_tick(&care, sink, INT64_MAX - 1);
    assert_pruned("");
    assert_false(told.coverage_changed);
    assert_int_equal(told.done, 1);
}

static void change_catalog(const char *sql)
{
    assert_int_equal(database_execute(&sink_catalog(sink)->database, sql, &error), OK);
}

static void retention_reads_no_list_of_commits_where_none_is_old(void **state)
{
    (void)state;
    struct told told;
    /* Who reads the commits fails at this one. */
    change_catalog("UPDATE ttp_commits SET digest_chain = 'none' WHERE commit_no = 1");
    begin(&told, 0, INT64_C(36000) * 1000000);
    lake_care_tick(&care, sink, care.next_us[CARE_PRUNE]);
    assert_int_equal(told.failed, 0);
    assert_int_equal(told.done, 1);
    begin(&told, 0, INT64_C(60) * 5 * 1000000);
    lake_care_tick(&care, sink, care.next_us[CARE_PRUNE]);
    assert_int_equal(told.failed, 1);
}

/* Commits ledgers until past the end of an hour (720 ledgers), each 60 of them alone. */
static void fill_hour(uint32_t first)
{
    for (uint32_t at = first; at < first + 720; at += 60) {
        assert_int_equal(stream_send(sink, &sink_wishes, at, at + 59, 10, &error), OK);
        assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    }
}

static void compact_all(void)
{
    struct compact_step step;
    do
        assert_int_equal(compact_care_step(&care.compaction, sink, &step, &error), OK);
    while (step.kind != COMPACT_NOTHING);
}

static void compaction_looks_only_at_partitions_that_closed_since(void **state)
{
    (void)state;
    compact_care_init(&care.compaction);
    for (uint32_t hour = 0; hour < 2; hour++) {
        fill_hour(LAST + 1 + 720 * hour);
        compact_all();
    }
    size_t live = temp_count(folder, "year=", ".parquet");
    /* Who reads the files of the first hour fails now. */
    change_catalog("UPDATE ttp_commits SET schema_version = '9.9.9' WHERE commit_no <= 4");
    fill_hour(LAST + 1 + 720 * 2);
    compact_all();
    assert_int_equal(temp_count(folder, "year=", ".parquet"), live + 1);
    change_catalog("UPDATE ttp_commits SET schema_version = '1.1.0' WHERE commit_no <= 4");
    assert_int_equal(stream_check(folder), 200 + 3 * 720);
}

static void files_that_come_late_into_a_closed_partition_are_compacted_with_the_others(void **state)
{
    (void)state;
    compact_care_init(&care.compaction);
    fill_hour(LAST + 1);
    compact_all();
    for (uint32_t at = 900; at < 960; at += 20) { /* below all */
        assert_int_equal(stream_send(sink, &sink_wishes, at, at + 19, 10, &error), OK);
        assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    }
    fill_hour(LAST + 721);
    compact_all();
    /* The first hour is one file, late ones and all. */
    assert_int_equal(temp_count(folder, "year=2024/month=01/day=15/hour=13", ".parquet"), 1);
}

static void a_failure_is_told_and_tried_again_soon(void **state)
{
    (void)state;
    struct told told;
    begin(&told, 0, INT64_C(60) * 5 * 1000000);
    assert_int_equal(rename(temp_path(folder, "_lake/lake.json"), temp_path(folder, "away")), 0);
    assert_int_equal(mkdir(temp_path(folder, "_lake/lake.json"), 0755), 0);
    lake_care_tick(&care, sink, care.next_us[CARE_PRUNE]);
    assert_int_equal(told.failed, 1);
    assert_pruned("");
    temp_folder_remove(temp_path(folder, "_lake/lake.json"));
    assert_int_equal(rename(temp_path(folder, "away"), temp_path(folder, "_lake/lake.json")), 0);
    lake_care_tick(&care, sink, care.next_us[CARE_PRUNE]);
    assert_int_equal(told.done, 1);
    assert_pruned("1000-1099");
}

/* Of several streams one is idle now and then, but seldom all. */
static void small_files_are_put_together_beside_the_open_commits_of_other_sinks(void **state)
{
    (void)state;
    struct told told = {.done = 0};
    struct options options = {.compact_closed = true};
    struct sink *other;
    assert_int_equal(sink_open_beside(&other, sink, &error), OK);
    assert_int_equal(stream_send(other, &sink_wishes, LAST + 101, LAST + 140, 10, &error), OK);
    assert_true(stream_fill(sink, &sink_wishes, 1500, 1519, 1)); /* in the hour behind */
    lake_care_init(&care, &options, tell, &told);
    care.next_us[CARE_COMPACT] = 0;
    lake_care_tick(&care, other, 0); /* not while it holds the memory for it */
    assert_int_equal(told.done, 0);
    lake_care_tick(&care, sink, 0);
    assert_int_equal(told.failed, 0);
    assert_int_equal(told.done, 1);
    assert_int_equal(told.files, 4);
    assert_false(sink_is_idle(other));
    assert_int_equal(sink_commit(other, ROTATION_SHUTDOWN, &error), OK);
    sink_close(other);
    assert_int_equal(stream_check(folder), 200 + 20 + 40);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(retention_prunes_when_it_is_due_and_the_sink_goes_on),
        TEST(snapshot_retention_deletes_what_was_pruned_before_it),
        TEST(an_open_commit_is_not_touched),
        TEST(small_files_are_put_together_beside_the_open_commits_of_other_sinks),
        TEST(nothing_is_done_that_is_not_asked_for),
        TEST(retention_reads_no_list_of_commits_where_none_is_old),
        TEST(compaction_looks_only_at_partitions_that_closed_since),
        TEST(files_that_come_late_into_a_closed_partition_are_compacted_with_the_others),
        TEST(a_failure_is_told_and_tried_again_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
