// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_AGAIN_H
#define TTP_APP_AGAIN_H

/* Commands that people are to paste into a shell, to go on with the lake that a command looked at.
 */

#include "app/command.h"
#include "util/buffer.h"
#include "util/error.h"

/* Appends `word` so that a POSIX shell reads it as one word: as it is where no character of it
 * means something to the shell, else in single quotes. ERR_NO_MEMORY. */
enum error_code again_append_word(struct buffer *out, const char *word) MUST_CHECK;

/* Appends " --output-path …" and what else a command needs to work on that lake: the configuration
 * file that was named, and the lake's own scheme and schema version where the options (or only
 * flags of this call) say otherwise. Ended by a NUL. ERR_NO_MEMORY, or an error of reading the
 * lake. */
enum error_code again_append_options(struct buffer *out, const struct command_line *line,
                                     const struct options *options, struct error *error) MUST_CHECK;

/* Appends what a run needs to ask the server that this call asked: its address, and the flags of
 * the section `consumer` that the call was given, but for headers with values written out.
 * ERR_NO_MEMORY. */
enum error_code again_append_server(struct buffer *out, const struct command_line *line,
                                    const struct options *options, struct error *error) MUST_CHECK;

#endif
