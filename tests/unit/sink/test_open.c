// SPDX-License-Identifier: Apache-2.0
/* Which lakes a sink opens, and what it says about the others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/json_text.h"
#include "commit/lake_file.h"
#include "store/layout.h"
#include "os/identity.h"
#include "support/sink_fixture.h"
#include "support/allocation_sweep.h"
#include "support/fault_calls.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "support/temp_store.h"
#include "catalog/files.h"

static char folder[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    options = stream_options(folder);
    error_clear(&error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void fill_and_close(uint32_t first, uint32_t last)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    assert_true(stream_fill(sink, &options, first, last, 1));
    sink_close(sink);
}

static void assert_refused(enum error_code code, const char *words)
{
    struct sink *sink;
    assert_int_equal(sink_open(&sink, &options, &error), code);
    assert_null(sink);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, error.message);
}

static void a_lake_in_use_names_the_process_that_holds_it(void **state)
{
    (void)state;
    char pid[32];
    struct sink *sink;
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    snprintf(pid, sizeof pid, "pid %lld on host", (long long)os_process_id());
    assert_refused(ERR_CONFLICT, pid);
    sink_close(sink);
    fill_and_close(1, 5);
}

static void another_scheme_is_refused(void **state)
{
    (void)state;
    fill_and_close(1, 5);
    options.scheme = PARTITION_DATE;
    assert_refused(ERR_CONFLICT, "--partitioning-scheme date_hour");
}

static void another_network_is_refused_and_the_first_known_one_kept(void **state)
{
    (void)state;
    struct lake_file lake;
    options.network = "";
    fill_and_close(1, 5);
    options.network = "pubnet";
    fill_and_close(6, 9);
    options.network = "";
    fill_and_close(10, 12);
    assert_int_equal(lake_file_read(&lake, temp_store(folder), NULL), OK);
    assert_string_equal(lake.network, "pubnet");
    lake_file_release(&lake);
    options.network = "testnet";
    assert_refused(ERR_CONFLICT, "network pubnet, not testnet");
}

static void the_schema_evolves_upwards_only_and_only_if_it_may(void **state)
{
    (void)state;
    options.schema_version = "1.0.0";
    struct sink *sink;
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    assert_string_equal(catalog_schema_version(sink_catalog(sink)), "1.0.0");
    assert_int_equal(stream_send(sink, &options, 1, 20, 5, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    sink_close(sink);
    options.schema_version = "1.1.0";
    options.enable_schema_evolution = false;
    assert_refused(ERR_CONFLICT, "enable_schema_evolution");
    options.enable_schema_evolution = true;
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    assert_int_equal(stream_send(sink, &options, 21, 40, 5, &error), OK);
    assert_int_equal(sink_commit(sink, ROTATION_SHUTDOWN, &error), OK);
    assert_string_equal(catalog_schema_version(sink_catalog(sink)), "1.1.0");
    sink_close(sink);
    options.schema_version = "1.0.0";
    assert_refused(ERR_CONFLICT, "no way back");
    options.schema_version = "9.9.9";
    assert_refused(ERR_INVALID, "9.9.9");
}

static void a_path_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    char path[TEMP_PATH_BYTES];
    snprintf(path, sizeof path, "%s", temp_path(folder, "file"));
    temp_write(path, "x", 1);
    options.output_path = path;
    assert_refused(ERR_INVALID, path);
    snprintf(path, sizeof path, "%s", temp_path(folder, "file/below"));
    assert_refused(ERR_INVALID, "--output-path");
    options.output_path = "/proc/lake";
    assert_refused(ERR_INVALID, "/proc/lake");
}

static void newer_lakes_are_left_alone(void **state)
{
    (void)state;
    static const char newer[] = "{\"layout_version\": 4}";
    fill_and_close(1, 5);
    temp_write(temp_path(folder, LAKE_FILE), newer, sizeof newer - 1);
    assert_refused(ERR_CONFLICT, "newer parquet-consumer");
}

static void a_lake_without_its_catalog_is_not_begun_anew(void **state)
{
    (void)state;
    fill_and_close(1, 5);
    remove(temp_path(folder, LAKE_CATALOG));
    remove(temp_path(folder, LAKE_CATALOG "-wal"));
    remove(temp_path(folder, LAKE_CATALOG "-shm"));
    assert_refused(ERR_CORRUPT, "rebuild");
    assert_false(temp_exists(temp_path(folder, LAKE_CATALOG)));
}

static void a_damaged_catalog_says_rebuild(void **state)
{
    (void)state;
    static const char garbage[8192] = "damaged";
    fill_and_close(1, 5);
    temp_write(temp_path(folder, LAKE_CATALOG), garbage, sizeof garbage);
    remove(temp_path(folder, LAKE_CATALOG "-wal"));
    assert_refused(ERR_CORRUPT, "rebuild");
}

static void a_catalog_without_lake_json_is_not_adopted(void **state)
{
    (void)state;
    fill_and_close(1, 5);
    remove(temp_path(folder, LAKE_FILE));
    assert_refused(ERR_CORRUPT, "lake.json");
}

static void parts_of_two_lakes_are_not_one(void **state)
{
    (void)state;
    char other[TEMP_PATH_BYTES];
    struct lake_file lake;
    fill_and_close(1, 5);
    temp_folder_make(other);
    assert_int_equal(lake_file_read(&lake, temp_store(folder), NULL), OK);
    snprintf(lake.lake_id, sizeof lake.lake_id, "another");
    assert_int_equal(lake_file_write(&lake, temp_store(folder), NULL), OK);
    lake_file_release(&lake);
    assert_refused(ERR_CORRUPT, "different lakes");
    temp_folder_remove(other);
}

static void a_moved_lake_gets_its_new_path(void **state)
{
    (void)state;
    char moved[TEMP_PATH_BYTES + 8], *data_path;
    fill_and_close(1, 5);
    snprintf(moved, sizeof moved, "%s-moved", folder);
    assert_int_equal(rename(folder, moved), 0);
    options.output_path = moved;
    struct sink *sink;
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    assert_int_equal(catalog_data_path(sink_catalog(sink), &data_path, NULL), OK);
    assert_int_equal(strncmp(data_path, moved, strlen(moved)), 0);
    assert_string_equal(data_path + strlen(moved), "/");
    mem_free(data_path);
    sink_close(sink);
    stream_check_covers(moved, 1, 5);
    options.reader_data_path = "/container/lake";
    assert_int_equal(sink_open(&sink, &options, &error), OK);
    assert_int_equal(catalog_data_path(sink_catalog(sink), &data_path, NULL), OK);
    assert_string_equal(data_path, "/container/lake/");
    mem_free(data_path);
    sink_close(sink);
    options.reader_data_path = "container/lake";
    assert_refused(ERR_INVALID, "not absolute");
    temp_folder_remove(moved);
    assert_int_equal(mkdir(folder, 0755), 0);
}

static void a_first_start_that_fails_anywhere_can_be_repeated(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fault_plan plan = {
            .kind = FAULT_ERRNO, .scope = FAULT_ALL, .system_errno = 5, .first = n};
        temp_folder_clear(folder);
        fault_begin(&plan);
        struct sink *sink;
        (void)!sink_open(&sink, &options, &error);
        fault_end();
        sink_close(sink);
        fill_and_close(1, 5);
        stream_check_covers(folder, 1, 5);
        if (!fault_was_met()) {
            assert_true(n > 20);
            break;
        }
    }
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 23, .may_succeed = true};
    json_text_use_our_memory();
    while (sweep_next(&sweep)) {
        temp_folder_clear(folder);
        sweep_begin(&sweep);
        struct sink *sink;
        bool done = sweep_end(&sweep, sink_open(&sink, &options, &error));
        sink_close(sink);
        if (!done)
            fill_and_close(1, 5); /* it can be tried again */
    }
    assert_true(sweep.failures > 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_lake_in_use_names_the_process_that_holds_it),
        TEST(another_scheme_is_refused),
        TEST(another_network_is_refused_and_the_first_known_one_kept),
        TEST(the_schema_evolves_upwards_only_and_only_if_it_may),
        TEST(a_path_that_cannot_be_written_is_named),
        TEST(newer_lakes_are_left_alone),
        TEST(a_lake_without_its_catalog_is_not_begun_anew),
        TEST(a_damaged_catalog_says_rebuild),
        TEST(a_catalog_without_lake_json_is_not_adopted),
        TEST(parts_of_two_lakes_are_not_one),
        TEST(a_moved_lake_gets_its_new_path),
        TEST(a_first_start_that_fails_anywhere_can_be_repeated),
        TEST(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
