// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_RUN_H
#define TTP_SOURCE_RUN_H

/*
 * One source_run: calls to the server, one after the other, as the policy says, each driven over a
 * link and a stream until it ends. Private to the room.
 */

#include <stdbool.h>
#include <stdint.h>

#include "os/thread.h"
#include "source/address_order.h"
#include "source/credentials.h"
#include "source/link.h"
#include "source/policy.h"
#include "source/stream.h"
#include "source/tracker.h"
#include "tls/files.h"

struct source {
    struct source_options options; /* texts are owned copies; the metadata lies in credentials */
    struct os_endpoint endpoint;
    struct os_wake wake;
    struct credentials credentials;
    struct tls_loaded tls;
    struct address_order addresses; /* what runs before this one learned of them */
    struct gaps gaps;               /* which ledgers had events goes on over runs */
    struct stream_stats live;       /* the counting thread's own */
    struct os_mutex mutex;          /* guards stats */
    struct stream_stats stats;      /* a copy, for all threads */
    bool has_mutex;
};

struct run {
    struct source *source;
    const struct source_handler *handler;
    struct tracker tracker;
    struct policy policy;
    struct link link;
    struct stream stream;

    struct source_call call;
    bool has_asked;        /* call is one that was made */
    struct buffer request; /* the call's message */
    bool link_is_over;     /* and link_error says why */
    bool is_established;   /* the policy and the log know */
    bool was_unreachable;  /* the call before */
    bool is_given_up;      /* a probe that is not answered */
    enum error_code link_code;
    struct error link_error;
    int64_t quiet_since_us;   /* monotonic: the last data, or the end of our own pause */
    int64_t message_since_us; /* the same, of whole messages */
    uint64_t data_count;      /* of stream, when last looked */
    uint32_t next_before;     /* tracker.next, when last looked */
    uint32_t call_next;       /* tracker.next, when the call began */

    uint64_t event_count, bytes_received; /* of stream and link, when last looked */
    char last_error[ERROR_MESSAGE_BYTES];
    /* The warning logged last, and how many like it were kept back since. */
    char logged[ERROR_MESSAGE_BYTES];
    int64_t logged_at_us;
    unsigned suppressed_count;
};

/* ERR_NO_MEMORY. */
enum error_code run_init(struct run *run, struct source *source,
                         const struct source_request *request, const struct source_handler *handler,
                         struct error *error) MUST_CHECK;
void run_release(struct run *run);

/* As source_run. */
enum error_code run_all(struct run *run, struct source_result *result,
                        struct error *error) MUST_CHECK;

#endif
