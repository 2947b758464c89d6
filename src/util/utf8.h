// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_UTF8_H
#define TTP_UTIL_UTF8_H

/* Texts that should be UTF-8 and are not. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/bytes.h"

#define UTF8_MAX_BYTES 4 /* of a character */

/* Bytes of the well-formed sequence at `at`, or of the longest beginning of one that stands there
 * (at least 1); *good tells which. `left` bytes are there, at least 1. */
size_t utf8_subpart_size(const uint8_t *at, size_t left, bool *good);

/* Room that utf8_mend may need: each byte may become one U+FFFD of three. */
static inline size_t utf8_mended_size_max(size_t size_bytes)
{
    return 3 * size_bytes;
}

/* Copies `text` to `out` with U+FFFD for each maximal subpart of an ill-formed sequence (Unicode
 * 15.0, section 3.9, table 3-8: what the WHATWG decoder and Python's errors='replace' do). Returns
 * the size. */
size_t utf8_mend(struct bytes_view text, uint8_t *out);

#endif
