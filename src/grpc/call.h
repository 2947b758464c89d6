// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_GRPC_CALL_H
#define TTP_GRPC_CALL_H

/*
 * A client's view of one gRPC call with one request message and a stream of responses, over a
 * stream of an http_client. It makes the request headers, checks the response headers, and finds
 * the status at the end; the body's bytes go through grpc_reader, by the caller, so that it can
 * hold them back. Not thread-safe; no I/O.
 */

#include <stdbool.h>
#include <stdint.h>

#include "grpc/frame.h"
#include "grpc/status.h"
#include "http/client.h"

/* How a call ended, for the caller's policy. */
enum grpc_end {
    GRPC_END_STATUS,  /* a grpc-status arrived: code and words are the server's */
    GRPC_END_CUT,     /* reset, or END_STREAM without a grpc-status: passing */
    GRPC_END_NOT_GRPC /* an HTTP answer that is not gRPC's: code maps its status */
};

struct grpc_call {
    int32_t stream_id;
    bool has_headers; /* the response has begun */
    bool has_status;
    bool is_over;
    int http_status;
    bool is_not_grpc;
    enum grpc_end end;
    enum grpc_code code;
    char words[GRPC_WORDS_BYTES]; /* the server's, decoded, or ours about the cut */
};

struct grpc_request {
    const char *scheme;    /* "http", "https" */
    const char *authority; /* host:port */
    const char *path;
    const char *user_agent;
    const struct http_header *metadata; /* more headers, lower-case names; may be NULL */
    size_t metadata_count;
    struct bytes_view message; /* serialized, without its prefix */
};

#define GRPC_MAX_METADATA             64
#define GRPC_MAX_METADATA_NAME_BYTES  256
#define GRPC_MAX_METADATA_VALUE_BYTES 16384 /* servers refuse longer header lists anyway */

/* Starts the call. ERR_INVALID: metadata that HTTP/2 can't carry or that is gRPC's own (the message
 * names it); ERR_RETRY, ERR_NO_MEMORY as http_client_request. */
enum error_code grpc_call_start(struct grpc_call *call, struct http_client *client,
                                const struct grpc_request *request, struct error *error) MUST_CHECK;

/* ERR_INVALID, with the metadata's name and why, if a call with it would be refused: the one place
 * that knows which names are not for users. */
enum error_code grpc_metadata_check(const struct http_header *metadata, size_t metadata_count,
                                    struct error *error) MUST_CHECK;

/* To be called from the http handler's on_headers and on_close of this call's stream. on_close
 * settles code, end and words. `inside_message`: grpc_reader_is_inside; half a message before an OK
 * is a cut. */
void grpc_call_on_headers(struct grpc_call *call, const struct http_header_view *fields,
                          size_t field_count, bool ends_stream);
void grpc_call_on_close(struct grpc_call *call, uint32_t http2_error, bool peer_ended,
                        bool inside_message);

#endif
