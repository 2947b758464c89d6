// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_HTTP_SERVER_H
#define TTP_HTTP_SERVER_H

/*
 * One HTTP/2 server connection (RFC 9113) as an engine: bytes in, bytes out; many streams. Bodies
 * are pulled: on_produce is asked for the next bytes of a stream only when the peer's windows and
 * the caller's own appetite (it pulls no more than its socket takes) permit them.
 *
 * Not thread-safe. After a receive or pull that failed the connection is dead: free it. The
 * functions that act on a stream may be called from inside handlers; receive, pull and free not.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/header.h"

struct http_server;

enum http_produce {
    HTTP_PRODUCE_MORE,     /* *size_bytes (may be all of capacity) written; ask again */
    HTTP_PRODUCE_LATER,    /* nothing now: http_server_resume asks again */
    HTTP_PRODUCE_END,      /* *size_bytes written, the last; END_STREAM */
    HTTP_PRODUCE_TRAILERS, /* as END, but http_server_trailers was or will now be called */
    HTTP_PRODUCE_FAILED    /* reset the stream with INTERNAL_ERROR */
};

/* What a handler that returns enum error_code returns other than OK ends the connection. Views live
 * during the call. on_close is the last call for a stream; streams that are still open when the
 * server is freed get none. */
struct http_server_handler {
    void *context;
    /* All request headers. */
    enum error_code (*on_request)(void *context, int32_t stream_id,
                                  const struct http_header_view *fields, size_t field_count,
                                  struct error *error);
    /* Body bytes of the request; flow control gives them back by itself. */
    enum error_code (*on_data)(void *context, int32_t stream_id, struct bytes_view data,
                               struct error *error);
    /* END_STREAM of the request. */
    enum error_code (*on_request_end)(void *context, int32_t stream_id, struct error *error);
    /* Writes at most capacity_bytes of the response's body to `out`. */
    enum http_produce (*on_produce)(void *context, int32_t stream_id, uint8_t *out,
                                    size_t capacity_bytes, size_t *size_bytes);
    /* The stream is over; http2_error: 0 if it ended as HTTP wants. */
    void (*on_close)(void *context, int32_t stream_id, uint32_t http2_error);
};

/* `handler` is copied. */
enum error_code http_server_new(struct http_server **out, const struct http_server_handler *handler,
                                struct error *error) MUST_CHECK;
void http_server_free(struct http_server *server);

/* As the client's. ERR_CORRUPT: the peer does not speak HTTP/2 (no connection preface). */
enum error_code http_server_receive(struct http_server *server, struct bytes_view bytes,
                                    struct error *error) MUST_CHECK;
/* The next bytes to send, one to some frames, never part of a frame; empty: nothing now. The view
 * lives until the next call into the engine. ERR_RETRY: the peer broke the protocol (the GOAWAY
 * that says so was given before) or floods us; ERR_NO_MEMORY. */
enum error_code http_server_pull(struct http_server *server, struct bytes_view *bytes,
                                 struct error *error) MUST_CHECK;
/* True when the connection has nothing left to read or write (after GOAWAY): close it. */
bool http_server_is_done(const struct http_server *server);

/* Response headers, `:status` first. `has_body` false: END_STREAM comes with them (gRPC's
 * Trailers-Only). With a body on_produce is asked for it. ERR_INVALID if the stream is gone. */
enum error_code http_server_respond(struct http_server *server, int32_t stream_id,
                                    const struct http_header *headers, size_t header_count,
                                    bool has_body, struct error *error) MUST_CHECK;
/* Trailers: sent, with END_STREAM, after the last body bytes; on_produce must end with
 * HTTP_PRODUCE_TRAILERS. Call it at most once a stream, before or from that on_produce. */
enum error_code http_server_trailers(struct http_server *server, int32_t stream_id,
                                     const struct http_header *headers, size_t header_count,
                                     struct error *error) MUST_CHECK;
/* The stream has bytes again after HTTP_PRODUCE_LATER. Harmless otherwise. */
enum error_code http_server_resume(struct http_server *server, int32_t stream_id) MUST_CHECK;
/* RST_STREAM with this code (RFC 9113 section 7). */
enum error_code http_server_reset(struct http_server *server, int32_t stream_id,
                                  uint32_t http2_error) MUST_CHECK;
/* GOAWAY. graceful: streams up to the newest one go on (last stream id = newest seen); else the
 * connection is done once it is pulled. `words` is the debug data, may be "". */
enum error_code http_server_goaway(struct http_server *server, uint32_t http2_error, bool graceful,
                                   const char *words) MUST_CHECK;

/* A pointer of the caller's for each stream; NULL for an unknown stream. */
void http_server_set_stream_data(struct http_server *server, int32_t stream_id, void *data);
void *http_server_stream_data(const struct http_server *server, int32_t stream_id);

#endif
