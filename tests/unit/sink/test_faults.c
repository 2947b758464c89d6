// SPDX-License-Identifier: Apache-2.0
/* A run that is killed, or whose disk fails or is full, anywhere: the lake is whole, and the next
 * run completes it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/history.h"
#include "util/json_text.h"
#include "catalog/files.h"
#include "store/layout.h"
#include "os/calls.h"
#include "os/log.h"
#include "parquet/source.h"
#include "walk/verify.h"
#include "support/catalog_fixture.h"
#include "support/sink_fixture.h"
#include "support/allocation_sweep.h"
#include "support/fault_calls.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "support/parquet_bytes.h"

/* Three commits: up to 13:00, up to the gap, and the rest; with dead letters and left-out ledgers.
 */
#define FIRST       700
#define LAST        740
#define BATCHES_MAX 16

static char folder[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    options = stream_options(folder);
    options.scheme = PARTITION_DATE_HOUR_TYPE;
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_calls_set(NULL);
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

/* In a child: a whole run, dying where the plan says; whether it died. */
static bool run_and_crash(const struct fault_plan *plan)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fault_begin(plan);
        struct sink *sink;
        if (sink_open(&sink, &options, &error) != OK ||
            !stream_fill(sink, &options, FIRST, LAST, 1))
            _exit(1);
        sink_close(sink);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT_CODE);
    return WEXITSTATUS(status) == FAULT_EXIT_CODE;
}

static void crash_everywhere(const char *what, enum fault_kind kind, uint64_t step)
{
    uint64_t swept = 0;
    for (uint64_t n = 1;; n += fault_step(step), swept++) {
        struct fault_plan plan = {.kind = kind, .scope = FAULT_ALL, .first = n};
        temp_folder_clear(folder);
        bool crashed = run_and_crash(&plan);
        struct sink *sink = must_open();
        stream_check(folder); /* recovered: whole, though perhaps not all of it */
        assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
        sink_close(sink);
        stream_check_covers(folder, FIRST, LAST);
        if (!crashed) {
            assert_true(n > 100);
            break;
        }
    }
    fault_tell_sweep(what, swept);
}

static void a_kill_before_every_operation_of_a_run_loses_and_doubles_nothing(void **state)
{
    (void)state;
    crash_everywhere("a run, killed before the operation", FAULT_DIE_BEFORE, 2);
}

static void a_kill_after_every_operation_of_a_run_loses_and_doubles_nothing(void **state)
{
    (void)state;
    crash_everywhere("a run, killed after the operation", FAULT_DIE_AFTER, 7);
}

/* How many of the lake's views the catalog has. */
static unsigned live_views(void)
{
    return (unsigned)strtoul(fixture_query(temp_path(folder, LAKE_CATALOG),
                                           "SELECT count(*) FROM ducklake_view v JOIN ttp_views o "
                                           "ON o.view_uuid = v.view_uuid WHERE v.end_snapshot IS "
                                           "NULL"),
                             NULL, 10);
}

/* In a child: opens a lake whose views were dropped, dying where the plan says. */
static bool open_and_crash(const struct fault_plan *plan)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sink *sink = NULL;
        fault_begin(plan);
        if (sink_open(&sink, &options, NULL) != OK)
            _exit(1);
        sink_close(sink);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT_CODE);
    return WEXITSTATUS(status) == FAULT_EXIT_CODE;
}

static void a_kill_while_views_are_made_leaves_both_or_none(void **state)
{
    (void)state;
    char lake[TEMP_PATH_BYTES];
    unsigned seen[3] = {0};
    struct sink *sink = must_open();
    assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
    sink_close(sink);
    assert_int_equal(live_views(), 2);
    fixture_change(temp_path(folder, LAKE_CATALOG), "UPDATE ducklake_view SET end_snapshot = 9");
    temp_folder_make(lake);
    temp_folder_remove(lake);
    temp_copy(folder, lake);
    for (uint64_t n = 1;; n++) {
        const struct fault_plan plan = {.kind = FAULT_DIE_BEFORE, .scope = FAULT_ALL, .first = n};
        temp_folder_remove(folder);
        temp_copy(lake, folder);
        bool crashed = open_and_crash(&plan);
        unsigned count = live_views();
        assert_true(count == 0 || count == 2);
        seen[count]++;
        sink_close(must_open());
        assert_int_equal(live_views(), 2);
        stream_check_covers(folder, FIRST, LAST);
        if (!crashed)
            break;
    }
    assert_true(seen[0] > 3 && seen[2] > 1);
    temp_folder_remove(lake);
}

/* Every operation in turn fails once; the run asks again for what it lost. */
static void fail_everywhere(const char *what, enum fault_kind kind, int system_errno, uint64_t step)
{
    uint64_t swept = 0;
    for (uint64_t n = 1;; n += fault_step(step), swept++) {
        struct fault_plan plan = {
            .kind = kind, .scope = FAULT_ALL, .system_errno = system_errno, .first = n};
        temp_folder_clear(folder);
        struct sink *sink = must_open();
        fault_begin(&plan);
        bool filled = stream_fill(sink, &options, FIRST, LAST, 3);
        fault_end();
        assert_true(filled);
        sink_close(sink);
        sink_close(must_open()); /* what could not be deleted then goes now */
        stream_check_covers(folder, FIRST, LAST);
        if (!fault_was_met()) {
            assert_true(n > 80);
            break;
        }
    }
    fault_tell_sweep(what, swept);
}

static void an_io_error_at_every_operation_costs_only_a_second_try(void **state)
{
    (void)state;
    fail_everywhere("a run, EIO", FAULT_ERRNO, EIO, 2);
}

static void short_writes_and_interruptions_cost_nothing(void **state)
{
    (void)state;
    fail_everywhere("a run, short writes", FAULT_SHORT, 0, 7);
    fail_everywhere("a run, EINTR", FAULT_ERRNO, EINTR, 11);
}

static void a_full_disk_is_waited_for_wherever_it_is_met(void **state)
{
    (void)state;
    struct sink_stats stats;
    uint64_t swept = 0;
    for (uint64_t n = 1;; n += fault_step(9), swept++) {
        struct fault_plan plan = {
            .kind = FAULT_ERRNO, .scope = FAULT_WRITES, .system_errno = ENOSPC, .first = n};
        temp_folder_clear(folder);
        struct sink *sink = must_open();
        fault_begin(&plan);
        assert_int_equal(stream_send(sink, &options, FIRST, LAST, 10, &error), OK);
        enum error_code code = sink_commit(sink, ROTATION_SHUTDOWN, &error);
        fault_end();
        assert_int_equal(code, OK);
        sink_get_stats(sink, &stats);
        assert_int_equal(stats.commits_failed, 0);
        assert_false(stats.waiting_for_space);
        sink_close(sink);
        stream_check_covers(folder, FIRST, LAST);
        if (!fault_was_met())
            break;
    }
    fault_tell_sweep("a run, ENOSPC at the write, waited for", swept);
}

static bool give_up_at_once(void *context, enum obstacle_kind wait)
{
    (void)wait;
    (*(unsigned *)context)++;
    return true;
}

static void a_wait_that_is_given_up_leaves_a_lake_that_the_next_start_completes(void **state)
{
    (void)state;
    uint64_t swept = 0;
    for (uint64_t n = 1;; n += fault_step(9), swept++) {
        unsigned asked = 0;
        struct fault_plan plan = {.kind = FAULT_ERRNO,
                                  .scope = FAULT_WRITES,
                                  .system_errno = ENOSPC,
                                  .first = n,
                                  .count = UINT64_MAX};
        temp_folder_clear(folder);
        struct sink *sink = must_open();
        sink_set_give_up(sink, give_up_at_once, &asked);
        fault_begin(&plan);
        enum error_code code = stream_send(sink, &options, FIRST, LAST, 10, &error);
        if (code == OK)
            code = sink_commit(sink, ROTATION_SHUTDOWN, &error);
        sink_close(sink);
        fault_end();
        bool met = fault_was_met();
        assert_true(code == OK || met); /* a checkpoint at the close may meet it, and fail alone */
        assert_true(code == OK || asked > 0);
        sink = must_open();
        stream_check(folder);
        assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
        sink_close(sink);
        stream_check_covers(folder, FIRST, LAST);
        if (!met)
            break;
    }
    fault_tell_sweep("a run, ENOSPC from the write on, given up", swept);
}

static void a_failed_fsync_is_not_tried_again_on_the_same_file(void **state)
{
    (void)state;
    struct ledger_range lost;
    struct sink_stats stats;
    struct fault_plan plan = {
        .kind = FAULT_ERRNO, .scope = FAULT_SYNCS, .system_errno = EIO, .first = 1};
    options.scheme = PARTITION_DATE_HOUR;
    struct sink *sink = must_open();
    assert_int_equal(stream_send(sink, &options, 1, 12, 5, &error), OK);
    fault_begin(&plan);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), ERR_IO);
    assert_int_equal(fault_end(), 1); /* no second sync of anything */
    assert_non_null(strstr(error.message, "sync"));
    assert_true(sink_take_lost_range(sink, &lost));
    assert_int_equal(lost.first, 1);
    assert_int_equal(lost.last, 12);
    assert_false(sink_take_lost_range(sink, &lost));
    sink_get_stats(sink, &stats);
    assert_true(stats.failing);
    assert_int_equal(stats.commits_failed, 1);
    assert_true(stream_fill(sink, &options, 1, 12, 1));
    sink_get_stats(sink, &stats);
    assert_false(stats.failing);
    sink_close(sink);
    stream_check_covers(folder, 1, 12);
}

static enum error_code add_hole(void *context, struct error *failure)
{
    return catalog_record_hole(context, (struct ledger_range){13, 13}, "no such ledger", failure);
}

/* A remark follows the ledgers below it: they are asked for again with it, and health tells. */
static void a_remark_that_fails_is_a_failed_commit(void **state)
{
    (void)state;
    struct ledger_range lost;
    struct sink_stats stats;
    struct fault_plan plan = {.kind = FAULT_ERRNO,
                              .scope = FAULT_LIBRARY,
                              .system_errno = EIO,
                              .first = 1,
                              .count = UINT64_MAX};
    struct sink *sink = must_open();
    fault_begin(&plan);
    assert_int_equal(sink_remark(sink, add_hole, sink_catalog(sink), &error), ERR_IO);
    fault_end();
    sink_get_stats(sink, &stats);
    assert_true(stats.failing);
    assert_int_equal(stats.commits_failed, 0);
    assert_false(sink_take_lost_range(sink, &lost));

    assert_int_equal(stream_send(sink, &options, 1, 12, 5, &error), OK);
    fault_begin(&plan);
    assert_int_equal(sink_remark(sink, add_hole, sink_catalog(sink), &error), ERR_IO);
    fault_end();
    assert_true(sink_take_lost_range(sink, &lost));
    assert_int_equal(lost.first, 1);
    assert_int_equal(lost.last, 12);
    sink_get_stats(sink, &stats);
    assert_int_equal(stats.rows_open, 0);
    assert_int_equal(stats.commits_failed, 1);

    assert_int_equal(sink_remark(sink, add_hole, sink_catalog(sink), &error), OK);
    assert_true(stream_fill(sink, &options, 1, 12, 1));
    sink_get_stats(sink, &stats);
    assert_false(stats.failing);
    sink_close(sink);
    stream_check_covers(folder, 1, 12);
}

/* The batch that did not follow is lost as well as the range that could not be published. */
static void both_lost_ranges_are_told(void **state)
{
    (void)state;
    struct ledger_range lost;
    struct fault_plan plan = {
        .kind = FAULT_ERRNO, .scope = FAULT_SYNCS, .system_errno = EIO, .first = 1};
    options.scheme = PARTITION_DATE_HOUR;
    struct sink *sink = must_open();
    assert_int_equal(stream_send(sink, &options, 1, 12, 12, &error), OK);
    fault_begin(&plan);
    assert_int_equal(stream_send(sink, &options, 31, 40, 10, &error), ERR_IO);
    fault_end();
    assert_true(sink_take_lost_range(sink, &lost));
    assert_int_equal(lost.first, 1);
    assert_int_equal(lost.last, 12);
    assert_true(sink_take_lost_range(sink, &lost));
    assert_int_equal(lost.first, 31);
    assert_int_equal(lost.last, 40);
    assert_false(sink_take_lost_range(sink, &lost));
    sink_close(sink);
}

/* While a failed commit can't be undone, nothing else is written; then everything goes on. */
static void an_unsettled_commit_comes_before_anything_else(void **state)
{
    (void)state;
    options.scheme = PARTITION_DATE_HOUR;
    struct sink *sink = must_open();
    assert_int_equal(stream_send(sink, &options, 1, 12, 12, &error), OK);
    struct fault_plan plan = {.kind = FAULT_ERRNO,
                              .scope = FAULT_LIBRARY,
                              .system_errno = EIO,
                              .first = 1,
                              .count = UINT64_MAX};
    fault_begin(&plan);
    assert_int_not_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    assert_int_not_equal(stream_send(sink, &options, 13, 20, 8, &error), OK);
    assert_non_null(strstr(error.message, "closed"));
    fault_end();
    assert_true(temp_exists(temp_path(folder, LAKE_INTENT)));
    assert_true(stream_fill(sink, &options, 1, 20, 2));
    sink_close(sink);
    stream_check_covers(folder, 1, 20);
}

/* A disk that keeps other bytes than it was given. */
static ssize_t write_one_bit_wrong(int fd, const void *data, size_t size_bytes, off_t offset)
{
    uint8_t copy[4096];
    if (size_bytes < 2000 || size_bytes > sizeof copy)
        return os_calls_real.pwrite(fd, data, size_bytes, offset);
    memcpy(copy, data, size_bytes);
    copy[size_bytes / 2] ^= 4;
    return os_calls_real.pwrite(fd, copy, size_bytes, offset);
}

static void a_file_that_reads_back_wrong_is_not_published(void **state)
{
    (void)state;
    struct os_calls calls = os_calls_real;
    calls.pwrite = write_one_bit_wrong;
    options.scheme = PARTITION_DATE_HOUR;
    struct sink *sink = must_open();
    os_calls_set(&calls);
    assert_int_equal(stream_send(sink, &options, 1, 60, 60, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), ERR_CORRUPT);
    os_calls_set(NULL);
    assert_non_null(strstr(error.message, "read-back"));
    assert_int_equal(temp_count(folder, "", ".parquet"), 0);
    assert_true(stream_fill(sink, &options, 1, 60, 1));
    sink_close(sink);
    stream_check_covers(folder, 1, 60);
}

/* A disk that keeps one byte of a data file wrongly, and what that file should be. */
static uint8_t written[1 << 20];
static size_t written_bytes;
static uint64_t wrong_at;

static ssize_t write_one_byte_wrong(int fd, const void *data, size_t size_bytes, off_t offset)
{
    static uint8_t copy[sizeof written];
    char link[64], name[512] = "";
    size_t at = (size_t)offset;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    (void)!readlink(link, name, sizeof name - 1);
    if (strstr(name, ".parquet") == NULL)
        return os_calls_real.pwrite(fd, data, size_bytes, offset);
    assert_true(at + size_bytes <= sizeof written);
    memcpy(written + at, data, size_bytes);
    memcpy(copy, data, size_bytes);
    written_bytes = at + size_bytes > written_bytes ? at + size_bytes : written_bytes;
    if (wrong_at >= at && wrong_at < at + size_bytes)
        copy[wrong_at - at] ^= 1;
    return os_calls_real.pwrite(fd, copy, size_bytes, offset);
}

/* A commit of one file on that disk; UINT64_MAX: it keeps all as it should. */
static enum error_code commit_with_wrong_byte(enum parquet_verify_level level, uint64_t at)
{
    struct os_calls calls = os_calls_real;
    calls.pwrite = write_one_byte_wrong;
    wrong_at = at;
    temp_folder_clear(folder);
    options.scheme = PARTITION_SIMPLE;
    options.verify_files = level;
    struct sink *sink = must_open();
    os_calls_set(&calls);
    assert_int_equal(stream_send(sink, &options, 1, 60, 60, &error), OK);
    enum error_code code = sink_commit(sink, ROTATION_SHUTDOWN, &error);
    os_calls_set(NULL);
    sink_close(sink);
    assert_int_equal(temp_count(folder, "", ".parquet"), code == OK);
    return code;
}

static enum error_code verify_written(enum parquet_verify_level level)
{
    const struct bytes_view bytes = bytes_view_of(written, written_bytes);
    const struct parquet_source source = parquet_source_of_bytes(&bytes, "file");
    return parquet_verify(&source, level, -1, NULL);
}

/* A byte of a statistic: nothing but the values themselves contradicts it. */
static uint64_t find_lying_byte(void)
{
    for (size_t at = written_bytes - 8; at-- > 0; written[at] ^= 1) {
        written[at] ^= 1;
        bool lies = verify_written(PARQUET_VERIFY_PAGES) == OK &&
                    verify_written(PARQUET_VERIFY_VALUES) == ERR_CORRUPT;
        if (!lies)
            continue;
        written[at] ^= 1;
        return at;
    }
    fail_msg("no byte of the file lies about its values alone");
    return 0;
}

static void each_value_of_verify_files_finds_what_it_says(void **state)
{
    (void)state;
    assert_int_equal(commit_with_wrong_byte(PARQUET_VERIFY_VALUES, UINT64_MAX), OK);
    assert_int_equal(verify_written(PARQUET_VERIFY_VALUES), OK);
    const struct {
        uint64_t at;
        enum parquet_verify_level found_from;
    } wrong[] = {{written_bytes - 1, PARQUET_VERIFY_FOOTER}, /* the magic at the end */
                 {80, PARQUET_VERIFY_PAGES},                 /* in the first page */
                 {find_lying_byte(), PARQUET_VERIFY_VALUES}};
    for (size_t i = 0; i < 3; i++)
        for (unsigned level = PARQUET_VERIFY_OFF; level <= PARQUET_VERIFY_VALUES; level++)
            assert_int_equal(commit_with_wrong_byte((enum parquet_verify_level)level, wrong[i].at),
                             level >= wrong[i].found_from ? ERR_CORRUPT : OK);
}

/* A whole run of three commits: what was published before stays, and the rest can be asked for
 * again, by the same sink and by the next one. */
static void every_failed_allocation_of_a_run_loses_and_doubles_nothing(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 61, .may_succeed = true, .may_keep = true};
    uint64_t failed = 0;
    json_text_use_our_memory();
    while (sweep_next(&sweep)) {
        temp_folder_clear(folder);
        uint64_t live = mem_live_count();
        struct sink *sink = must_open();
        struct row_batch *batches[BATCHES_MAX];
        size_t count = stream_batches(&options, FIRST, LAST, 7, batches, BATCHES_MAX);
        enum error_code code = OK;
        sweep_begin(&sweep);
        for (size_t i = 0; code == OK && i < count; i++)
            code = sink_append(sink, &batches[i], &error);
        if (code == OK)
            code = sink_commit(sink, ROTATION_SHUTDOWN, &error);
        failed += sweep_end(&sweep, code) ? 0 : 1;
        for (size_t i = 0; i < count; i++)
            row_batch_free(batches[i]);
        if (sweep.number % 2 == 0) { /* the next start does it all */
            sink_close(sink);
            sink = must_open();
            stream_check(folder);
        }
        assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
        sink_close(sink);
        stream_check_covers(folder, FIRST, LAST);
        if (sweep.number != 0)
            assert_int_equal(mem_live_count(), live);
    }
    assert_true(failed > 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_kill_before_every_operation_of_a_run_loses_and_doubles_nothing),
        TEST(a_kill_after_every_operation_of_a_run_loses_and_doubles_nothing),
        TEST(a_kill_while_views_are_made_leaves_both_or_none),
        TEST(an_io_error_at_every_operation_costs_only_a_second_try),
        TEST(short_writes_and_interruptions_cost_nothing),
        TEST(a_full_disk_is_waited_for_wherever_it_is_met),
        TEST(a_wait_that_is_given_up_leaves_a_lake_that_the_next_start_completes),
        TEST(a_failed_fsync_is_not_tried_again_on_the_same_file),
        TEST(a_remark_that_fails_is_a_failed_commit),
        TEST(both_lost_ranges_are_told),
        TEST(an_unsettled_commit_comes_before_anything_else),
        TEST(a_file_that_reads_back_wrong_is_not_published),
        TEST(each_value_of_verify_files_finds_what_it_says),
        TEST(every_failed_allocation_of_a_run_loses_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
