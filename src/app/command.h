// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_COMMAND_H
#define TTP_APP_COMMAND_H

/* What the subcommands share, and the program's main: parses argv and runs the command. */

#include "app/command_line.h"
#include "app/command_table.h"
#include "config/options.h"
#include "util/error.h"
#include "util/exit_code.h"

/* Loads the options of a command that takes them and sets up logging by them; warnings are logged.
 * EXIT_DONE, or EXIT_USAGE / EXIT_FAILED with everything said. Release `options` in every case. */
enum exit_code command_load_options(const struct command_line *line, struct options *options);

/* Prints a command's help. */
enum exit_code command_print_help(const struct command *command);

/* Prints "parquet-consumer: <message>" to stderr and returns `exit_code`. */
enum exit_code command_fail(enum exit_code exit_code, const struct error *error);

/* Parses argv and runs the command. */
enum exit_code command_main(int argc, const char *const *argv);

#endif
