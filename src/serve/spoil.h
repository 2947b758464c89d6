// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_SPOIL_H
#define TTP_SERVE_SPOIL_H

/* The bytes that fault scripts put in place of good ones: damaged events and floods of frames. */

#include <stdint.h>

#include "serve/fault.h"
#include "util/buffer.h"
#include "util/error.h"

/* Is it a fault that puts other bytes in place of one event? */
bool spoil_is_event_fault(enum fault_kind kind);

/* Appends to `out` what stands on the stream, prefix included, in place of the event `message`.
 * ERR_NO_MEMORY; ERR_CORRUPT for an event that can't be changed because it can't be decoded. */
enum error_code spoil_event(const struct fault *fault, struct bytes_view message,
                            struct buffer *out) MUST_CHECK;

/* Appends a framed copy of the event `message` that says it is of another ledger. Errors as above.
 */
enum error_code spoil_move_event(struct bytes_view message, uint32_t ledger_sequence,
                                 struct buffer *out) MUST_CHECK;

/* Appends at most `frame_limit` of the `*remaining` frames of a flood and counts them off. A
 * continuation flood begins with HEADERS (`is_first`). */
enum error_code spoil_flood(enum fault_kind kind, int32_t stream_id, bool is_first,
                            uint64_t *remaining, uint32_t frame_limit,
                            struct buffer *out) MUST_CHECK;

#endif
