// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_CONTRACT_H
#define TTP_SOURCE_CONTRACT_H

/*
 * What a source and its users agree on: its options, a request, the handler that gets what comes,
 * and the result.
 */

#include <stdbool.h>
#include <stdint.h>

#include "pb/event.h"
#include "util/error.h"

struct source_options {
    const char *endpoint; /* host:port */
    int64_t connect_timeout_us;
    int64_t idle_timeout_us; /* doubling per silent try up to 1 h */
    int64_t retry_initial_us;
    int64_t retry_max_us;
    unsigned max_attempts;
    bool skip_poison_ledger; /* on_poison_ledger: skip */
    /* What a service waits out, an outage (max_attempts without progress, nothing works) or silence
     * twice in a row, ends source_run with ERR_RETRY: for who asks once and reports. */
    bool ends_in_outage;
    bool is_quiet;     /* each range is a call of its own: that it connects is no news */
    bool fails_on_gap; /* on_gap: fail. A loud gap (source/gaps.h) ends source_run: ERR_CORRUPT */
    uint32_t max_message_bytes;
    uint32_t window_bytes; /* HTTP/2 window, connection and stream: counts against memory_limit */
    bool tls;
    const char *tls_ca_file, *tls_cert_file, *tls_key_file,
        *tls_server_name; /* "" or NULL: not set */
    const struct source_header {
        const char *name, *value;
        /* Where the value is read anew for each request (env:NAME, file:PATH); NULL: it stays. */
        const char *reference;
    } * metadata; /* extra request headers */
    size_t metadata_count;
    const char *user_agent;
};

enum source_seam_verdict { SOURCE_SEAM_OK, SOURCE_SEAM_OTHER_CONTENTS, SOURCE_SEAM_OTHER_CHAIN };

/* Called on the source's thread. ERR_AGAIN from on_event, on_unreadable, on_complete_to or on_skip:
 * no room; the same call comes again when has_room says true. Another error, of whichever
 * function, ends source_run with it. */
struct source_handler {
    void *context;
    /* An event of the ledger in progress; `message` and views live during the call. *is_stored is
     * true before the call; the handler sets it to false if it made a dead letter of the event. */
    enum error_code (*on_event)(void *context, const struct event_view *event, uint32_t event_index,
                                struct bytes_view message, bool *is_stored, struct error *error);
    /* A message that can't be decoded; ledger and ordinal as the design says. */
    enum error_code (*on_unreadable)(void *context, uint32_t ledger_sequence, uint32_t event_index,
                                     const char *reason, struct bytes_view message,
                                     struct error *error);
    /* The ledger in progress is dropped: its events will come again. */
    void (*on_ledger_dropped)(void *context);
    /* Everything up to covered_to is complete (the ledger in progress, too). */
    enum error_code (*on_complete_to)(void *context, uint32_t covered_to, struct error *error);
    /* A poison ledger was skipped: what follows begins at next_ledger, `ledger` stays uncovered. */
    enum error_code (*on_skip)(void *context, uint32_t ledger, const char *words,
                               struct error *error);
    /* False: the queue is full; the source stops reading until it says true. Asked after
     * 32 messages or 64 KiB of them: keep room for as much, and for one message more. */
    bool (*has_room)(void *context);
    /* True: stop; source_run returns OK with *result.stopped. */
    bool (*must_stop)(void *context);
    /* Events of a complete ledger that is asked for again, the request's seam_ledger or, at a
     * reconnect, the newest complete ledger that had events; then the verdict. event_index 0 begins
     * it anew. A seam ledger that is not served, or not to its end, gets no verdict. Both NULL: the
     * ledger is asked for all the same (it certainly exists), and passed over. */
    enum error_code (*on_seam_event)(void *context, const struct event_view *event,
                                     uint32_t event_index, struct bytes_view message,
                                     struct error *error);
    enum error_code (*on_seam_complete)(void *context, uint32_t ledger,
                                        enum source_seam_verdict *verdict, struct error *error);
    /* When on_deadline is to be called (monotonic; INT64_MAX: never), whatever comes or does not
     * come until then; asked before each wait. Both NULL: never. */
    int64_t (*deadline_us)(void *context);
    enum error_code (*on_deadline)(void *context, struct error *error);
};

/* No TTP server sends so many unstorable messages in a row. */
#define SOURCE_MAX_UNSTORABLE 1000

/* When a ledger closed. */
struct source_moment {
    uint32_t ledger;  /* 0: not known */
    int64_t close_us; /* since 1970 */
};

/* Bytes that make no whole message for so many times idle_timeout end a call as silence does. */
#define SOURCE_DRIP_TIMES 4

struct source_request {
    uint32_t first;       /* 0: whatever the server starts with (an empty lake, START 0) */
    uint32_t last;        /* 0: open */
    uint32_t seam_ledger; /* 0: no seam check; else a ledger below `first` that we have */
    /* Ledgers that we have below and above the range: the close times of what comes must lie
     * between theirs, else it is another chain (ERR_CONFLICT). */
    struct source_moment below, above;
    /* The bounded range is looked at, not taken: `first` alone where it is the seam_ledger, which
     * is compared, else only whether its close times lie between. Each such look is one call; one
     * that keeps failing is given up. */
    bool is_probe;
};

struct source_result {
    bool stopped;         /* must_stop said so */
    bool complete;        /* a bounded range reached its end; a probe: the server answered it */
    bool misfits;         /* close times did not lie between: nothing of the range may be kept */
    uint32_t next_ledger; /* first ledger that is not complete */
    uint32_t event_count; /* of a probe's answer */
    int64_t close_us;     /* of its newest event; 0: none came */
};

#endif
