// SPDX-License-Identifier: Apache-2.0
/* Many small files of commits become few: same rows, same commits, whatever fails on the way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "catalog/files.h"
#include "care/compact.h"
#include "commit/backup_lock.h"
#include "care/rebuild.h"
#include "care/repair.h"
#include "lake/verify.h"
#include "os/log.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"
#include "support/temp_store.h"

/* Of ten commits an hour; the stream's first hour holds the ledgers below it. */
#define FIRST 1
#define LAST  1500

static char folder[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

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

static struct sink *must_open(void)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    return sink;
}

/* A commit each 72 ledgers. */
static struct sink *make_lake(uint32_t first, uint32_t last)
{
    struct sink *sink = must_open();
    for (uint32_t at = first; at <= last; at += 72) {
        uint32_t end = at + 71 < last ? at + 71 : last;
        if (stream_send(sink, &options, at, end, 10, &error) != OK ||
            sink_commit(sink, ROTATION_AGE, &error) != OK)
            fail_msg("%s", error.message);
    }
    return sink;
}

static struct compact_wish any_wish(void)
{
    return (struct compact_wish){.max_file_size_bytes = UINT64_C(1) << 30};
}

static void compact(const struct compact_wish *wish, struct compact_report *report)
{
    compact_report_init(report);
    if (compact_lake(&options, wish, report, &error) != OK)
        fail_msg("%s", error.message);
}

static void must_verify(void)
{
    struct verify_options wanted = {.output_path = lake, .deep = true, .threads = 2};
    struct verify_report report;
    if (verify_lake(&wanted, &report, &error) != OK)
        fail_msg("%s", error.message);
    if (!report.ok)
        fail_msg("%s: %s", findings_problem(&report.findings, 0)->path,
                 findings_problem(&report.findings, 0)->message);
    verify_report_release(&report);
}

static struct catalog_totals totals_of(struct sink *sink)
{
    struct catalog_totals totals;
    assert_int_equal(catalog_totals(sink_catalog(sink), &totals, &error), OK);
    return totals;
}

static void files_of_closed_partitions_become_one(void **state)
{
    (void)state;
    struct sink *sink = make_lake(FIRST, LAST);
    struct catalog_totals before = totals_of(sink), after;
    struct compact_report report;
    struct compact_wish wish = any_wish();
    sink_close(sink);
    compact(&wish, &report);
    sink = must_open();
    after = totals_of(sink);
    sink_close(sink);
    size_t items = LIST_COUNT(&report.items, struct compact_item);
    assert_int_equal(items, 2); /* two hours are closed, the third is not */
    size_t replaced = 0;
    for (size_t i = 0; i < items; i++) {
        const struct compact_item *item = LIST_AT(&report.items, struct compact_item, i);
        assert_null(item->fault);
        assert_int_equal(item->files_after, 1);
        replaced += item->files;
    }
    assert_int_equal(after.files, before.files - replaced + 2);
    assert_int_equal(after.rows, before.rows);
    assert_int_equal(after.commits, before.commits);
    assert_int_equal(after.snapshots, before.snapshots + 2);
    compact_report_release(&report);
    compact(&wish, &report);
    assert_int_equal(report.items.size_bytes, 0); /* nothing is left to do */
    compact_report_release(&report);
    stream_check_covers(lake, FIRST, LAST);
    assert_int_equal(temp_count(lake, "_lake/replaced", ".parquet.replaced"), replaced);
    must_verify();
}

/* And makes it anew. */
static void lose_the_catalog(void)
{
    struct rebuild_report report;
    const struct rebuild_options wanted = {
        .output_path = lake, .data_path = "", .schema = row_schema_find(options.schema_version)};
    assert_int_equal(catalog_discard(temp_path(lake, "_lake/catalog.sqlite"), &error), OK);
    if (rebuild_lake(&wanted, &report, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(report.entries.size_bytes, 0);
    rebuild_report_release(&report);
}

/* Each scheme and version, in files of three sizes. */
static void every_scheme_and_version_keeps_its_rows(void **state)
{
    (void)state;
    for (int scheme = PARTITION_DATE; scheme <= PARTITION_SIMPLE; scheme++) {
        for (size_t version = 0; version < row_schema_count; version++) {
            struct compact_report report;
            struct compact_wish wish = {.partition = "", .max_file_size_bytes = 12000};
            temp_folder_remove(lake);
            options = stream_options(lake);
            options.scheme = (enum partitioning_scheme)scheme;
            options.schema_version = row_schemas[version].version;
            struct sink *sink = make_lake(FIRST, 720);
            sink_close(sink);
            options.max_file_size_bytes = wish.max_file_size_bytes;
            sink = must_open();
            uint64_t rows = totals_of(sink).rows, files = totals_of(sink).files;
            sink_close(sink);
            compact(&wish, &report);
            sink = must_open();
            for (size_t i = 0; i < LIST_COUNT(&report.items, struct compact_item); i++)
                if (LIST_AT(&report.items, struct compact_item, i)->fault != NULL)
                    fail_msg("%s", LIST_AT(&report.items, struct compact_item, i)->fault);
            assert_true(report.items.size_bytes > 0);
            compact_report_release(&report);
            assert_int_equal(totals_of(sink).rows, rows);
            assert_true(totals_of(sink).files < files);
            sink_close(sink);
            if (version > 0)
                stream_check_covers(lake, FIRST, 720);
            must_verify();
            lose_the_catalog(); /* some commits' rows lie in two of the files */
            must_verify();
        }
    }
}

static struct catalog_file first_file;
static char first_path[TEMP_PATH_BYTES];

static enum error_code keep_first(void *context, const struct catalog_file *file,
                                  uint64_t commit_no, struct error *problem)
{
    (void)context;
    (void)commit_no;
    (void)problem;
    if (first_path[0] == '\0') {
        first_file = *file;
        snprintf(first_path, sizeof first_path, "%s", temp_path(lake, file->path));
    }
    return OK;
}

static void find_first_file(struct sink *sink)
{
    first_path[0] = '\0';
    assert_int_equal(catalog_each_file(sink_catalog(sink), keep_first, NULL, &error), OK);
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    fputc(byte ^ 0xff, file);
    fclose(file);
}

static void damaged_files_are_left_and_named(void **state)
{
    (void)state;
    struct sink *sink = make_lake(FIRST, LAST);
    struct compact_report report;
    struct compact_wish wish = any_wish();
    find_first_file(sink);
    sink_close(sink);
    change_byte(first_path, 300);
    compact(&wish, &report);
    assert_int_equal(LIST_COUNT(&report.items, struct compact_item), 2);
    const struct compact_item *item = LIST_AT(&report.items, struct compact_item, 0);
    assert_non_null(item->fault);
    assert_true(item->is_damage);
    assert_int_equal(item->files_after, 0);
    assert_null(LIST_AT(&report.items, struct compact_item, 1)->fault);
    compact_report_release(&report);
    assert_int_equal(temp_count(lake, "_lake/staging", ""), 0);
}

/* All commits whose rows lie in it are taken out together, and come again. */
static void a_damaged_compacted_file_is_repaired(void **state)
{
    (void)state;
    struct sink *sink = make_lake(FIRST, LAST);
    struct compact_report report;
    struct compact_wish wish = any_wish();
    struct repair_report repaired;
    struct repair_options repair = {.output_path = lake, .threads = 1};
    sink_close(sink);
    compact(&wish, &report);
    compact_report_release(&report);
    sink = must_open();
    find_first_file(sink);
    sink_close(sink);
    change_byte(first_path, 300);
    if (repair_lake(&repair, &repaired, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(LIST_COUNT(&repaired.commits, uint64_t), 10);
    assert_int_equal(LIST_COUNT(&repaired.compacted, char *), 1);
    assert_int_equal(LIST_COUNT(&repaired.files, char *), 0);
    assert_int_equal(repaired.refetch.count, 1);
    assert_int_equal(repaired.unrepaired, 0);
    repair_report_release(&repaired);
    stream_check(lake);
    sink = must_open();
    assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
    sink_close(sink);
    stream_check_covers(lake, FIRST, LAST);
    must_verify();
}

/* A backup copies files from where its catalog says they are. */
static void a_repair_moves_no_file_while_a_backup_runs(void **state)
{
    (void)state;
    struct sink *sink = make_lake(FIRST, LAST);
    struct backup_lock backup;
    struct repair_report repaired;
    struct repair_options repair = {.output_path = lake, .threads = 1};
    find_first_file(sink);
    sink_close(sink);
    change_byte(first_path, 300);
    assert_int_equal(backup_lock_share(&backup, temp_store(lake), "elsewhere", &error), OK);
    if (repair_lake(&repair, &repaired, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(LIST_COUNT(&repaired.commits, uint64_t), 1);
    assert_int_equal(LIST_COUNT(&repaired.moved, char *), 0);
    repair_report_release(&repaired);
    sink_close(must_open());
    assert_true(temp_exists(first_path));
    backup_lock_release(&backup);
    sink_close(must_open());
    assert_false(temp_exists(first_path));
    assert_int_equal(temp_count(lake, "_lake/damaged", ""), 1);
    stream_check(lake);
}

/* What was put together as 1.0.0 leaves as a whole, and comes again as the lake's 1.1.0. */
static void compacted_commits_of_an_older_version_are_raised(void **state)
{
    (void)state;
    struct compact_report report;
    struct compact_wish wish = any_wish();
    struct repair_report repaired;
    struct repair_options repair = {
        .output_path = lake, .schema = row_schema_find("1.0.0"), .threads = 1};
    options.schema_version = "1.0.0";
    sink_close(make_lake(FIRST, 1008));
    compact(&wish, &report);
    compact_report_release(&report);
    options.schema_version = "1.1.0";
    sink_close(make_lake(1009, LAST));
    if (repair_lake(&repair, &repaired, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(LIST_COUNT(&repaired.commits, uint64_t), 15);
    assert_int_equal(repaired.refetch.count, 1);
    assert_int_equal(repaired.refetch.ranges[0].last, 1008);
    assert_int_equal(repaired.changed, 0);
    repair_report_release(&repaired);
    stream_check_covers(lake, 1009, LAST);
    struct sink *sink = must_open();
    assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
    sink_close(sink);
    stream_check_covers(lake, FIRST, LAST);
    must_verify();
}

/* An operator keeps old partitions on another disk: they are read there, and stay. */
static void what_lies_behind_a_link_is_left(void **state)
{
    (void)state;
    char hour[TEMP_PATH_BYTES], elsewhere[TEMP_PATH_BYTES];
    struct compact_report report;
    struct compact_wish wish = any_wish();
    sink_close(make_lake(FIRST, LAST));
    snprintf(hour, sizeof hour, "%s", temp_path(lake, "year=2024/month=01/day=15/hour=12"));
    snprintf(elsewhere, sizeof elsewhere, "%s", temp_path(folder, "elsewhere"));
    assert_int_equal(rename(hour, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, hour), 0);
    size_t files = temp_count(elsewhere, "", ".parquet");
    compact(&wish, &report);
    const struct compact_item *item = LIST_AT(&report.items, struct compact_item, 0);
    assert_non_null(item->fault);
    assert_false(item->is_damage);
    assert_int_equal(temp_count(elsewhere, "", ".parquet"), files);
    compact_report_release(&report);
    must_verify();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(files_of_closed_partitions_become_one),
        TEST(every_scheme_and_version_keeps_its_rows),
        TEST(damaged_files_are_left_and_named),
        TEST(a_damaged_compacted_file_is_repaired),
        TEST(a_repair_moves_no_file_while_a_backup_runs),
        TEST(what_lies_behind_a_link_is_left),
        TEST(compacted_commits_of_an_older_version_are_raised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
