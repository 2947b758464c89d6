// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_STREAM_H
#define TTP_SERVE_STREAM_H

/* One request: its answer, or the events that it gets. */

#include "serve/server_state.h"

enum error_code stream_new(struct server_stream **out, struct connection *connection,
                           struct grpc_server_call *call) MUST_CHECK; /* ERR_NO_MEMORY */
void stream_free(struct server_stream *stream);
/* The request has come: answers it or begins. */
void stream_begin(struct server_stream *stream, struct bytes_view message);
/* Queues events while the call wants more and nothing says wait. */
void stream_produce(struct server_stream *stream);

#endif
