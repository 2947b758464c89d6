// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_ENCODE_H
#define TTP_S3_ENCODE_H

/* Percent-encoding as signatures want it ("Create a signed AWS API request", UriEncode). */

#include <stdbool.h>

#include "util/buffer.h"

/* Appends `text` with all bytes but A-Z a-z 0-9 - . _ ~ (and '/' if keep_slash) as %XX, upper case.
 * ERR_NO_MEMORY. */
enum error_code s3_encode(struct buffer *out, struct bytes_view text, bool keep_slash) MUST_CHECK;

/* Appends what an answer's encoding-type=url stands for: %XX is a byte, '+' a space, anything else
 * itself. ERR_CORRUPT: a '%' without two digits, or %00. ERR_NO_MEMORY. */
enum error_code s3_decode(struct buffer *out, struct bytes_view text) MUST_CHECK;

#endif
