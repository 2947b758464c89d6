// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_HELP_H
#define TTP_APP_HELP_H

/* Help texts, all made from the command and option tables, 80 columns wide. */

#include "app/command.h"
#include "util/buffer.h"

/* Append to `out`; ERR_NO_MEMORY. */
enum error_code help_overview(struct buffer *out) MUST_CHECK;
enum error_code help_command(const struct command *command, struct buffer *out) MUST_CHECK;
enum error_code help_options(struct buffer *out) MUST_CHECK;
enum error_code help_markdown(struct buffer *out) MUST_CHECK; /* docs/CONFIGURATION.md */

enum error_code help_manual_page(struct buffer *out) MUST_CHECK; /* docs/parquet-consumer.1 */
/* deploy/completions/: of "bash", "zsh" or "fish"; ERR_INVALID for another shell. */
enum error_code help_completion(const char *shell, struct buffer *out) MUST_CHECK;

/* Prints a command's help to stdout. */
enum exit_code help_print_command(const struct command *command);
/* Prints a text that one of the functions above made, and releases it. */
enum exit_code help_print(enum error_code code, struct buffer *text);

#endif
