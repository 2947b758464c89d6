// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_HELP_H
#define TTP_CONFIG_HELP_H

/* Texts about the program, all made from the tables of commands and options. Help is 80 columns
 * wide. All append to `out`; ERR_NO_MEMORY. */

#include "config/command.h"
#include "util/buffer.h"

enum error_code help_overview(const struct command_list *commands, struct buffer *out) MUST_CHECK;
enum error_code help_command(const struct command *command, struct buffer *out) MUST_CHECK;
enum error_code help_options(struct buffer *out) MUST_CHECK;
enum error_code help_markdown(struct buffer *out) MUST_CHECK; /* docs/CONFIGURATION.md */

/* docs/parquet-consumer.1 */
enum error_code help_manual_page(const struct command_list *commands,
                                 struct buffer *out) MUST_CHECK;
/* deploy/completions/: of "bash", "zsh" or "fish"; ERR_INVALID for another shell. */
enum error_code help_completion(const char *shell, const struct command_list *commands,
                                struct buffer *out) MUST_CHECK;

#endif
