// SPDX-License-Identifier: Apache-2.0
/* The power fails at any operation of a rebuild, a repair, a prune or an expiry: nothing that is
 * needed is deleted by it, what was done stays done, and running it again finishes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/layout.h"
#include "catalog/care.h"
#include "catalog/others.h"
#include "lake/open.h"
#include "care/expire.h"
#include "care/prune.h"
#include "care/rebuild.h"
#include "care/repair.h"
#include "os/file.h"
#include "os/log.h"
#include "support/sink_fixture.h"
#include "support/fault_calls.h"
#include "support/power_loss.h"
#include "support/temp_folder.h"
#include "catalog/files.h"

/* Ledgers with dead letters among them, and without. */
#define WITH_LETTERS    700, 719
#define WITHOUT_LETTERS 703, 710

static char folder[TEMP_PATH_BYTES], made[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;
static size_t made_files, pruned_files;
static int64_t newest_snapshot;
static uint32_t first_ledger, last_ledger;

static struct sink *must_open(void)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    return sink;
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    options = stream_options(lake);
    options.scheme = PARTITION_DATE_HOUR_TYPE;
    error_clear(&error);
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    power_loss_tell();
    temp_folder_remove(folder);
    return 0;
}

/* Two commits of several files. */
static void make_lake(uint32_t first, uint32_t last)
{
    first_ledger = first;
    last_ledger = last;
    struct sink *sink = must_open();
    assert_int_equal(stream_send(sink, &options, first, first + 5, 10, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    assert_true(stream_fill(sink, &options, first, last, 1));
    sink_close(sink);
}

/* ---- what is wrong with the lake ---- */

typedef void damage_function(const char *path);

static enum error_code damage_first(void *context, const char *relative_path, uint64_t size_bytes,
                                    struct error *problem)
{
    damage_function **damage = context;
    (void)size_bytes;
    (void)problem;
    if (*damage != NULL && strstr(relative_path, ".parquet") != NULL) {
        (*damage)(temp_path(lake, relative_path));
        *damage = NULL;
    }
    return OK;
}

static void delete_file(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void cut_file(const char *path)
{
    assert_int_equal(truncate(path, 100), 0);
}

static void damage_a_data_file(damage_function *damage)
{
    assert_int_equal(
        os_walk(lake, &(struct os_walker){.context = &damage, .visit = damage_first}, &error), OK);
    assert_null(damage);
}

static size_t count_data_files(void)
{
    return temp_count(lake, "", ".parquet") + temp_count(lake, "", ".parquet.damaged") +
           temp_count(lake, "", ".parquet.replaced");
}

static void keep_as_made(void)
{
    temp_copy(lake, made);
    made_files = count_data_files();
}

/* ---- the work ---- */

static enum error_code rebuild(void)
{
    struct rebuild_report report;
    struct rebuild_options wanted = {
        .output_path = lake, .data_path = "", .schema = row_schema_find("1.1.0")};
    enum error_code code = rebuild_lake(&wanted, &report, &error);
    rebuild_report_release(&report);
    return code;
}

static enum error_code repair(void)
{
    struct repair_report report;
    struct repair_options wanted = {.output_path = lake, .threads = 1};
    enum error_code code = repair_lake(&wanted, &report, &error);
    repair_report_release(&report);
    return code;
}

static enum error_code prune(void)
{
    struct prune_report report;
    const struct prune_cut cut = {.before_ledger = first_ledger + 6};
    enum error_code code = prune_lake(lake, &cut, false, &report, &error);
    prune_report_release(&report);
    return code;
}

static enum error_code expire(void)
{
    struct expire_report report;
    return expire_lake(lake, 0, false, &report, &error);
}

typedef enum error_code work_function(void);

/* In a child, which then loses power at the latest; whether the work was done before. */
static bool lose_power_in(work_function *work, const struct power_loss_plan *plan)
{
    int ends[2];
    char done = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        power_loss_begin(plan);
        if (work() != OK || write(ends[1], "d", 1) != 1)
            _exit(1);
        power_loss_strike();
    }
    close(ends[1]);
    bool was_done = read(ends[0], &done, 1) == 1;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), POWER_LOSS_EXIT_CODE);
    return was_done;
}

/* Whole as it is, but for what was taken out; a run completes it. */
static void check_and_complete(void)
{
    stream_check(lake);
    struct sink *sink = must_open();
    assert_true(stream_fill(sink, &options, first_ledger, last_ledger, 1));
    sink_close(sink);
    stream_check_covers(lake, first_ledger, last_ledger);
}

/* The first commit has left, with all its files, and nobody asks for it again. */
static void check_pruned(void)
{
    struct open_lake opened;
    struct ledger_set pruned = {0}, uncovered = {0};
    stream_check(lake);
    sink_close(must_open()); /* nothing is left to recover */
    assert_int_equal(open_lake_look(&opened, lake, &error), OK);
    assert_int_equal(catalog_pruned(opened.catalog, &pruned, &error), OK);
    assert_int_equal(pruned.count, 1);
    assert_int_equal(pruned.ranges[0].first, first_ledger);
    assert_int_equal(pruned.ranges[0].last, first_ledger + 5);
    assert_int_equal(opened.file.pruned.count, 1);
    assert_memory_equal(opened.file.pruned.ranges, pruned.ranges, sizeof *pruned.ranges);
    assert_int_equal(catalog_uncovered(opened.catalog,
                                       (struct ledger_range){first_ledger, last_ledger}, &uncovered,
                                       &error),
                     OK);
    assert_int_equal(uncovered.count, 0);
    assert_int_equal(temp_count(lake, "", ".parquet.replaced"), pruned_files);
    assert_int_equal(count_data_files(), made_files);
    ledger_set_release(&pruned);
    ledger_set_release(&uncovered);
    open_lake_close(&opened);
}

/* All that only older snapshots needed is gone, and nothing else. */
static void check_expired(void)
{
    struct open_lake opened;
    struct catalog_doomed_totals doomed;
    int64_t newest;
    stream_check(lake);
    sink_close(must_open());
    assert_int_equal(temp_count(lake, "_lake/replaced", ""), 0);
    assert_int_equal(temp_count(lake, "_lake/damaged", ""), 0);
    assert_int_equal(count_data_files(), made_files);
    assert_int_equal(open_lake_look(&opened, lake, &error), OK);
    assert_int_equal(catalog_doomed_totals(opened.catalog, &doomed, &error), OK);
    assert_int_equal(doomed.files, 0);
    assert_int_equal(catalog_newest_snapshot(opened.catalog, &newest, &error), OK);
    assert_int_equal(newest, newest_snapshot);
    open_lake_close(&opened);
}

static const char *name_of(work_function *work)
{
    return work == expire   ? "an expiry"
           : work == repair ? "a repair"
           : work == prune  ? "a prune"
                            : "a rebuild";
}

static void lose_power_everywhere(work_function *work, enum power_loss_mode mode, uint64_t first,
                                  uint64_t step)
{
    bool done = false;
    uint64_t swept = 0;
    for (uint64_t at = first; !done; at += step, swept++) {
        struct power_loss_plan plan = {.root = lake, .at = at, .mode = mode, .seed = at};
        temp_folder_remove(lake);
        temp_copy(made, lake);
        power_loss_doubt(&plan);
        done = lose_power_in(work, &plan);
        assert_true(count_data_files() >= made_files);
        if (!done && work() != OK)
            fail_msg("%s", error.message);
        if (work == expire)
            check_expired();
        else if (work == prune)
            check_pruned();
        else
            check_and_complete();
        power_loss_doubt(NULL);
        assert_true(!done || at > 20);
    }
    power_loss_tell_sweep(name_of(work), mode, swept);
}

static void lose_power_in_all_ways(work_function *work)
{
    lose_power_everywhere(work, POWER_LOSS_FORGETS_ALL, 1, fault_step(3));
    lose_power_everywhere(work, POWER_LOSS_FORGETS_DATA, 2, fault_step(7));
    lose_power_everywhere(work, POWER_LOSS_FORGETS_NAMES, 3, fault_step(7));
    lose_power_everywhere(work, POWER_LOSS_RANDOM, 1, fault_step(3));
}

static void a_rebuild_that_loses_power_can_be_run_again(void **state)
{
    (void)state;
    make_lake(WITH_LETTERS);
    damage_a_data_file(delete_file); /* what is left of its commit is moved away */
    keep_as_made();
    lose_power_in_all_ways(rebuild);
}

static void a_rebuild_from_files_alone_that_loses_power_can_be_run_again(void **state)
{
    (void)state;
    char own[TEMP_PATH_BYTES];
    make_lake(WITHOUT_LETTERS); /* they are in _lake, which is lost */
    snprintf(own, sizeof own, "%s", temp_path(lake, LAKE_FOLDER));
    temp_folder_remove(own);
    keep_as_made();
    lose_power_everywhere(rebuild, POWER_LOSS_FORGETS_ALL, 1, fault_step(5));
}

static void a_repair_that_loses_power_can_be_run_again(void **state)
{
    (void)state;
    make_lake(WITH_LETTERS);
    damage_a_data_file(cut_file);
    keep_as_made();
    lose_power_in_all_ways(repair);
}

static void a_prune_that_loses_power_can_be_run_again(void **state)
{
    (void)state;
    make_lake(WITH_LETTERS);
    keep_as_made();
    assert_int_equal(prune(), OK);
    pruned_files = temp_count(lake, "", ".parquet.replaced");
    assert_true(pruned_files > 1);
    check_pruned();
    lose_power_in_all_ways(prune);
}

/* Files that were pruned, and such that a repair set aside. */
static void an_expiry_that_loses_power_can_be_run_again(void **state)
{
    (void)state;
    struct open_lake opened;
    make_lake(WITH_LETTERS);
    damage_a_data_file(cut_file);
    assert_int_equal(repair(), OK);
    struct sink *sink = must_open();
    assert_true(stream_fill(sink, &options, first_ledger, last_ledger, 1));
    sink_close(sink);
    assert_int_equal(prune(), OK);
    assert_true(temp_count(lake, "_lake/replaced", "") > 1);
    assert_true(temp_count(lake, "_lake/damaged", "") > 0);
    assert_int_equal(open_lake_look(&opened, lake, &error), OK);
    assert_int_equal(catalog_newest_snapshot(opened.catalog, &newest_snapshot, &error), OK);
    open_lake_close(&opened);
    temp_copy(lake, made);
    assert_int_equal(expire(), OK);
    made_files = count_data_files();
    check_expired();
    lose_power_everywhere(expire, POWER_LOSS_FORGETS_ALL, 1, fault_step(7));
    lose_power_everywhere(expire, POWER_LOSS_FORGETS_DATA, 2, fault_step(11));
    lose_power_everywhere(expire, POWER_LOSS_FORGETS_NAMES, 3, fault_step(11));
    lose_power_everywhere(expire, POWER_LOSS_RANDOM, 1, fault_step(7));
}

/* Two commits more: only the last one's intent may come back and mend what is lost. The sink stays
 * open, as its end would bring the catalog's log into its file. */
static enum error_code extend(void)
{
    struct sink *sink;
    bool filled = sink_open(&sink, &options, &error) == OK &&
                  stream_fill(sink, &options, first_ledger, last_ledger - 2, 1) &&
                  stream_fill(sink, &options, first_ledger, last_ledger, 1);
    return filled ? OK : ERR_IO;
}

/* A new log's name is SQLite's to sync; the lake was made long ago. */
static void a_commit_into_a_catalog_without_a_log_is_not_lost(void **state)
{
    (void)state;
    bool done = false;
    make_lake(WITHOUT_LETTERS);
    last_ledger += 4;
    assert_int_equal(unlink(temp_path(lake, LAKE_CATALOG "-wal")), 0);
    keep_as_made();
    for (uint64_t at = 20; !done; at += fault_step(5)) {
        struct power_loss_plan plan = {.root = lake, .at = at, .mode = POWER_LOSS_FORGETS_ALL};
        temp_folder_remove(lake);
        temp_copy(made, lake);
        power_loss_doubt(&plan);
        done = lose_power_in(extend, &plan);
        sink_close(must_open()); /* recovers */
        if (done)
            stream_check_covers(lake, first_ledger, last_ledger);
        else
            check_and_complete();
        power_loss_doubt(NULL);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_rebuild_that_loses_power_can_be_run_again),
        TEST(a_rebuild_from_files_alone_that_loses_power_can_be_run_again),
        TEST(a_repair_that_loses_power_can_be_run_again),
        TEST(a_prune_that_loses_power_can_be_run_again),
        TEST(an_expiry_that_loses_power_can_be_run_again),
        TEST(a_commit_into_a_catalog_without_a_log_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
