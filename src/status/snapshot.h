// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_SNAPSHOT_H
#define TTP_STATUS_SNAPSHOT_H

/*
 * Everything that health, metrics and the page know about a run, as plain values: one copy, taken
 * at one moment. service fills it by a callback (struct status_feed) that the
 * listeners' threads call, so the callback is thread-safe and quick.
 *
 * Unless a field says otherwise: times are wall clock, microseconds since 1970-01-01T00:00:00Z,
 * 0 = never or not known; counters count since the start of the process; texts end in NUL and are
 * empty when not known. A zeroed snapshot is a process that has just started.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status/stages.h"

/* Limits of what a snapshot carries: enough for a page, small enough to copy at each request. */
#define STATUS_RANGES_MAX    64 /* coverage, the newest ranges */
#define STATUS_COMMITS_MAX   12 /* last commits */
#define STATUS_PROBLEMS_MAX  8  /* last problems */
#define STATUS_RATES_MAX     60 /* slots of the rate's history */
#define STATUS_RATE_SLOT_US  INT64_C(10000000)
#define STATUS_MESSAGE_BYTES 1024
#define STATUS_LABEL_BYTES   64
#define STATUS_REASON_BYTES  16
#define STATUS_PATH_BYTES    512
#define STATUS_WORDS_BYTES   2048

enum status_phase {
    STATUS_STARTING, /* opening the lake, recovering, connecting for the first time */
    STATUS_RUNNING,
    STATUS_STOPPING /* publishing what is complete */
};

struct status_commit {
    uint64_t commit_no;
    struct ledger_range range;
    int64_t committed_us;
    int64_t duration_us; /* from the cut to durability */
    uint64_t file_count;
    uint64_t row_count;
    uint64_t size_bytes;
    enum rotation_reason reason;
    char partition[STATUS_LABEL_BYTES]; /* of its first file */
};

struct status_problem {
    int64_t first_us, last_us;
    uint64_t count; /* how often in a row */
    bool error;     /* else a warning */
    char message[STATUS_MESSAGE_BYTES];
};

struct status_snapshot {
    /* When it was taken. */
    int64_t now_us;
    int64_t now_monotonic_us;

    /* What is running. */
    char service_name[STATUS_LABEL_BYTES];
    char endpoint[STATUS_MESSAGE_BYTES];
    char network[STATUS_LABEL_BYTES + 1];
    char output_path[STATUS_PATH_BYTES];
    char scheme[STATUS_REASON_BYTES];
    char schema_version[STATUS_REASON_BYTES];
    /* What a command that fetches ledgers needs between "parquet-consumer run" and its range, with
     * a blank before it; empty: too long to be shown. */
    char run_words[STATUS_WORDS_BYTES];
    enum status_phase phase;
    int64_t started_us;
    int64_t started_monotonic_us;
    uint32_t request_first; /* the run's range; 0 = where the server or the lake begins */
    uint32_t request_last;  /* 0 = open */

    int64_t idle_timeout_us; /* 0: no rule */

    /* The stages (status/stages.h). */
    struct stream_stats stream; /* of all streams together */
    size_t stream_count;        /* of streams: 1 has nothing to tell that `stream` does not */
    struct stream_view streams[STREAM_VIEWS_MAX];
    struct work_stats work; /* of several streams */
    struct queue_stats queue;
    struct sink_stats sink;
    int64_t writer_seen_us; /* monotonic: when the writer's loop last came round; 0: not running */
    int64_t last_close_us;  /* newest committed close time */
    struct care_stats care[CARE_TASK_COUNT];
    uint64_t pruned_between; /* pruned ledgers between covered ones: no holes */
    int64_t last_backup_us;  /* when the last backup ended (commit/backup_record.h), and where to */
    char last_backup_path[STATUS_PATH_BYTES];

    /* The machine. */
    uint64_t resident_bytes, peak_resident_bytes, memory_limit_bytes;
    int64_t cpu_us;
    bool disk_known;
    uint64_t disk_free_bytes, disk_min_free_bytes;
    uint64_t warnings_logged, errors_logged;
    uint64_t log_lines_dropped; /* since nobody read the log */
    int64_t log_blocked_us;     /* how long stderr has not taken what is written to it; 0 none */

    /* History (status/run_history.h keeps it). */
    int64_t last_new_event_us; /* when events_accepted last rose: what comes again is no news */
    int64_t last_throttled_us; /* when our own window was last seen closed */
    double events_per_second;  /* over the last slots */
    size_t rate_count;         /* of rates, oldest first, events per second, one per slot */
    double rates[STATUS_RATES_MAX];
    size_t coverage_count;     /* of coverage, ascending: the newest ranges */
    size_t coverage_total;     /* ranges that there are */
    uint64_t coverage_ledgers; /* in all ranges */
    uint32_t coverage_first;   /* of the lowest range; 0 none */
    struct ledger_range coverage[STATUS_RANGES_MAX];
    size_t commit_count; /* of last_commits, newest first */
    struct status_commit last_commits[STATUS_COMMITS_MAX];
    size_t problem_count; /* of problems, newest first */
    struct status_problem problems[STATUS_PROBLEMS_MAX];
    int64_t last_error_us;
    char last_error[STATUS_MESSAGE_BYTES];
};

/* Where the listeners get their snapshot. `fill` is called on their threads and sets all of *out.
 */
struct status_feed {
    void *context;
    void (*fill)(void *context, struct status_snapshot *out);
};

#endif
