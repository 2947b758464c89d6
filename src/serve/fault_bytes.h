// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_FAULT_BYTES_H
#define TTP_SERVE_FAULT_BYTES_H

/* The bytes that fault scripts put in place of good ones: damaged events and floods of frames. */

#include <stdint.h>

#include "serve/fault.h"
#include "util/buffer.h"
#include "util/error.h"

/* Whether the fault puts other bytes in place of one event: those of fault_bytes_event. */
bool fault_bytes_replace_event(enum fault_kind kind);

/* Appends to `out` what stands on the stream, prefix included, in place of the event `message`.
 * ERR_NO_MEMORY; ERR_CORRUPT for an event that can't be changed because it can't be decoded. */
enum error_code fault_bytes_event(const struct fault *fault, struct bytes_view message,
                                  struct buffer *out) MUST_CHECK;

/* Appends a framed copy of the event `message` that says it is of another ledger. Errors as above.
 */
enum error_code fault_bytes_moved_event(struct bytes_view message, uint32_t ledger_sequence,
                                        struct buffer *out) MUST_CHECK;

/* Appends at most `frame_limit` of the `*remaining` frames of a flood and counts them off. A
 * continuation flood begins with HEADERS (`is_first`). */
enum error_code fault_bytes_flood(enum fault_kind kind, int32_t stream_id, bool is_first,
                                  uint64_t *remaining, uint32_t frame_limit,
                                  struct buffer *out) MUST_CHECK;

#endif
