// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_GRPC_SERVER_CALL_H
#define TTP_GRPC_SERVER_CALL_H

/*
 * A gRPC server connection over http_server: calls with one request message and a stream of
 * responses. Bytes in, bytes out: the caller moves them by grpc_server_receive and
 * grpc_server_pull. Responses are produced on demand: on_writable is called when the peer's windows
 * have room and less than GRPC_SERVER_LOW_BYTES waits.
 *
 * A grpc_server_call lives from on_call until on_closed returns. Not thread-safe. Functions on
 * calls may be called from inside handlers and between receives and pulls.
 */

#include <stdbool.h>
#include <stdint.h>

#include "grpc/frame.h"
#include "grpc/status.h"
#include "http/server.h"

#define GRPC_SERVER_LOW_BYTES  (16 * 1024)
#define GRPC_SERVER_HIGH_BYTES (64 * 1024)

struct grpc_server;
struct grpc_server_call;

struct grpc_server_handler {
    void *context;
    /* Request headers were accepted as gRPC. `path` and fields live during the call. Refuse a call
     * by grpc_server_finish (UNIMPLEMENTED for an unknown path). */
    void (*on_call)(void *context, struct grpc_server_call *call, struct bytes_view path,
                    const struct http_header_view *fields, size_t field_count);
    /* The one request message; the client has half-closed. */
    void (*on_request)(void *context, struct grpc_server_call *call, struct bytes_view message);
    /* Room for more: call grpc_server_send_raw until grpc_server_wants_more says no, or until there
     * is nothing now; in the latter case call grpc_server_resume when there is. */
    void (*on_writable)(void *context, struct grpc_server_call *call);
    /* Over: by us, by a cancel of the client, by a reset. Not called for calls that are open when
     * the server is freed: grpc_server_free calls it for each first. */
    void (*on_closed)(void *context, struct grpc_server_call *call);
};

/* Of a request: the limit that gRPC's own servers have. */
#define GRPC_SERVER_MESSAGE_BYTES_MAX (4u * 1024 * 1024)

enum error_code grpc_server_new(struct grpc_server **out, const struct grpc_server_handler *handler,
                                struct error *error) MUST_CHECK;
/* Ends open calls (on_closed) and frees. */
void grpc_server_free(struct grpc_server *server);

enum error_code grpc_server_receive(struct grpc_server *server, struct bytes_view bytes,
                                    struct error *error) MUST_CHECK;
/* As http_server_pull: whole frames; the view lives until the next call into the engine. */
enum error_code grpc_server_pull(struct grpc_server *server, struct bytes_view *bytes,
                                 struct error *error) MUST_CHECK;
bool grpc_server_is_done(const struct grpc_server *server);
/* For GOAWAY. */
struct http_server *grpc_server_http(struct grpc_server *server);

void grpc_server_call_set_data(struct grpc_server_call *call, void *data);
void *grpc_server_call_data(const struct grpc_server_call *call);
/* The HTTP/2 stream's number. */
int32_t grpc_server_call_stream_id(const struct grpc_server_call *call);

/* Sends response headers now (they otherwise go with the first message, as the real server does).
 */
enum error_code grpc_server_send_headers(struct grpc_server_call *call) MUST_CHECK;
/* Queues bytes of the body as they are: messages with their prefixes, or what a fault script wants
 * (half a message, a wrong prefix). ERR_NO_MEMORY; ERR_INVALID once the call is finished or over.
 */
enum error_code grpc_server_send_raw(struct grpc_server_call *call,
                                     struct bytes_view bytes) MUST_CHECK;
/* Less than GRPC_SERVER_HIGH_BYTES wait to be sent. */
bool grpc_server_wants_more(const struct grpc_server_call *call);
/* Bytes queued that no frame carries yet. */
size_t grpc_server_waiting_bytes(const struct grpc_server_call *call);
/* There is something to send again: on_writable follows, from grpc_server_pull. */
enum error_code grpc_server_resume(struct grpc_server_call *call) MUST_CHECK;

/* Ends the call after all that is queued: grpc-status and grpc-message (words, may be "") in
 * trailers; in the headers (Trailers-Only) if nothing was sent. */
enum error_code grpc_server_finish(struct grpc_server_call *call, enum grpc_code code,
                                   const char *words) MUST_CHECK;
/* For fault scripts: END_STREAM after all that is queued, without a grpc-status. */
enum error_code grpc_server_finish_without_status(struct grpc_server_call *call) MUST_CHECK;
/* For fault scripts: a plain HTTP answer in place of a gRPC one; only before anything was sent. */
enum error_code grpc_server_answer_http(struct grpc_server_call *call, int http_status,
                                        const char *content_type, const char *body) MUST_CHECK;
/* RST_STREAM at once; what is queued is dropped. */
enum error_code grpc_server_reset(struct grpc_server_call *call, uint32_t http2_error) MUST_CHECK;

#endif
