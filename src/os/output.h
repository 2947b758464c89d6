// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_OUTPUT_H
#define TTP_OS_OUTPUT_H

/* The standard streams, which belong to others as well: pipes, terminals, nothing at all. */

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* Before anything is opened: standard streams that are closed become /dev/null, so that no file of
 * ours gets their numbers and is written to by mistake; what is written to a stdout that was closed
 * fails. SIGPIPE is ignored: a reader that has gone is an error that can be told. */
void os_standard_streams_secure(void);

/* Writes all to `fd`, waiting timeout_us at most for who reads it (INT64_MAX: for ever): ERR_RETRY
 * where it takes nothing any more, ERR_IO. In pieces that a pipe keeps whole, and which a pipe that
 * says it has room takes at once, unless another process that shares it was faster. */
enum error_code os_write_out(int fd, const char *text, size_t size_bytes, int64_t timeout_us,
                             struct error *error) MUST_CHECK;

#endif
