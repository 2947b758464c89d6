// SPDX-License-Identifier: Apache-2.0
/* A repair that runs out of memory anywhere took the damaged commits out or left everything as it
 * was; run again it finishes, and a run completes the lake. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/json_text.h"
#include "care/repair.h"
#include "os/file.h"
#include "os/log.h"
#include "support/sink_fixture.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"

#define FIRST 700
#define LAST  740

static char folder[TEMP_PATH_BYTES], made[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

static struct sink *must_open(void)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    return sink;
}

/* Cuts the first data file short. */
static enum error_code cut_it(void *context, const char *relative_path, uint64_t size_bytes,
                              struct error *problem)
{
    bool *done = context;
    (void)problem;
    if (!*done && strstr(relative_path, ".parquet") != NULL)
        *done = truncate(temp_path(lake, relative_path), (off_t)size_bytes / 2) == 0;
    return OK;
}

static int make_model(void **state)
{
    bool done = false;
    (void)state;
    temp_folder_make(folder);
    json_text_use_our_memory();
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    options = stream_options(lake);
    log_set_level(LOG_ERROR + 1);
    struct sink *sink = must_open();
    assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
    sink_close(sink);
    assert_int_equal(os_walk(lake, &(struct os_walker){.context = &done, .visit = cut_it}, &error),
                     OK);
    assert_true(done);
    temp_copy(lake, made);
    return 0;
}

static int remove_model(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

/* The number of commits taken out; damage that no repair of commits mends is not there. */
static enum error_code repair(bool unconfirmed, size_t *taken_out)
{
    struct repair_report report;
    struct repair_options wanted = {.output_path = lake, .unconfirmed = unconfirmed, .threads = 1};
    enum error_code code = repair_lake(&wanted, &report, &error);
    *taken_out = report.commits.size_bytes / sizeof(uint64_t);
    if (code == OK && report.unrepaired != 0)
        fail_msg("%llu problems are left", (unsigned long long)report.unrepaired);
    repair_report_release(&report);
    return code;
}

static void sweep_repairs(bool unconfirmed)
{
    struct allocation_sweep sweep = {.step = 61, .may_succeed = true};
    while (sweep_next(&sweep)) {
        size_t taken_out;
        temp_folder_remove(lake);
        temp_copy(made, lake);
        sweep_begin(&sweep);
        bool done = sweep_end(&sweep, repair(unconfirmed, &taken_out));
        if (!done || unconfirmed)
            assert_int_equal(repair(false, &taken_out), OK);
        assert_true(taken_out <= 1);
        stream_check(lake);
        struct sink *sink = must_open();
        assert_true(stream_fill(sink, &options, FIRST, LAST, 1));
        sink_close(sink);
        stream_check_covers(lake, FIRST, LAST);
    }
    assert_true(sweep.failures > 1);
}

static void damaged_commits_are_taken_out_or_left(void **state)
{
    (void)state;
    sweep_repairs(false);
}

static void unconfirmed_ledgers_are_uncovered_or_left(void **state)
{
    (void)state;
    sweep_repairs(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_commits_are_taken_out_or_left),
        cmocka_unit_test(unconfirmed_ledgers_are_uncovered_or_left),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
