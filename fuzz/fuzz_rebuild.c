// SPDX-License-Identifier: Apache-2.0
// rooms: care
// options: -max_len=12000
// parsers: care/rebuild_files.c
/*
 * A lake without a catalog whose only commit left one data file, which may be anything: rebuild
 * says what it would do with it. The first byte tells whether lake.json is there.
 */

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commit/lake_file.h"
#include "store/layout.h"
#include "care/rebuild.h"
#include "os/file.h"
#include "support/input.h"
#include "support/temp_folder.h"

#define LAKE_ID   "01234567-89ab-4cde-8f01-23456789abcd"
#define PARTITION "year=2024/month=01/day=15/hour=13"
#define DATA_FILE PARTITION "/ttp_events_2024-01-15T13_1705323600.parquet"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[TEMP_PATH_BYTES];
static char lake_file[TEMP_PATH_BYTES], lake_file_aside[TEMP_PATH_BYTES];
static int data_fd = -1;

static void remove_folder(void)
{
    temp_folder_remove(folder);
}

static void prepare(void)
{
    struct lake_file lake = {.lake_id = LAKE_ID, .network = "testnet", .scheme = "date_hour"};
    struct store store;
    char path[OS_PATH_BYTES];
    temp_folder_make(folder);
    atexit(remove_folder);
    snprintf(path, sizeof path, "%.4000s/" LAKE_FOLDER, folder);
    enum error_code code = os_make_directories(path, NULL, NULL);
    if (code == OK)
        code = store_at(&store, folder, NULL);
    if (code == OK)
        code = lake_file_write(&lake, &store, NULL);
    snprintf(path, sizeof path, "%.4000s/" PARTITION, folder);
    if (code == OK)
        code = os_make_directories(path, NULL, NULL);
    assert(code == OK);
    snprintf(lake_file, sizeof lake_file, "%.4000s/" LAKE_FILE, folder);
    snprintf(lake_file_aside, sizeof lake_file_aside, "%.4000s/" LAKE_FILE ".aside", folder);
    snprintf(path, sizeof path, "%.4000s/" DATA_FILE, folder);
    data_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert(data_fd >= 0);
}

static void check_report(const struct rebuild_report *report)
{
    const struct rebuild_entry *entries = (const void *)report->entries.data;
    for (size_t i = 0; i < report->entries.size_bytes / sizeof *entries; i++) {
        fuzz_touch(bytes_view_text(entries[i].path));
        fuzz_touch(bytes_view_text(entries[i].reason));
        assert(entries[i].range.first <= entries[i].range.last);
    }
    for (size_t i = 0; i < report->coverage.count; i++)
        assert(report->coverage.ranges[i].first <= report->coverage.ranges[i].last);
    assert(report->commits <= 1 && report->files <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct rebuild_options options = {.output_path = folder,
                                      .data_path = "",
                                      .schema = row_schema_find("1.1.0"),
                                      .dry_run = true};
    struct rebuild_report report;
    struct error error;
    if (data_fd < 0)
        prepare();
    bool has_lake_file = fuzz_input_u8(&input) % 2 == 0;
    int result = ftruncate(data_fd, (off_t)input.size_bytes);
    assert(result == 0);
    ssize_t written = pwrite(data_fd, input.data, input.size_bytes, 0);
    assert(written == (ssize_t)input.size_bytes);
    if (!has_lake_file)
        result = rename(lake_file, lake_file_aside);
    assert(result == 0);
    error_clear(&error);
    enum error_code code = rebuild_lake(&options, &report, &error);
    if (code == OK)
        check_report(&report);
    else
        assert(error.message[0] != '\0');
    rebuild_report_release(&report);
    if (!has_lake_file)
        result = rename(lake_file_aside, lake_file);
    assert(result == 0);
    return 0;
}
