// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_SOURCE_H
#define TTP_SOURCE_SOURCE_H

/*
 * One stream of complete ledgers from a TTP server: connect, resume, watch, retry (design section
 * 6). source_run drives one range on the calling thread until it is done, told to stop, or can't go
 * on. It never blocks on its consumer: while has_room says no it keeps serving PING, GOAWAY and
 * stop, and lets the HTTP/2 window close.
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
    const char *tls_ca_file, *tls_cert_file, *tls_key_file, *tls_server_name; /* "" = not set */
    const struct source_header {
        const char *name, *value;
        /* Where the value is read anew for each request (env:NAME, file:PATH); NULL: it stays. */
        const char *reference;
    } * metadata; /* extra request headers */
    size_t metadata_count;
    const char *user_agent;
};

enum source_seam_verdict { SOURCE_SEAM_OK, SOURCE_SEAM_OTHER_CONTENTS, SOURCE_SEAM_OTHER_CHAIN };

/* Called on the source's thread. ERR_AGAIN from on_event, on_unreadable, on_complete_to or on_hole:
 * no room; the same call comes again when has_room says true. Another error ends source_run with
 * it. */
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
    enum error_code (*on_hole)(void *context, uint32_t ledger, const char *words,
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
    enum source_seam_verdict (*on_seam_complete)(void *context, uint32_t ledger);
};

/* How the last call that failed ended. It stays when others succeed after it. */
#define SOURCE_ADDRESS_BYTES 64
#define SOURCE_STATUS_BYTES  24
#define SOURCE_MESSAGE_BYTES 512
struct source_failure {
    int64_t at_us;                      /* wall clock; 0: none failed */
    char asked[64];                     /* what it asked for: "ledgers 5 to 9" */
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
    int64_t last_us;      /* when the last gap was found, wall clock */
    size_t kept_count;    /* of kept, the newest ones, as they came */
    struct source_gap {
        uint32_t first, last;
    } kept[SOURCE_GAPS_KEPT];
};

/* Read from any thread. */
struct source_stats {
    uint64_t events_accepted;
    uint64_t events_refetched; /* received again, or of a dropped tail */
    uint64_t events_unreadable;
    uint64_t bytes_received;
    uint64_t ledgers_completed;
    uint64_t connects;
    uint64_t retries;
    uint32_t current_ledger;  /* in progress, or last seen */
    int64_t current_close_us; /* its close time */
    int64_t last_event_us;    /* wall clock; 0 never */
    int64_t decode_us;        /* CPU-ish time spent in decoding, sampled */
    bool connected;
    bool throttled;           /* we are the ones who closed the window */
    bool outage;              /* max_attempts without progress, nothing works: unhealthy */
    bool degraded;            /* the last try failed */
    int64_t idle_deadline_us; /* monotonic; 0: not running */
    uint32_t waits_behind;    /* bounded: the last ledger, if its events are here and a later one is
                               * not; else 0 */
    bool drips; /* bytes came, and no whole message, for SOURCE_DRIP_TIMES idle_timeout */
    int64_t ledger_since_us; /* wall clock: since when the first incomplete ledger comes; 0 none */
    uint64_t seam_checked, seam_other_contents;
    char asked[64]; /* what the call in work asks for; "": none was made */
    struct source_failure failure;
    struct source_gaps gaps;
};

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
};

struct source;

struct source *source_new(const struct source_options *options, struct error *error);
void source_free(struct source *source);

/* OK: complete or stopped. Otherwise the work can't go on and `error` says why, with the remedy:
 * ERR_INVALID (the server refuses the request: code UNAUTHENTICATED, INVALID_ARGUMENT, …),
 * ERR_CONFLICT (another chain, seen at a seam or by close times), ERR_CORRUPT (poison ledger with
 * `stop`; a loud gap with fails_on_gap; 1,000 unstorable messages in a row; not a TTP server),
 * ERR_RETRY (only with ends_in_outage), or what a handler returned. A passing fault is retried
 * inside. */
#define SOURCE_MAX_UNSTORABLE 1000
enum error_code source_run(struct source *source, const struct source_request *request,
                           const struct source_handler *handler, struct source_result *result,
                           struct error *error) MUST_CHECK;

/* From any thread: makes a source_run that waits look at has_room and must_stop at once. */
void source_wake(struct source *source);
void source_get_stats(const struct source *source, struct source_stats *out);

#endif
