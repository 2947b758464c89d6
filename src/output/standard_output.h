// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OUTPUT_STANDARD_OUTPUT_H
#define TTP_OUTPUT_STANDARD_OUTPUT_H

/* What commands print on stdout, and that it arrived. */

#include <stdint.h>

#include "util/buffer.h"
#include "util/exit_code.h"

/* At the end of each command: flushes. Where something that was printed could not be written, says
 * so and makes EXIT_DONE an EXIT_FAILED. */
enum exit_code standard_output_end(enum exit_code exit_code);

/* Prints a text that somebody made (`code` says whether) and releases it. EXIT_FAILED, with a
 * sentence, where there was no memory for it. */
enum exit_code standard_output_text(enum error_code code, struct buffer *text);

/* Prints a text at once, for a process that must not hang because nobody reads it: EXIT_FAILED with
 * a sentence where it is not taken within timeout_us, or can't be written. */
enum exit_code standard_output_print(const struct buffer *text, int64_t timeout_us);

#endif
