// SPDX-License-Identifier: Apache-2.0
#include "service/compact_care.h"

#include "os/log.h"

/* The writer takes no batches meanwhile: a task must not last. */
#define TASK_FILES 2

void compact_care_init(struct compact_care *care)
{
    *care = (struct compact_care){.newest_start_us = INT64_MIN};
}

/* Begins another look where a partition has closed since the last one. */
static enum error_code look_for_closed(struct compact_care *care,
                                       const struct replacement_setup *setup, struct error *error)
{
    int64_t close_us = 0;
    enum error_code code = catalog_newest_close(setup->catalog, &close_us, error);
    int64_t start_us = partition_key_of(setup->scheme, close_us, EVENT_NONE).start_us;
    if (code == OK && start_us != care->newest_start_us)
        *care = (struct compact_care){.newest_start_us = start_us, .settled = care->settled};
    return code;
}

static void take_item(struct compact_care *care, const struct compact_item *item,
                      struct compact_step *step)
{
    if (item->fault != NULL) {
        care->left_count++;
        step->kind = COMPACT_LEFT;
        log_event(LOG_WARN, "lake", "small files of a partition are left as they are",
                  LOG_T("partition", item->partition), LOG_T("reason", item->fault));
        return;
    }
    *step = (struct compact_step){COMPACT_DONE, item->files, item->size_bytes};
    log_event(LOG_INFO, "lake", "small files of a partition were put together",
              LOG_T("partition", item->partition), LOG_U("files", item->files),
              LOG_U("files_after", item->files_after), LOG_U("bytes", item->size_bytes),
              LOG_U("bytes_after", item->size_bytes_after));
}

enum error_code compact_care_step(struct compact_care *care, struct sink *sink,
                                  struct compact_step *step, struct error *error)
{
    const struct replacement_setup setup = sink_replacement_setup(sink);
    const struct compact_wish wish = {.max_file_size_bytes = setup.max_file_size_bytes,
                                      .task_files = TASK_FILES};
    struct compact_report report;
    uint64_t commits = sink_lake_commits(sink);
    *step = (struct compact_step){.kind = COMPACT_NOTHING};
    if (care->all_done && commits == care->commits_seen)
        return OK;
    enum error_code code = look_for_closed(care, &setup, error);
    if (code == OK)
        care->commits_seen = commits;
    if (code != OK || care->all_done)
        return code;
    compact_report_init(&report);
    code = compact_next(&setup, &wish, care->left_count, &care->settled, &report, error);
    care->all_done = code == OK && report.items.size_bytes == 0;
    if (code == OK && !care->all_done)
        take_item(care, LIST_AT(&report.items, struct compact_item, 0), step);
    compact_report_release(&report);
    return code;
}
