// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_COMMAND_TABLE_H
#define TTP_APP_COMMAND_TABLE_H

/* The subcommands: one static table, one cmd_<verb>.c each. `run` is the verb where none is given.
 */

#include "config/command.h"
#include "util/exit_code.h"

extern const struct command_list command_table;

enum exit_code cmd_run(const struct command_line *line);
enum exit_code cmd_demo(const struct command_line *line);
enum exit_code cmd_replay(const struct command_line *line);
enum exit_code cmd_record(const struct command_line *line);
enum exit_code cmd_generate(const struct command_line *line);
enum exit_code cmd_status(const struct command_line *line);
enum exit_code cmd_verify(const struct command_line *line);
enum exit_code cmd_repair(const struct command_line *line);
enum exit_code cmd_rebuild(const struct command_line *line);
enum exit_code cmd_prune(const struct command_line *line);
enum exit_code cmd_expire(const struct command_line *line);
enum exit_code cmd_backup(const struct command_line *line);
enum exit_code cmd_compact(const struct command_line *line);
enum exit_code cmd_relocate(const struct command_line *line);
enum exit_code cmd_dead_letters(const struct command_line *line);
enum exit_code cmd_inspect(const struct command_line *line);
enum exit_code cmd_files(const struct command_line *line);
enum exit_code cmd_check_config(const struct command_line *line);
enum exit_code cmd_version(const struct command_line *line);
enum exit_code cmd_help(const struct command_line *line);

#endif
