// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_SNAPSHOT_H
#define TTP_STATUS_SNAPSHOT_H

/*
 * Everything that health, metrics and the page know about a run, as plain values: one copy, taken
 * at one moment, without pointers. app fills it by a callback (struct status_feed) that the
 * listeners' threads call, so the callback is thread-safe and quick.
 *
 * Unless a field says otherwise: times are wall clock, microseconds since 1970-01-01T00:00:00Z,
 * 0 = never or not known; counters count since the start of the process; texts end in NUL and are
 * empty when not known. A zeroed snapshot is a process that has just started.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/ledgers.h"

/* Limits of what a snapshot carries: enough for a page, small enough to copy at each request. */
#define STATUS_RANGES_MAX     64 /* coverage, the newest ranges */
#define STATUS_COMMITS_MAX    12 /* last commits */
#define STATUS_PROBLEMS_MAX   8  /* last problems */
#define STATUS_RATES_MAX      60 /* slots of the rate's history */
#define STATUS_RATE_SLOT_US   INT64_C(10000000)
#define STATUS_MESSAGE_BYTES  1024
#define STATUS_LABEL_BYTES    64
#define STATUS_REASON_BYTES   16
#define STATUS_PATH_BYTES     512
#define STATUS_WORDS_BYTES    2048
#define STATUS_ROTATION_COUNT 6
#define STATUS_GAPS_MAX       8 /* of the newest gaps */

enum status_phase {
    STATUS_STARTING, /* opening the lake, recovering, connecting for the first time */
    STATUS_RUNNING,
    STATUS_STOPPING /* publishing what is complete */
};

/* The order of status_snapshot.rotations. */
enum status_rotation {
    STATUS_ROTATION_PARTITION,
    STATUS_ROTATION_SIZE,
    STATUS_ROTATION_AGE,
    STATUS_ROTATION_MEMORY,
    STATUS_ROTATION_END_OF_RANGE,
    STATUS_ROTATION_SHUTDOWN
};

struct status_commit {
    uint64_t commit_no;
    struct ledger_range range;
    int64_t committed_us;
    int64_t duration_us; /* from the cut to durability */
    uint64_t file_count;
    uint64_t row_count;
    uint64_t size_bytes;
    char reason[STATUS_REASON_BYTES];   /* of the rotation */
    char partition[STATUS_LABEL_BYTES]; /* of its first file */
};

struct status_problem {
    int64_t first_us, last_us;
    uint64_t count; /* how often in a row */
    bool error;     /* else a warning */
    char message[STATUS_MESSAGE_BYTES];
};

struct status_snapshot {
    /* Set by the listener before it calls the feed. */
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

    /* The stream. */
    uint64_t events_accepted;
    uint64_t events_refetched;
    uint64_t events_dead_letter;
    uint64_t bytes_received;
    uint64_t ledgers_completed;
    uint64_t connects;
    uint64_t retries;
    uint64_t seam_checked, seam_other_contents;
    uint32_t current_ledger; /* in progress, or last seen; 0 none */
    int64_t current_close_us;
    int64_t last_event_us;
    int64_t streaming_since_us; /* when the range in work was begun; 0: nothing is asked for */
    int64_t last_new_event_us;  /* when events_accepted last rose: what comes again is no news */
    int64_t last_throttled_us;  /* when our own window was last seen closed */
    int64_t idle_timeout_us;    /* 0: no rule */
    int64_t ledger_since_us;    /* since when the first incomplete ledger comes */
    bool drips;                 /* bytes came, and no whole message, until the call was given up */
    uint32_t waits_behind; /* bounded: the last ledger, if its events are here and a later one is
                            * not; else 0 */
    /* Ledgers of which no event came, nor when they were asked for once more, where nearly each
     * before had some; and ledgers that came when they were asked for once more. */
    uint64_t gaps, gap_ledgers, found_ledgers;
    int64_t last_gap_us;
    size_t gap_count; /* of newest_gaps, as they came */
    struct ledger_range newest_gaps[STATUS_GAPS_MAX];
    bool connected;
    bool ever_connected;
    char asked[STATUS_LABEL_BYTES]; /* what the call in work asks for: "ledgers 5 to 9" */
    /* How the last call that failed ended, and what the server said; failure_us 0: none failed. */
    int64_t failure_us;
    char failure_asked[STATUS_LABEL_BYTES];     /* "ledgers 5 to 9" */
    char failure_address[STATUS_LABEL_BYTES];   /* that was tried */
    char failure_status[STATUS_LABEL_BYTES];    /* the server's own: "INTERNAL" */
    char failure_message[STATUS_MESSAGE_BYTES]; /* its own words */
    char failure_words[STATUS_MESSAGE_BYTES];   /* as a sentence, or how it ended without them */
    char failure_meaning[STATUS_MESSAGE_BYTES]; /* of known words, and what helps */
    bool throttled;                             /* we closed the window: the queue is full */
    bool outage;       /* max_attempts without progress and nothing works */
    bool reconnecting; /* the last try failed */

    /* Between the threads. */
    uint64_t queue_events, queue_bytes, queue_batches;
    uint64_t queue_limit_bytes; /* 0: not known */

    /* The lake. */
    uint64_t rows_committed, files_committed, bytes_committed;
    uint64_t commits, commits_failed;
    uint64_t dead_letters_committed, unconfirmed_ledgers;
    uint64_t rows_open;  /* taken by the writer, not committed */
    uint64_t bytes_open; /* in staging and in open row groups */
    uint64_t batches;    /* handed to the encoder */
    uint64_t rotations[STATUS_ROTATION_COUNT];
    int64_t last_batch_us;
    int64_t last_commit_us;
    int64_t next_commit_us;        /* when max_file_age cuts; 0: nothing is open */
    uint32_t last_ledger;          /* committed; 0 none */
    int64_t last_close_us;         /* newest committed close time */
    bool waiting_for_space;        /* a write met a full disk */
    bool publishing_refused;       /* the file system refuses to publish; it is tried again */
    int64_t catalog_busy_since_us; /* monotonic: another program holds the catalog; 0 none */
    bool intake_paused;            /* less than min_free_disk is free: nothing is taken */
    bool commit_failing;           /* the last commit failed */
    int64_t writer_seen_us; /* monotonic: when the writer's loop last came round; 0: not running */

    /* The machine. */
    uint64_t resident_bytes, peak_resident_bytes, memory_limit_bytes;
    int64_t cpu_us;
    bool disk_known;
    uint64_t disk_free_bytes, disk_min_free_bytes;
    uint64_t warnings_logged, errors_logged;
    uint64_t log_lines_dropped; /* since nobody read the log */
    int64_t log_blocked_us;     /* how long stderr has not taken what is written to it; 0 none */

    /* History (status/board.h keeps it). */
    double events_per_second; /* over the last slots */
    size_t rate_count;        /* of rates, oldest first, events per second, one per slot */
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

/* Where the listeners get their snapshot. `fill` is called on their threads, with *out zeroed but
 * for the two clocks. */
struct status_feed {
    void *context;
    void (*fill)(void *context, struct status_snapshot *out);
};

#endif
