// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_STREAM_H
#define TTP_OS_STREAM_H

/* Writing where a user names a path that need not be a file: a device, a FIFO, a descriptor
 * (/dev/stdout). */

#include <stdbool.h>
#include <stdint.h>

#include "util/bytes.h"
#include "util/error.h"

/* *is_stream: what lies at `path` is written into and never replaced; else a file can be put there.
 * ERR_INVALID for a folder, and for a link to a file or to nothing: whose that is, nobody said. */
enum error_code os_stream_look(const char *path, bool *is_stream, struct error *error) MUST_CHECK;

/* Writes all of it within timeout_us. ERR_RETRY if nobody reads; ERR_IO. */
enum error_code os_stream_write(const char *path, struct bytes_view bytes, int64_t timeout_us,
                                struct error *error) MUST_CHECK;

#endif
