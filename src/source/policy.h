// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_POLICY_H
#define TTP_SOURCE_POLICY_H

/*
 * What to ask the server for next, how long to wait before, and when to give up (design section 6).
 * No I/O and no clock: outcomes and times come in, decisions go out. Not thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "grpc/call.h"
#include "grpc/retry.h"
#include "source/contract.h"
#include "source/tracker.h"

/* A seam ledger this near is streamed through on the way to the range. */
#define POLICY_NEAR_LEDGERS 1000
/* Later ledgers that are tried alone before all this is called an outage. */
#define POLICY_LATER_TRIES 4
/* What one ledger takes to close, and how long ago one must have closed to be surely served. */
#define POLICY_LEDGER_US INT64_C(6000000)
#define POLICY_SETTLE_US INT64_C(60000000)
/* The idle time-out doubles up to this. */
#define POLICY_MAX_IDLE_US INT64_C(3600000000)
/* A probe that fails by a status is given up after so many tries; where the failure says nothing
 * about the ledgers (a cut, UNAVAILABLE) after max_attempts. */
#define POLICY_PROBE_TRIES 3
/* The longest idle time-out of a probe. A server that has not come as far as the lake is silent,
 * and the range can be fetched without the probe. */
#define POLICY_PROBE_IDLE_US INT64_C(20000000)

/* Silent calls in a row after which a source that ends in an outage gives up. */
#define POLICY_SILENT_TRIES 2

/* How a call ended. */
enum source_outcome {
    SOURCE_DONE,        /* all that it asked for is there */
    SOURCE_NOT_ASKED,   /* no request could be made: a credential can't be read */
    SOURCE_UNREACHABLE, /* no connection, or no HTTP/2 on it */
    SOURCE_FAILED,      /* a status, a cut, or an answer that can't be right */
    SOURCE_SILENT       /* nothing came for the idle time-out, or no whole message for longer */
};

struct source_ending {
    enum source_outcome outcome;
    bool has_status;     /* code is the server's own grpc-status */
    enum grpc_code code; /* of SOURCE_FAILED */
    bool is_cut;         /* the connection or the stream broke */
    bool is_aged; /* so, by the server's GOAWAY without an error, before a ledger was through */
    /* Another address of the server is left to try, or the credentials were renewed since: even a
     * status that no retry can change is not the last word. */
    bool may_be_answered_otherwise;
    bool is_drip;      /* of SOURCE_SILENT: bytes came, but no whole message */
    const char *words; /* one sentence; NULL only after SOURCE_DONE */
};

enum policy_verdict {
    POLICY_AGAIN,    /* wait wait_us, then policy_next_call */
    POLICY_FINISHED, /* the range is complete, the probe answered */
    POLICY_GIVEN_UP, /* the probe is not answered */
    POLICY_STOP,     /* error says why */
    POLICY_SKIP      /* `ledger` is poison and to be skipped; then policy_next_call */
};

struct policy_decision {
    enum policy_verdict verdict;
    int64_t wait_us;
    uint32_t ledger;
};

struct policy {
    unsigned max_attempts;
    bool skip_poison;
    bool ends_in_outage;
    int64_t idle_initial_us;
    uint32_t first, last;  /* of the request */
    uint32_t request_seam; /* 0: none */
    bool is_probe;
    struct grpc_backoff backoff;

    enum source_purpose purpose; /* of the next call */
    unsigned failed_calls;       /* by a status or a cut, since the last completed ledger */
    unsigned unreachable_tries;
    unsigned silent_tries; /* since the last completed ledger */
    unsigned later_tries;
    uint32_t later_ledger;
    bool
        later_worked; /* it came: if the first incomplete one fails alone once more, it is poison */
    unsigned probe_tries;
    bool seam_is_refused; /* it is not served */
    uint32_t skipped;     /* the ledger skipped last: a call may not run through it */
    char poison_words[512];
    bool poison_is_aged; /* its connection ended by age */

    int64_t idle_us;
    bool outage;
    bool degraded;
    bool drips; /* a call since the last completed ledger ended as a drip */
};

void policy_init(struct policy *policy, const struct source_options *options,
                 const struct source_request *request, uint64_t seed);

/* What to ask for now. */
struct source_call policy_next_call(const struct policy *policy, const struct tracker *tracker);

/* An event came; a ledger was completed. */
void policy_on_event(struct policy *policy);
void policy_on_progress(struct policy *policy);

/* The connection is up: HTTP/2 answers. */
void policy_on_connected(struct policy *policy);

/* How a call ended, and so what to do. now_us: wall clock (for which ledgers must exist). */
struct policy_decision policy_after(struct policy *policy, const struct tracker *tracker,
                                    const struct source_call *call,
                                    const struct source_ending *ending, int64_t now_us,
                                    struct error *error);

#endif
