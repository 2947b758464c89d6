// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_STREAM_H
#define TTP_SOURCE_STREAM_H

/*
 * The messages of one call, from the bytes of its body to the tracker, as fast as the handler has
 * room for them. What arrives while it has none is held (the HTTP/2 window bounds it) and not given
 * back to the peer. No I/O, no clock. Not thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "grpc/call.h"
#include "http/client.h"
#include "source/tracker.h"
#include "util/buffer.h"

/* has_room is asked after so many messages, or after so many bytes of them. */
#define STREAM_ROOM_EVERY       32
#define STREAM_ROOM_EVERY_BYTES ((size_t)64 * 1024)

enum stream_state {
    STREAM_FLOWING,
    STREAM_DONE,     /* all that the call asked for is there */
    STREAM_VIOLATED, /* words: what the server can't mean */
    STREAM_BROKEN    /* `code` and `error` end the run */
};

struct stream {
    const struct source_handler *handler;
    struct tracker *tracker;
    struct http_client *client; /* borrowed; NULL once the connection is gone */
    struct grpc_call call;
    struct grpc_reader reader;
    struct buffer held; /* from held_offset on: body bytes that wait for room */
    size_t held_offset;
    bool is_throttled;       /* the handler has no room */
    unsigned message_count;  /* since has_room was asked */
    size_t message_bytes;    /* the same */
    size_t unconsumed_bytes; /* taken, and not given back to the peer yet */
    uint64_t data_count;     /* chunks that came: for the idle watchdog */
    uint64_t event_count;    /* messages taken, in all */

    bool is_closed; /* the HTTP/2 stream is over: how, is settled when all is delivered */
    uint32_t http2_error;
    bool peer_ended;
    bool is_settled;

    enum stream_state state;
    enum error_code code;
    struct error error;
};

void stream_init(struct stream *stream, struct tracker *tracker,
                 const struct source_handler *handler, uint32_t max_message_bytes);
void stream_release(struct stream *stream);

/* Drops the call with all of it that waits for room: not one byte of it may reach the next call's
 * tracker. The stream is as new; its counts go on. */
void stream_forget(struct stream *stream);

/* A new call on a connection; forgets the one before. ERR_* as grpc_call_start. */
enum error_code stream_start(struct stream *stream, struct http_client *client,
                             const struct grpc_request *request, struct error *error) MUST_CHECK;

/* http_client_handler's functions; the context is the stream. */
enum error_code stream_on_headers(void *context, int32_t stream_id,
                                  const struct http_header_view *fields, size_t field_count,
                                  bool ends_stream, struct error *error);
enum error_code stream_on_data(void *context, int32_t stream_id, struct bytes_view data,
                               struct error *error);
enum error_code stream_on_close(void *context, int32_t stream_id, uint32_t http2_error,
                                bool peer_ended, struct error *error);

/* Asks for room, if there was none, and delivers what is held; gives bytes back to the peer. */
void stream_pump(struct stream *stream);
/* All that came is delivered, and nothing more will: the call is settled. With an OK the tracker
 * is told, so that state may become DONE or VIOLATED. `client` may be gone. False: still waiting
 * for room. */
bool stream_settle(struct stream *stream);
bool stream_is_drained(const struct stream *stream);

#endif
