// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_SHELL_TEXT_H
#define TTP_APP_SHELL_TEXT_H

/* Commands that people are to paste into a shell. */

#include "util/buffer.h"
#include "util/error.h"

/* Appends `word` so that a POSIX shell reads it as one word: as it is where no character of it
 * means something to the shell, else in single quotes. ERR_NO_MEMORY. */
enum error_code shell_text_append_word(struct buffer *out, const char *word) MUST_CHECK;

#endif
