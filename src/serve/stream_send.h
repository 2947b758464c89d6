// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_STREAM_SEND_H
#define TTP_SERVE_STREAM_SEND_H

/* What a stream sends: its events, bytes in place of them, its end. */

#include "serve/server_state.h"

/* The events of the ledger that are still to be sent. */
struct bytes_view stream_rest(const struct server_stream *stream);
/* Queues bytes of the response's body, or lets them drip. */
void stream_emit(struct server_stream *stream, struct bytes_view bytes);
/* Steps over the event at `offset`, which was sent or replaced. */
void stream_step_over(struct server_stream *stream);
/* Sends the next event alone, so that the place behind it is looked at. */
void stream_send_event(struct server_stream *stream);
/* Sends some frames' worth of events as they lie in the feed. */
void stream_send_chunk(struct server_stream *stream);
/* Sends the next few of the bytes that drip. */
void stream_send_drip(struct server_stream *stream);
/* Ends the request with a status. */
void stream_finish(struct server_stream *stream, enum grpc_code code, const char *words);
/* Out of memory: the connection ends. */
void stream_give_up(struct server_stream *stream);

#endif
