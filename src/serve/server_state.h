// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_SERVER_STATE_H
#define TTP_SERVE_SERVER_STATE_H

/*
 * What the server's modules share, private to the room: server.c (the loop, clients, live clock),
 * connection.c (one socket and its HTTP/2 engine), stream.c (one request: which events come next),
 * stream_fault.c (what goes wrong on it), stream_send.c (what is sent on it). All on the server's
 * thread, but for `stop` and the counters.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "grpc/server_call.h"
#include "os/poll.h"
#include "os/socket.h"
#include "pb/request.h"
#include "serve/frame_filter.h"
#include "serve/feed.h"
#include "serve/server_options.h"
#include "tls/channel.h"

/* "Not before": a time that never comes. */
#define SERVER_NEVER INT64_MAX

struct server_stream {
    struct server_stream *next; /* of the connection */
    struct connection *connection;
    struct grpc_server_call *call;
    struct get_events_request request;
    bool has_request;
    bool is_finished; /* its end is queued, or it was reset */
    bool late_headers;
    int64_t wake_us;        /* nothing is sent before this */
    int64_t first_event_us; /* late-headers: no event before this */

    uint64_t wanted;      /* the next ledger to look for; beyond UINT32_MAX: none */
    uint32_t sequence;    /* the ledger in `ledger` */
    struct buffer ledger; /* its framed events; those before `offset` are sent */
    size_t offset;
    int64_t next_ledger_us; /* pace: the next ledger not before this */
    bool waits_for_tip;

    uint64_t event_count; /* sent on this stream, for places of faults and statistics */
    uint64_t byte_count;
    bool at_ledger_start; /* ledger places are still to be looked at */
    uint64_t ledger_from; /* first number that `sequence` stands for: wanted when it was found */
    size_t fault_cursor;  /* faults before it were dealt with at this place */
    bool delay_is_over;   /* the fault at the cursor has waited */

    uint64_t drip_bytes; /* 0: not dripping */
    int64_t drip_us;
    struct buffer drip; /* bytes that drip, from drip_offset on */
    size_t drip_offset;
    uint32_t extra_ledgers;            /* events-after-end: still to come */
    const struct fault *after_ledger;  /* shrunken-ledger, first time: at the ledger's end */
    const struct fault *when_empty;    /* done once all that is queued has gone to the socket */
    const struct fault *request_fault; /* answers the request at wake_us */
};

/* How a connection misbehaves as a whole. */
enum connection_mode { CONNECTION_SERVES, CONNECTION_MUTE, CONNECTION_HTTP1 };

struct connection {
    struct server *server;
    int fd;
    struct channel channel; /* on it */
    char peer[OS_ADDRESS_TEXT_BYTES];
    enum connection_mode mode;
    struct grpc_server *grpc; /* NULL unless it serves */
    struct server_stream *streams;
    struct buffer out; /* to be sent, from out_offset on */
    size_t out_offset;
    struct frame_filter filter;
    bool uses_filter;
    struct buffer filtered;
    int64_t let_go_us; /* window-stall: until then */
    int64_t close_us;  /* goaway-graceful: closed then */
    bool close_when_sent;
    int64_t linger_us; /* our side is shut: closed then, or when the client closes; 0: not yet */
    bool abort;        /* close with a reset */
    bool is_broken;    /* nothing more can be done: close */
    bool blocked;      /* the socket takes no more now */
    bool has_more;     /* the turn was over before the bytes were */

    enum fault_kind flood;
    uint64_t flood_frames; /* still to be sent; 0: no flood */
    bool flood_is_first;
    int32_t flood_stream;
};

struct server_counters {
    atomic_uint_fast64_t connections, connections_open, requests, requests_open;
    atomic_uint_fast64_t events_sent, bytes_sent, faults_fired;
};

struct server {
    bool live;
    int64_t pace_us;
    struct fault_script *faults; /* NULL: none */
    bool has_event_faults;       /* some stand at an event or byte */
    struct feed feed;
    struct tls_loaded tls; /* no context: without TLS */
    int listener;
    char address[SERVER_ADDRESS_BYTES];
    struct os_wake wake;
    atomic_bool stop;
    struct connection *connections[SERVER_CLIENT_LIMIT];
    size_t connection_count;
    int64_t now_us;    /* monotonic, read once a turn of the loop */
    int64_t accept_us; /* out of descriptors: no accept before this */
    int64_t outage_until_us;
    uint32_t tip;      /* live: the newest closed ledger */
    bool has_next_tip; /* live: another one will close, at next_tip_us */
    uint32_t next_tip;
    int64_t next_tip_us;
    struct server_counters counters;
};

static inline void server_count(atomic_uint_fast64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

#endif
