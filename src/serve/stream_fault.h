// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_STREAM_FAULT_H
#define TTP_SERVE_STREAM_FAULT_H

/* Which faults of the script are due on a stream, and what they do to it. */

#include "serve/server_state.h"

enum fault_outcome {
    FAULT_DONE,     /* go on with the next fault, or the event */
    FAULT_REPLACED, /* the event was dealt with: go on behind it */
    FAULT_WAIT      /* nothing more for now: a wait, or the end */
};

/* Fires what is due before the event at `offset`. */
enum fault_outcome stream_fire_faults(struct server_stream *stream);
/* Fires what concerns the request as such; true if that answers it, now or later. */
bool stream_fire_request_faults(struct server_stream *stream);
/* Gives the answer of stream->request_fault. */
void stream_answer_fault(struct server_stream *stream);
/* Does what had to wait until all was sent (stream->when_empty). */
void stream_fire_when_empty(struct server_stream *stream);
/* Is a fault of this kind due at a client's connect? Counts it. */
bool server_fire_connect_fault(struct server *server, enum fault_kind kind);

#endif
