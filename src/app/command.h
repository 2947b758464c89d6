// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_COMMAND_H
#define TTP_APP_COMMAND_H

/* What the subcommands share. */

#include "app/command_line.h"
#include "app/command_table.h"
#include "config/options.h"
#include "util/error.h"
#include "util/exit_code.h"

/* Loads the options of a command that takes them and sets up logging by them; warnings are logged.
 * EXIT_DONE, or EXIT_USAGE / EXIT_FAILED with everything said. Release `options` in every case. */
enum exit_code command_load_options(const struct command_line *line, struct options *options);

/* Prints a command's help; of `help` the overview of all. */
enum exit_code command_print_help(const struct command_list *commands,
                                  const struct command *command);

/* The whole of a command that takes options: loads them, and does its work with them. */
enum exit_code command_with_options(const struct command_line *line,
                                    enum exit_code (*work)(const struct command_line *line,
                                                           const struct options *options));

/* What a command's work ended by: EXIT_DONE, or its failure, which is said. */
enum exit_code command_end(enum error_code code, const struct error *error);

/* Prints "parquet-consumer: <message>" to stderr and returns `exit_code`. */
enum exit_code command_fail(enum exit_code exit_code, const struct error *error);
/* The same of memory that is out. */
enum exit_code command_out_of_memory(void);

#endif
