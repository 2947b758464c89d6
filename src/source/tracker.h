// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_TRACKER_H
#define TTP_SOURCE_TRACKER_H

/*
 * Which ledgers are complete, and what to do with each message of a stream (design section 4, item
 * 1, and section 6). It passes events on to the handler, finds out that a ledger is complete,
 * checks the seam and the order of close times, tells a replay that can't be right, and has ledgers
 * that the stream left out asked for once more before it covers them (source/gaps.h). No I/O, no
 * clock.
 *
 * One tracker lives for a source_run; tracker_begin and tracker_abandon or tracker_finish stand
 * around each call to the server. Not thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "pb/straight.h"
#include "source/contract.h"
#include "source/gaps.h"
#include "status/stages.h"
#include "util/buffer.h"

/* What a call to the server is for. */
enum source_purpose {
    SOURCE_CALL_MAIN,  /* the range, from the seam ledger or the first incomplete one */
    SOURCE_CALL_PROBE, /* ledgers that are only looked at: a seam ledger alone, or close times */
    SOURCE_CALL_ALONE, /* the first incomplete ledger alone: is it poison? Its events count. */
    SOURCE_CALL_LATER  /* a later ledger alone: does the server work? Its events are dropped. */
};

struct source_call {
    enum source_purpose purpose;
    uint32_t start;
    uint32_t end;  /* 0: open */
    uint32_t seam; /* 0: none; else = start: a complete ledger that is compared */
};

/* What a message means for its call. */
enum track {
    TRACK_GO_ON,
    TRACK_DONE,     /* all that the call asked for is there, or what it left out must be asked for:
                     * end it */
    TRACK_VIOLATION /* the server can't mean that: drop the call and try again; error says why */
};

enum tracker_ledger {
    TRACKER_NONE, /* no ledger in progress */
    TRACKER_MAIN, /* an incomplete one: its events go to the handler */
    TRACKER_SEAM, /* the seam ledger */
    TRACKER_SKIP  /* a complete one that is not the seam ledger */
};

struct tracker {
    const struct source_handler *handler;
    struct event_decoder decoder;
    uint32_t next; /* first ledger that is not complete; 0: unknown (START 0, nothing came) */
    uint32_t last; /* of the range; 0: open */
    uint32_t newest_full; /* newest complete ledger that had events; 0: none of this run */
    bool range_is_complete;
    bool seam_is_unwanted; /* the next call had better begin without a seam */
    /* The newest complete ledger with a close time, at first the request's `below`: what comes may
     * not be older, nor newer than `above`. */
    struct source_moment closed, above;
    bool closed_is_ours; /* it came in this run */
    bool misfits;        /* the range's close times did not fit */
    struct gaps *gaps;   /* borrowed; NULL: what the stream leaves out is covered at once */
    /* Of the ledgers up to this the stream left some out. Those that are not complete yet are asked
     * for by themselves (policy_next_call); what does not come then is empty. 0: none. */
    uint32_t asked_to;
    bool found_is_told; /* of asked_to: that some came was logged */

    /* Of the ledger in progress that was dropped last. */
    uint32_t seen_ledger;
    uint32_t seen_count; /* its events, at most */
    /* The ledger in which a message without a readable ledger was met and asked for again. */
    bool met_unreadable;
    uint32_t unreadable_ledger;
    uint32_t unstorable_count;           /* messages in a row */
    uint32_t unstorable_count_at_ledger; /* when the ledger in progress began */

    /* Of the call. */
    struct source_call call;
    bool seam_is_unreadable; /* a message of the seam ledger can't be read: no verdict */
    bool seam_is_done;
    uint32_t floor;   /* the stream may not fall below this ledger */
    uint32_t reached; /* the first ledger that this call has not come to */
    enum tracker_ledger kind;
    uint32_t current;
    int64_t current_close_us;    /* newest close time of the ledger in progress; 0: none */
    uint32_t event_count;        /* of the ledger in progress */
    struct buffer first_message; /* of the ledger in progress */

    /* Wall clock, set before messages are given; 0: not known, and no time is doubted. */
    int64_t now_us;
    /* What was seen last, and believed, in any call. */
    bool anything_came;
    uint32_t last_ledger;
    int64_t last_close_us;

    struct stream_stats *stats; /* borrowed: what it counts is added there */
    uint32_t probe_event_count;
    int64_t probe_close_us; /* of the newest of them; 0: none came */
};

/* `handler` and `stats` are borrowed. */
void tracker_init(struct tracker *tracker, const struct source_request *request,
                  const struct source_handler *handler, struct stream_stats *stats);
void tracker_release(struct tracker *tracker);

void tracker_begin(struct tracker *tracker, const struct source_call *call);

/* Takes one message of the stream. OK: *track says how to go on. ERR_AGAIN: the handler has no
 * room: the same message again, later. ERR_CORRUPT: 1,000 unstorable messages in a row;
 * ERR_CONFLICT: another chain; or the handler's error: the run is over. */
enum error_code tracker_take(struct tracker *tracker, struct bytes_view message, enum track *track,
                             struct error *error) MUST_CHECK;

/* The server ended the call with OK. As tracker_take; ERR_AGAIN: call it again. */
enum error_code tracker_finish(struct tracker *tracker, enum track *track,
                               struct error *error) MUST_CHECK;

/* The call is over before its end: the ledger in progress is dropped. Harmless after the end. */
void tracker_abandon(struct tracker *tracker);

/* `ledger` (the first incomplete one) is left out; the stream goes on above it. Returns
 * what the handler returned. */
enum error_code tracker_skip(struct tracker *tracker, uint32_t ledger, const char *words,
                             struct error *error) MUST_CHECK;

#endif
