// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_FETCH_H
#define TTP_TESTS_FETCH_H

/* A server on a thread of its own, and a client that makes one call and keeps what comes. */

#include <stdbool.h>

#include "grpc/call.h"
#include "os/thread.h"
#include "serve/server.h"
#include "util/buffer.h"

struct running_server {
    struct server *server;
    struct os_thread thread;
    struct fault_script faults;
};

/* Serves `feed`; `script` are faults or NULL. live_pace_us: live with this pace if above 0, a pace
 * without live if below, neither if 0. */
void server_start(struct running_server *running, const struct feed *feed, const char *script,
                  int64_t live_pace_us);
/* Stops it; all counts are in `stats` (may be NULL). */
void server_end(struct running_server *running, struct server_stats *stats);

/* How one call went. */
struct fetched {
    struct buffer framed; /* the messages, framed as feed.h says */
    uint64_t event_count;
    bool is_connected;  /* the server's SETTINGS came */
    bool has_headers;   /* the response began */
    bool has_status;    /* a grpc-status came */
    bool is_over;       /* the stream ended before the time was over */
    bool is_cut;        /* the connection ended first */
    bool is_refused;    /* the engine refused what came: `error` */
    bool is_going_away; /* GOAWAY */
    enum grpc_end end;
    enum grpc_code code;
    char words[GRPC_WORDS_BYTES];
    int64_t headers_us, first_event_us, end_us; /* since the call; 0: never */
    struct error error;
};

/* Asks for START to END and reads until the end or the time is over. window_bytes 0: a large one.
 */
void fetch(const struct running_server *running, uint32_t start, uint32_t end, int64_t limit_us,
           uint32_t window_bytes, struct fetched *fetched);
void fetched_release(struct fetched *fetched);

#endif
