// SPDX-License-Identifier: Apache-2.0
/* lake.json and the lock. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commit/lake_file.h"
#include "store/layout.h"
#include "store/lake_lock.h"
#include "os/identity.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "support/temp_store.h"

static char folder[TEMP_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    return mkdir(temp_path(folder, LAKE_FOLDER), 0755);
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void lake_json_keeps_what_it_was_given(void **state)
{
    (void)state;
    struct ledger_range pruned[] = {{1, 5}, {9, UINT32_MAX}};
    struct lake_file lake = {.layout_version = CATALOG_LAYOUT_CARE,
                             .lake_id = "0f-1",
                             .network = "pubnet",
                             .scheme = "date_hour",
                             .creating = true,
                             .pruned = {.ranges = pruned, .count = 2}};
    struct lake_file again;
    assert_int_equal(lake_file_write(&lake, temp_store(folder), NULL), OK);
    assert_int_equal(lake_file_read(&again, temp_store(folder), NULL), OK);
    assert_int_equal(again.layout_version, CATALOG_LAYOUT_CARE);
    assert_string_equal(again.lake_id, "0f-1");
    assert_string_equal(again.network, "pubnet");
    assert_string_equal(again.scheme, "date_hour");
    assert_true(again.creating);
    assert_int_equal(again.pruned.count, 2);
    assert_memory_equal(again.pruned.ranges, pruned, sizeof pruned);
    lake_file_release(&again);
    assert_int_equal(temp_count(folder, "", ".inprogress"), 0);
}

static void what_is_wrong_with_lake_json_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum error_code code;
        const char *word;
    } cases[] = {
        {"", ERR_CORRUPT, "line"},
        {"[]", ERR_CORRUPT, "object"},
        {"{\"lake_id\":\"a\"}", ERR_CORRUPT, "layout_version"},
        {"{\"layout_version\":4}", ERR_CONFLICT, "newer"},
        {"{\"layout_version\":-5}", ERR_CORRUPT, "no version"},
        {"{\"layout_version\":1,\"lake_id\":\"a\",\"network\":\"\"}", ERR_CORRUPT, "scheme"},
        {"{\"layout_version\":1,\"lake_id\":\"a\",\"network\":\"\",\"scheme\":\"date\"}",
         ERR_CORRUPT, "pruned"},
        {"{\"layout_version\":1,\"lake_id\":\"a\",\"network\":\"\",\"scheme\":\"date\","
         "\"pruned\":[[5,4]]}",
         ERR_CORRUPT, "range"},
    };
    struct lake_file lake;
    struct error error;
    assert_int_equal(lake_file_read(&lake, temp_store(folder), &error), ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        temp_write(temp_path(folder, LAKE_FILE), cases[i].text, strlen(cases[i].text));
        assert_int_equal(lake_file_read(&lake, temp_store(folder), &error), cases[i].code);
        assert_non_null(strstr(error.message, "lake.json"));
        assert_non_null(strstr(error.message, cases[i].word));
    }
}

static void a_lake_json_beyond_its_limit_is_damaged_and_never_written(void **state)
{
    (void)state;
    static char text[2 << 20];
    static struct ledger_range pruned[100000];
    struct lake_file lake = {.lake_id = "0f-1",
                             .network = "",
                             .scheme = "date_hour",
                             .pruned = {.ranges = pruned, .count = sizeof pruned / sizeof *pruned}};
    struct lake_file again;
    struct error error;
    memset(text, ' ', sizeof text);
    memcpy(text, "{}", 2);
    temp_write(temp_path(folder, LAKE_FILE), text, sizeof text);
    assert_int_equal(lake_file_read(&again, temp_store(folder), &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "larger than it can be"));
    assert_non_null(strstr(error.message, "rebuild"));
    for (uint32_t i = 0; i < sizeof pruned / sizeof *pruned; i++)
        pruned[i] = (struct ledger_range){10000000 + 2 * i, 10000000 + 2 * i};
    assert_int_equal(lake_file_write(&lake, temp_store(folder), &error), ERR_LIMIT);
    assert_non_null(strstr(error.message, "100000 pruned ranges"));
}

static void the_lock_names_who_holds_it(void **state)
{
    (void)state;
    struct lake_lock first, second;
    struct error error;
    char pid[32], host[OS_HOST_NAME_BYTES];
    assert_int_equal(lake_lock_take(&first, temp_store(folder), &error), OK);
    assert_int_equal(lake_lock_take(&second, temp_store(folder), &error), ERR_CONFLICT);
    snprintf(pid, sizeof pid, "pid %lld ", (long long)os_process_id());
    os_host_name(host);
    assert_non_null(strstr(error.message, pid));
    assert_non_null(strstr(error.message, host));
    lake_lock_release(&first);
    assert_int_equal(lake_lock_take(&second, temp_store(folder), &error), OK);
    lake_lock_release(&second);
}

static void a_folder_in_the_place_of_the_lock_is_refused_with_what_to_do(void **state)
{
    (void)state;
    struct lake_lock lock;
    struct error error;
    assert_int_equal(mkdir(temp_path(folder, LAKE_LOCK), 0755), 0);
    assert_int_equal(lake_lock_take(&lock, temp_store(folder), &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "is not a file: move it away"));
}

static void the_lock_of_a_dead_process_is_free(void **state)
{
    (void)state;
    struct lake_lock lock;
    pid_t child = fork();
    if (child == 0) {
        if (lake_lock_take(&lock, temp_store(folder), NULL) != OK)
            _exit(1);
        _exit(0); /* without letting go */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(lake_lock_take(&lock, temp_store(folder), NULL), OK);
    lake_lock_release(&lock);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lake_json_keeps_what_it_was_given),
        TEST(what_is_wrong_with_lake_json_is_said),
        TEST(a_lake_json_beyond_its_limit_is_damaged_and_never_written),
        TEST(the_lock_names_who_holds_it),
        TEST(a_folder_in_the_place_of_the_lock_is_refused_with_what_to_do),
        TEST(the_lock_of_a_dead_process_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
