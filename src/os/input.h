// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_INPUT_H
#define TTP_OS_INPUT_H

/* Reading what a user names by a path and which need not be a file: a pipe of the shell
 * (`<(command)`), a FIFO, a descriptor (/dev/fd/9), standard input. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/error.h"

/*
 * Appends all that `path` gives, to its end, to `out`. *is_file (may be NULL): it is a regular
 * file, so that it can be read again; anything else gives its content once. What is no file may
 * take timeout_us to come to its end; 0: only files are read, anything else is ERR_INVALID.
 * ERR_NOT_FOUND, ERR_LIMIT (more than limit_bytes), ERR_RETRY (no end within timeout_us), ERR_IO,
 * ERR_NO_MEMORY.
 */
enum error_code os_read_input(const char *path, size_t limit_bytes, int64_t timeout_us,
                              struct buffer *out, bool *is_file, struct error *error) MUST_CHECK;

#endif
