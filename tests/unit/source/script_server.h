// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_SOURCE_SCRIPT_SERVER_H
#define TTP_TESTS_SOURCE_SCRIPT_SERVER_H

/*
 * A TTP server on loopback, in a thread of the test, that answers call number N as the test's
 * function says. One connection at a time, as the source makes them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "grpc/server_call.h"
#include "os/thread.h"
#include "os/socket.h"
#include "os/poll.h"
#include "pb/request.h"

struct script_server;

/* Answers one call: by grpc_server_* on `call`. call_number counts from 0. */
typedef void script_answer(struct script_server *server, struct grpc_server_call *call,
                           unsigned call_number, const struct get_events_request *request);

struct script_server {
    script_answer *answer;
    void *context;
    const char *raw_greeting;  /* not NULL: this is all a connection gets; then it is closed */
    bool is_mute;              /* takes connections and says nothing */
    unsigned mute_connections; /* as many are mute at the beginning */
    int listener;
    struct os_thread thread;
    struct os_wake stop;
    char endpoint[OS_ADDRESS_TEXT_BYTES];
    struct grpc_server *grpc;
    bool close_when_sent; /* set by an answer: the connection is closed once all is sent */
    bool goaway_when_sent;
    bool drips;                    /* set by an answer: a byte of the body comes every 10 ms */
    struct grpc_server_call *call; /* the newest */
    _Atomic unsigned call_count;
    _Atomic unsigned connection_count;
    _Atomic unsigned ping_count;
    struct get_events_request requests[64]; /* of the calls, in order */
};

void script_server_start(struct script_server *server, script_answer *answer, void *context);
void script_server_stop(struct script_server *server);

/* One message, whatever it is, with its prefix. */
void script_send_message(struct grpc_server_call *call, struct bytes_view message);

/* Sends a fee event of a ledger: its ordinal makes it different from others. */
void script_send_event(struct grpc_server_call *call, uint32_t ledger, uint32_t ordinal);
/* The same as bytes. */
void script_encode_event(uint32_t ledger, uint32_t ordinal, struct buffer *out);
/* Ledgers first..last with `events` events each. */
void script_send_ledgers(struct grpc_server_call *call, uint32_t first, uint32_t last,
                         uint32_t events);

#endif
