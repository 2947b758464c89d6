// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_FAULT_H
#define TTP_SERVE_FAULT_H

/*
 * Fault scripts: what the built-in server does wrong, and where. One line a fault:
 *
 *     ledger=N|event=N|byte=N FAULT[=ARG] [count=N|always] [delay=DUR]   # comment
 *
 * It fires when a stream whose request covers ledger N is about to send N's first event (the next
 * ledger's, if N has none), its event N, or the event with its byte N; events and bytes of messages
 * count from 0 in each stream. Faults of the connection (no-settings, http1) stand at event=0;
 * those of the request (status-only, late-headers, content-type, http-status) at event=0, or at
 * ledger=N for requests that begin there. Each fires `count` times (1) over all streams, or
 * `always`. An ARG with spaces stands in double quotes. fault_table lists names, arguments and
 * meaning.
 *
 * The script is read-only once parsed, except for the counts of what fired, which its server keeps.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/bytes.h"
#include "util/error.h"

enum fault_kind {
    FAULT_RESET,
    FAULT_CLOSE,
    FAULT_ABORT,
    FAULT_GOAWAY,
    FAULT_GOAWAY_GRACEFUL,
    FAULT_STATUS,
    FAULT_STATUS_ONLY,
    FAULT_END_STREAM,
    FAULT_SILENCE,
    FAULT_SLOW_DRIP,
    FAULT_HALF_MESSAGE,
    FAULT_WRONG_LENGTH,
    FAULT_COMPRESSED,
    FAULT_OVERSIZE,
    FAULT_INVALID_PROTOBUF,
    FAULT_DAMAGED_EVENT,
    FAULT_UNKNOWN_EVENT_TYPE,
    FAULT_UNKNOWN_FIELDS,
    FAULT_MISSING_META,
    FAULT_REPEAT_LEDGER,
    FAULT_OLD_LEDGER,
    FAULT_SHRUNKEN_LEDGER,
    FAULT_CUT_LEDGER,
    FAULT_SKIP_LEDGER,
    FAULT_JUMP,
    FAULT_EVENTS_AFTER_END,
    FAULT_OUTAGE,
    FAULT_NO_SETTINGS,
    FAULT_HTTP1,
    FAULT_WINDOW_STALL,
    FAULT_LATE_HEADERS,
    FAULT_CONTENT_TYPE,
    FAULT_HTTP_STATUS,
    FAULT_HEADER_FLOOD,
    FAULT_CONTINUATION_FLOOD,
    FAULT_SETTINGS_FLOOD,
    FAULT_PING_FLOOD,
    FAULT_RESET_FLOOD,
    FAULT_KIND_COUNT
};

enum fault_argument {
    FAULT_ARG_NONE,
    FAULT_ARG_NUMBER,   /* fault.number */
    FAULT_ARG_SIZE,     /* fault.number, bytes */
    FAULT_ARG_DURATION, /* fault.duration_us; 0: for ever */
    FAULT_ARG_H2_CODE,  /* fault.number: an HTTP/2 error code, by name or number */
    FAULT_ARG_STATUS, /* fault.number: a gRPC status, by name or number; `:words` → fault.text */
    FAULT_ARG_TEXT    /* fault.text */
};

enum fault_scope { FAULT_AT_CONNECT, FAULT_AT_REQUEST, FAULT_AT_EVENT };

struct fault_description {
    const char *name;
    enum fault_scope scope;
    enum fault_argument argument;
    const char *argument_default; /* NULL: the argument is required (or there is none) */
    const char *meaning;          /* a phrase, for help and documentation */
};

/* By enum fault_kind. */
extern const struct fault_description fault_table[FAULT_KIND_COUNT];

enum fault_place { FAULT_PLACE_LEDGER, FAULT_PLACE_EVENT, FAULT_PLACE_BYTE };

struct fault {
    enum fault_kind kind;
    enum fault_place place;
    uint64_t position; /* ledger sequence, event or byte */
    bool always;
    uint64_t count;   /* times left to fire; not used with `always` */
    int64_t delay_us; /* waited before it fires */
    uint64_t number;
    int64_t duration_us;
    char *text; /* owned; NULL where there is none */
    unsigned line;
    uint64_t fired; /* so often so far */
};

struct fault_script {
    struct fault *faults;
    size_t fault_count;
};

#define FAULT_SCRIPT_LIMIT (1u << 20) /* bytes of a script */
#define FAULT_COUNT_LIMIT  10000u     /* faults in a script */

void fault_script_init(struct fault_script *script);
void fault_script_release(struct fault_script *script);

/* Parses a whole script; `name` (a file name) is for messages. ERR_INVALID names line, word and,
 * for a misspelt name, the nearest valid one; ERR_LIMIT; ERR_NO_MEMORY. `script` is empty after a
 * failure. */
enum error_code fault_script_parse(struct fault_script *script, const char *name,
                                   struct bytes_view text, struct error *error) MUST_CHECK;
/* Reads and parses a file. */
enum error_code fault_script_read(struct fault_script *script, const char *path,
                                  struct error *error) MUST_CHECK;

#endif
