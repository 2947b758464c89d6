// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_COMPACT_H
#define TTP_CARE_COMPACT_H

/*
 * Makes the data files of closed partitions as few as max_file_size allows (care/compact_plan.h):
 * same rows, same commits, one snapshot a task. What is damaged, or was changed by others, stays
 * as it is and is named.
 */

#include "care/compact_plan.h"
#include "sink/sink.h"

/* A task, done or left. Texts lie in the report's arena. */
struct compact_item {
    const char *partition; /* its label */
    size_t files, adopted; /* that it had; of them DuckDB's */
    uint64_t size_bytes;   /* of them */
    int64_t row_count;
    size_t files_after; /* 0: not done */
    uint64_t size_bytes_after;
    const char *fault; /* why it was left; NULL: it was not */
    bool is_damage;    /* so that `repair` is the remedy */
};

struct compact_report {
    struct arena arena;
    struct buffer items;     /* struct compact_item */
    uint64_t changed_groups; /* of files that others changed: left alone */
};
void compact_report_init(struct compact_report *report);
void compact_report_release(struct compact_report *report);

/* What would be done, without a lock. ERR_NOT_FOUND without a lake. `report` is initialised. */
enum error_code compact_preview(const char *output_path, const struct compact_wish *wish,
                                struct compact_report *report, struct error *error) MUST_CHECK;
/* Does it, as the lake's only writer (ERR_CONFLICT where there is another), with files as a sink of
 * those options writes them. An error ends it; what was done stays. */
enum error_code compact_lake(const struct sink_options *options, const struct compact_wish *wish,
                             struct compact_report *report, struct error *error) MUST_CHECK;

/* What of a lake need not be looked at again: the partitions before start_us had no task, with
 * files up to newest_file. Those of later partitions begin at from_file. All 0: nothing is known.
 */
struct compact_settled {
    int64_t start_us;
    int64_t newest_file, from_file; /* data_file_id, which only rise */
};

/* For a live run, between two commits: the first task of the files that this program made, but for
 * the first `skip` ones. Appends it to the report, if there is one. Reads of the catalog what is
 * not settled, and where there is no task at all, that is settled, too. */
enum error_code compact_next(const struct replacement_setup *setup, const struct compact_wish *wish,
                             size_t skip, struct compact_settled *settled,
                             struct compact_report *report, struct error *error) MUST_CHECK;

#endif
