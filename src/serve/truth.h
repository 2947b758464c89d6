// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_TRUTH_H
#define TTP_SERVE_TRUTH_H

/*
 * What a correct consumer must store of an event, as one JSON object a line: the form of the
 * `.rows.jsonl` files beside the recordings in tests/data (keys and order, tests/data/README.md).
 */

#include <stdint.h>

#include "pb/event.h"
#include "util/buffer.h"

/* Appends the line, line feed included. Text that is not UTF-8 gets U+FFFD for each bad byte.
 * ERR_NO_MEMORY leaves a part of the line behind. */
enum error_code truth_append_row(const struct event_view *event, uint32_t event_index,
                                 struct buffer *out) MUST_CHECK;

#endif
