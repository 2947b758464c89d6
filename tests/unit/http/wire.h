// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_HTTP_WIRE_H
#define TTP_TESTS_HTTP_WIRE_H

/* Raw HTTP/2 frames for tests, and a deterministic source of split points. */

#include <stdint.h>

#include "util/buffer.h"

/* Appends a frame header and its payload (RFC 9113 section 4.1). */
void wire_frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream_id,
                const void *payload, uint32_t size_bytes);

/* 1 to `most`, by a seed. */
size_t wire_split(uint64_t *seed, size_t most);

#endif
