// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_HTTP_SESSION_H
#define TTP_HTTP_SESSION_H

/*
 * What client and server sessions share: opening, sending and errors of nghttp2, the header block
 * that is being received, and the guard against peers that send nothing but control frames.
 * Private to the room.
 */

#include <stdbool.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include "http/header.h"

#define HTTP_DETAIL_BYTES 256

/* Frames other than DATA with content since the last such DATA frame; more is a flood. A healthy
 * silent stream sees a PING every ten seconds or so: this lasts a day. */
#define HTTP_MAX_IDLE_FRAMES 10000

struct http_session {
    nghttp2_session *nghttp2;
    struct http_header_block block; /* of the HEADERS frame in progress */
    uint32_t idle_frame_count;
    /* Why a callback gave up: what receive returns in place of nghttp2's code. */
    enum error_code failure;
    struct error failure_text;
    char detail[HTTP_DETAIL_BYTES]; /* nghttp2's last words */
    bool own_goaway;                /* we asked for the GOAWAY that is sent */
    bool is_broken;                 /* nghttp2 has said GOAWAY: the peer broke the protocol */
};

/* Opens the session with the callbacks that both sides have (the header block, nghttp2's words, the
 * GOAWAY that it sends) and the owner's three. `session`, which is nghttp2's user data, is the
 * owner's first member. Only the client gives windows back by hand. ERR_NO_MEMORY. */
enum error_code http_session_open(struct http_session *session, bool is_client,
                                  nghttp2_on_frame_recv_callback on_frame,
                                  nghttp2_on_data_chunk_recv_callback on_data,
                                  nghttp2_on_stream_close_callback on_close) MUST_CHECK;

/* The next bytes to send; empty: nothing now. ERR_RETRY: the peer broke the protocol, and the
 * GOAWAY that says so was given before. `peer` is for the message. */
enum error_code http_session_pull(struct http_session *session, const char *peer,
                                  struct bytes_view *bytes, struct error *error) MUST_CHECK;

/* Notes the failure for receive and returns NGHTTP2_ERR_CALLBACK_FAILURE. */
int http_session_fail(struct http_session *session, enum error_code code);

/* Counts a frame; a failure (to be returned from the callback) if it is one too many. */
int http_session_count_frame(struct http_session *session, const nghttp2_frame *frame);

/* The error of an nghttp2 result below 0. `peer` and `what` are for the message. */
enum error_code http_session_error(const struct http_session *session, int64_t result,
                                   const char *peer, const char *what, struct error *error);

/* Fills nghttp2's header array from ours: names and values are borrowed (nghttp2 copies them). */
void http_session_fields(nghttp2_nv *out, const struct http_header *headers, size_t header_count);

/* Debug data of a GOAWAY as printable text, cut to fit. */
void http_clean_text(char *out, size_t capacity_bytes, struct bytes_view text);

#endif
