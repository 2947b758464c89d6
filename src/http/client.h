// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_HTTP_CLIENT_H
#define TTP_HTTP_CLIENT_H

/*
 * One HTTP/2 client connection (RFC 9113) as an engine: it takes the bytes that came from the peer
 * and gives the bytes to send; sockets, TLS and time belong to the caller. TLS slides in between
 * the engine's bytes and the socket.
 *
 * Flow control is by hand: the peer may send `window_bytes` on a stream and on the connection until
 * http_client_consume gives the bytes back. Not consuming is the way to make the server wait.
 *
 * Not thread-safe. After a receive or pull that failed the connection is dead: free it. Functions
 * must not be called from inside a handler, except http_client_consume and http_client_cancel.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/header.h"

struct http_client;

/* Called from http_client_receive. What they return other than OK ends the connection and is
 * returned from there. Views live during the call. */
struct http_client_handler {
    void *context;
    /* A whole header block: the response's, or the trailers (also when the first block ends the
     * stream: then `ends_stream` is true and it is the only one). 1xx blocks are not shown. */
    enum error_code (*on_headers)(void *context, int32_t stream_id,
                                  const struct http_header_view *fields, size_t field_count,
                                  bool ends_stream, struct error *error);
    /* Body bytes, in order. To be given back by http_client_consume, now or later. */
    enum error_code (*on_data)(void *context, int32_t stream_id, struct bytes_view data,
                               struct error *error);
    /* The stream is over. http2_error: 0 after an END_STREAM of the peer (`peer_ended`), else the
     * code of the RST_STREAM or of the protocol error. */
    enum error_code (*on_close)(void *context, int32_t stream_id, uint32_t http2_error,
                                bool peer_ended, struct error *error);
};

struct http_client_options {
    uint32_t window_bytes; /* 65,535 to 2^31-1 */
    const char *peer;      /* host:port, for messages; copied */
    bool is_encrypted;     /* its bytes come through TLS: for messages, too */
};

/* ERR_INVALID: the window is out of range; ERR_NO_MEMORY. `handler` is copied. */
enum error_code http_client_new(struct http_client **out, const struct http_client_options *options,
                                const struct http_client_handler *handler,
                                struct error *error) MUST_CHECK;
void http_client_free(struct http_client *client);

/* Starts a request whose body is all of `body` (copied) followed by END_STREAM. `headers` holds the
 * pseudo-headers first. *stream_id gets its number. ERR_RETRY if the peer takes no more streams
 * (GOAWAY), ERR_NO_MEMORY. */
enum error_code http_client_request(struct http_client *client, const struct http_header *headers,
                                    size_t header_count, struct bytes_view body, int32_t *stream_id,
                                    struct error *error) MUST_CHECK;

/* Takes bytes from the peer, all of them. ERR_CORRUPT: not HTTP/2 (the message says what it looks
 * like: HTTP/1.1, TLS, …); ERR_RETRY: a protocol error or a flood; or what a handler returned. What
 * pull still gives (a GOAWAY) may be sent after a failure. */
enum error_code http_client_receive(struct http_client *client, struct bytes_view bytes,
                                    struct error *error) MUST_CHECK;

/* What it means that the peer closed its side now: ERR_CORRUPT if what came so far is not HTTP/2,
 * else ERR_RETRY. Never OK. */
enum error_code http_client_at_end(const struct http_client *client,
                                   struct error *error) MUST_CHECK;

/* The next bytes to send; an empty view: nothing now. The view lives until the next call into the
 * engine. ERR_RETRY: the peer broke the protocol (what there was to say of it was given before), or
 * makes us answer more than it reads; ERR_NO_MEMORY. */
enum error_code http_client_pull(struct http_client *client, struct bytes_view *bytes,
                                 struct error *error) MUST_CHECK;

/* Gives `size_bytes` of on_data's bytes back to the windows. */
enum error_code http_client_consume(struct http_client *client, int32_t stream_id,
                                    size_t size_bytes) MUST_CHECK;

/* Resets a stream with CANCEL; on_close follows. */
void http_client_cancel(struct http_client *client, int32_t stream_id);

/* Has the peer's SETTINGS arrived: is it an HTTP/2 server at all? */
bool http_client_is_established(const struct http_client *client);
/* Has it said GOAWAY? *http2_error and *words (its debug data, cleaned; lives as long as the
 * client) may be NULL. Streams that it still serves go on. */
bool http_client_is_going_away(const struct http_client *client, uint32_t *http2_error,
                               const char **words);

#endif
