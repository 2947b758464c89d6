// SPDX-License-Identifier: Apache-2.0
/* Others at the catalog: one who keeps it for a day, and one who puts back an older one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "catalog/history.h"
#include "store/layout.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/obstacle.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "catalog/files.h"

static char folder[TEMP_PATH_BYTES], backup[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    temp_folder_make(backup);
    options = stream_options(folder);
    error_clear(&error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_clock_set(NULL);
    temp_folder_remove(folder);
    temp_folder_remove(backup);
    return 0;
}

static struct sink *open_sink(void)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    return sink;
}

static void fill(uint32_t first, uint32_t last)
{
    struct sink *sink = open_sink();
    assert_true(stream_fill(sink, &options, first, last, 1));
    sink_close(sink);
}

/* ---- a catalog that is held ---- */

static int64_t ahead_us;

static int64_t clock_that_jumps(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + ahead_us;
}

static int64_t clock_on_the_wall(void)
{
    return STREAM_START_S * 1000000;
}

static bool a_day_goes_by(void *context, enum obstacle_kind wait)
{
    (void)context;
    assert_int_equal(wait, OBSTACLE_CATALOG);
    ahead_us += OBSTACLE_BUSY_LIMIT_US;
    return false;
}

static void a_commit_that_is_kept_from_the_catalog_for_a_day_is_withdrawn(void **state)
{
    (void)state;
    sqlite3 *other;
    struct ledger_range lost;
    struct sink *sink = open_sink();
    const struct os_clock clock = {.monotonic_us = clock_that_jumps,
                                   .realtime_us = clock_on_the_wall};
    assert_int_equal(stream_send(sink, &options, 1, 20, 5, &error), OK);
    assert_int_equal(sqlite3_open(temp_path(folder, LAKE_CATALOG), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    os_clock_set(&clock);
    sink_set_give_up(sink, a_day_goes_by, NULL);
    assert_int_equal(sink_commit(sink, ROTATION_AGE, &error), ERR_IO);
    os_clock_set(NULL);
    assert_non_null(strstr(error.message, "held the catalog for a day"));
    assert_int_equal(temp_count(folder, "", ".parquet"), 0);
    assert_int_equal(temp_count(folder, LAKE_STAGING, ""), 0);
    assert_true(sink_take_lost_range(sink, &lost));
    assert_int_equal(lost.first, 1);
    assert_int_equal(lost.last, 20);
    sqlite3_close(other);
    assert_true(stream_fill(sink, &options, 1, 20, 1));
    sink_close(sink);
    stream_check_covers(folder, 1, 20);
}

/* ---- a catalog that is older than its files ---- */

static void keep(const char *part)
{
    char from[TEMP_PATH_BYTES];
    snprintf(from, sizeof from, "%s", temp_path(folder, part));
    temp_copy(from, temp_path(backup, part));
}

static void put_back(const char *part)
{
    char from[TEMP_PATH_BYTES];
    snprintf(from, sizeof from, "%s", temp_path(backup, part));
    temp_folder_remove(temp_path(folder, part));
    temp_copy(from, temp_path(folder, part));
}

static void assert_too_old(void)
{
    struct sink *none;
    assert_int_equal(sink_open(&none, &options, &error), ERR_CONFLICT);
    if (strstr(error.message, "older than its files") == NULL ||
        strstr(error.message, "rebuild") == NULL)
        fail_msg("%s", error.message);
}

static void a_catalog_put_back_beside_newer_files_is_refused_in_each_scheme(void **state)
{
    (void)state;
    static const enum partitioning_scheme schemes[] = {PARTITION_DATE, PARTITION_DATE_HOUR,
                                                       PARTITION_DATE_HOUR_TYPE, PARTITION_SIMPLE};
    for (size_t i = 0; i < 4; i++) {
        temp_folder_clear(folder);
        temp_folder_clear(backup);
        options.scheme = schemes[i];
        fill(1, 20);
        keep(LAKE_FOLDER);
        fill(21, 40);
        size_t files = temp_count(folder, "", ".parquet");
        put_back(LAKE_FOLDER);
        assert_too_old();
        assert_int_equal(temp_count(folder, "", ".parquet"), files);
    }
}

static void newer_files_in_later_partitions_alone_are_seen_too(void **state)
{
    (void)state;
    fill(1, 20);
    keep(LAKE_FOLDER);
    fill(20000, 20020);
    put_back(LAKE_FOLDER);
    assert_too_old();
}

static void a_catalog_from_before_the_first_commit_is_refused(void **state)
{
    (void)state;
    sink_close(open_sink());
    keep(LAKE_FOLDER);
    fill(1, 20);
    put_back(LAKE_FOLDER);
    assert_too_old();
}

static void newer_files_of_an_earlier_partition_are_seen_before_a_row_lands_there(void **state)
{
    (void)state;
    struct ledger_range lost;
    fill(5000, 5010);
    keep(LAKE_FOLDER);
    fill(1, 20);
    put_back(LAKE_FOLDER);
    size_t files = temp_count(folder, "", ".parquet");
    struct sink *sink = open_sink();
    enum error_code code = stream_send(sink, &options, 1, 20, 5, &error);
    assert_int_equal(code, ERR_CONFLICT);
    assert_non_null(strstr(error.message, "older than its files"));
    assert_true(sink_take_lost_range(sink, &lost));
    assert_int_equal(lost.first, 1);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK); /* nothing is open */
    sink_close(sink);
    assert_int_equal(temp_count(folder, "", ".parquet"), files);
    assert_int_equal(temp_count(folder, LAKE_STAGING, ""), 0);
}

static void a_commit_of_the_same_number_from_before_is_told_by_its_ledgers(void **state)
{
    (void)state;
    fill(1, 20);
    keep(LAKE_FOLDER);
    fill(21, 40);
    keep("year=2024");
    put_back(LAKE_FOLDER);
    temp_folder_remove(temp_path(folder, "year=2024")); /* as the sentence says: moved away */
    fill(25, 35);
    put_back("year=2024");
    assert_too_old();
}

static enum error_code copy_first(void *context, const char *path, uint64_t size_bytes,
                                  struct error *problem)
{
    char from[TEMP_PATH_BYTES], to[TEMP_PATH_BYTES + 16];
    (void)size_bytes;
    if (strstr(path, ".parquet") == NULL)
        return OK;
    snprintf(from, sizeof from, "%s", temp_path(folder, path));
    snprintf(to, sizeof to, "%s.copy.parquet", from);
    struct buffer content;
    buffer_init(&content);
    enum error_code code = os_read_whole(from, 1 << 24, &content, problem);
    if (code == OK)
        temp_write(to, content.data, content.size_bytes);
    buffer_release(&content);
    ++*(unsigned *)context;
    return code;
}

static void copies_strangers_and_files_of_ended_commits_are_no_reason(void **state)
{
    (void)state;
    static const char garbage[] = "PAR1 but for the name no Parquet file PAR1";
    unsigned copies = 0;
    const uint64_t commit_no = 1;
    int64_t snapshot;
    fill(1, 20);
    const struct os_walker walker = {.context = &copies, .visit = copy_first};
    assert_int_equal(os_walk(folder, &walker, &error), OK);
    assert_true(copies > 0);
    temp_write(temp_path(folder, "year=2024/mine.parquet"), garbage, sizeof garbage - 1);
    struct sink *sink = open_sink();
    const struct catalog_removal removal = {.commit_nos = &commit_no,
                                            .commit_count = 1,
                                            .reason = CATALOG_TAKEN_OUT_PREFIX "test",
                                            .decided_at = -1};
    assert_int_equal(catalog_take_out(sink_catalog(sink), &removal, &snapshot, &error), OK);
    sink_close(sink);
    fill(21, 40);
    fill(1, 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_commit_that_is_kept_from_the_catalog_for_a_day_is_withdrawn),
        TEST(a_catalog_put_back_beside_newer_files_is_refused_in_each_scheme),
        TEST(newer_files_in_later_partitions_alone_are_seen_too),
        TEST(a_catalog_from_before_the_first_commit_is_refused),
        TEST(newer_files_of_an_earlier_partition_are_seen_before_a_row_lands_there),
        TEST(a_commit_of_the_same_number_from_before_is_told_by_its_ledgers),
        TEST(copies_strangers_and_files_of_ended_commits_are_no_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
