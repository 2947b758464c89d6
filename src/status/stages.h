// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_STAGES_H
#define TTP_STATUS_STAGES_H

/*
 * What a run counts and how it stands, stage by stage: each stage fills its own struct, and health,
 * metrics, the pages and the summary read them (status/figures.h names what is shown). Plain
 * values: a copy is a whole.
 *
 * Unless a field says otherwise: times are wall clock, microseconds since 1970-01-01T00:00:00Z,
 * 0 = never or not known; counters count since the start of the run; texts are empty when not
 * known.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/ledgers.h"

/* How the last call that failed ended. It stays when others succeed after it. */
#define SOURCE_ADDRESS_BYTES 64
#define SOURCE_STATUS_BYTES  24
#define SOURCE_MESSAGE_BYTES 512
#define SOURCE_ASKED_BYTES   64
struct source_failure {
    int64_t at_us;                      /* 0: none failed */
    char asked[SOURCE_ASKED_BYTES];     /* what it asked for: "ledgers 5 to 9" */
    char address[SOURCE_ADDRESS_BYTES]; /* that was tried; "": none */
    char status[SOURCE_STATUS_BYTES];   /* the server's own: "INTERNAL"; "": it gave none */
    char message[SOURCE_MESSAGE_BYTES]; /* the server's own words */
    char words[ERROR_MESSAGE_BYTES];    /* the same as a sentence; or how it ended without them */
    const char *meaning;                /* of known words, and what helps; NULL; static */
};

/* Ledgers of which no event came, nor when they were asked for once more, where nearly each ledger
 * before had some (source/gaps.h); and what came when it was asked for once more. */
#define SOURCE_GAPS_KEPT 8
struct source_gaps {
    uint64_t count, ledger_count;
    uint64_t found_count; /* ledgers that the stream left out, and that came when asked for */
    int64_t last_us;      /* when the last gap was found */
    size_t kept_count;    /* of kept, the newest ones, as they came */
    struct ledger_range kept[SOURCE_GAPS_KEPT];
};

/* One stream: its source, and what its intake made of what came. */
struct stream_stats {
    uint64_t events_accepted;
    uint64_t events_refetched; /* received again, or of a dropped tail */
    uint64_t bytes_received;
    uint64_t ledgers_completed;
    uint64_t connects;
    uint64_t retries;
    uint64_t seam_checked, seam_other_contents;
    struct source_gaps gaps;
    uint32_t current_ledger;  /* in progress, or last seen; 0 none */
    int64_t current_close_us; /* its close time */
    int64_t last_event_us;
    int64_t ledger_since_us; /* since when the first incomplete ledger comes */
    int64_t decode_us;       /* CPU-ish time spent in decoding, sampled */
    bool connected;
    bool throttled;        /* we are the ones who closed the window: the queue is full */
    bool outage;           /* max_attempts without progress, nothing works; of several streams:
                            * of none that asks for anything */
    bool degraded;         /* the last try failed */
    bool drips;            /* bytes came, and no whole message, until the call was given up */
    uint32_t waits_behind; /* bounded: the last ledger, if its events are here and a later one is
                            * not; else 0 */
    char asked[SOURCE_ASKED_BYTES]; /* what the call in work asks for: "ledgers 5 to 9" */
    struct source_failure failure;

    /* The intake's. */
    uint64_t dead_letters;
    uint32_t first_ledger;      /* of the first event; 0 none */
    int64_t streaming_since_us; /* when the range in work was begun; 0: nothing is asked for */
};

/* Several streams as one: counters are summed, what is worst or newest stands for all. */
void stream_stats_add(struct stream_stats *total, const struct stream_stats *one);

/* One of several streams, for those who look. */
#define STREAM_VIEWS_MAX     16
#define STREAM_FAILURE_BYTES 256
struct stream_view {
    struct ledger_range range; /* that it fetches; 0, 0: none; last 0: it follows the chain */
    uint32_t current_ledger;
    uint64_t events_accepted, ledgers_completed, rows_committed, retries;
    bool connected, degraded, throttled;
    int64_t failed_at_us;
    char failure[STREAM_FAILURE_BYTES]; /* how its last call that failed ended */
};
struct sink_stats;
void stream_view_make(struct stream_view *view, const struct stream_stats *stream,
                      const struct sink_stats *sink, struct ledger_range range);
/* "idle", "connecting", "streaming", "waiting for the writer", "reconnecting" */
const char *stream_view_state(const struct stream_view *view);

/* Between the threads. */
struct queue_stats {
    uint64_t batch_count;
    uint64_t row_count;
    uint64_t memory_bytes;
    uint64_t limit_bytes; /* where it counts as full; 0: not known */
};

void queue_stats_add(struct queue_stats *total, const struct queue_stats *one);

/* What several streams share out among them (service/work.h). */
struct work_stats {
    uint64_t pieces_waiting, pieces_held, pieces_done, pieces_set_aside;
    bool is_shared; /* with other processes */
    bool stands_by; /* another process follows the chain */
};

/* Why a commit is cut. */
enum rotation_reason {
    ROTATION_NONE,
    ROTATION_PARTITION,
    ROTATION_SIZE,
    ROTATION_AGE,
    ROTATION_MEMORY,
    ROTATION_END_OF_RANGE,
    ROTATION_SHUTDOWN
};
#define ROTATION_REASON_COUNT 7
const char *rotation_reason_name(enum rotation_reason reason); /* "partition", "size", … */

/* The lake: what the writer took and what was committed. */
struct sink_stats {
    uint64_t rows_committed;
    uint64_t files_committed;
    uint64_t bytes_committed;
    uint64_t commits;
    uint64_t commits_failed;
    uint64_t dead_letters_committed;
    uint64_t unconfirmed_ledgers;
    uint64_t rows_open;  /* taken, not committed */
    uint64_t bytes_open; /* in staging and in open row groups */
    uint64_t batches;    /* handed to the encoder */
    uint64_t rotations[ROTATION_REASON_COUNT];
    int64_t last_batch_us;
    int64_t last_commit_us;
    int64_t next_commit_us;        /* when max_file_age cuts; 0: nothing is open */
    uint32_t last_ledger;          /* committed; 0 none */
    bool waiting_for_space;        /* a write met a full disk */
    int64_t catalog_busy_since_us; /* monotonic: another program holds the catalog; 0 none */
    int64_t store_away_since_us;   /* so: the object store does not answer */
    bool intake_paused;            /* less than min_free_disk is free: nothing is taken */
    bool failing;                  /* the last commit failed, or a remark after it */
    bool refused;                  /* the file system refuses to publish; it is tried again */
};

/* The sinks of a lake as one. */
void sink_stats_add(struct sink_stats *total, const struct sink_stats *one);

/* What a live run does for its lake besides taking events, where options ask for it. */
enum care_task { CARE_PRUNE, CARE_COMPACT, CARE_EXPIRE, CARE_TASK_COUNT };
const char *care_task_name(enum care_task task); /* "prune", … */

struct care_stats {
    bool is_wanted;
    bool failing;             /* the last time was one that failed */
    uint64_t done, failed;    /* how often */
    uint64_t files, bytes;    /* that left the lake by it */
    int64_t last_us, next_us; /* when it was last done, and when it is due */
};

#endif
