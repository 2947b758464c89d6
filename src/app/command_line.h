// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_COMMAND_LINE_H
#define TTP_APP_COMMAND_LINE_H

/* argv, sorted out by the tables of commands and options. */

#include <stdbool.h>
#include <stddef.h>

#include "config/command.h"
#include "config/option_table.h"
#include "config/problems.h"
#include "util/error.h"

struct command_line {
    const struct command_list *commands; /* all that there are */
    const struct command *command;
    bool help; /* --help: show help instead */
    bool verb_is_given;
    const char *config_path;
    const char *option_texts[OPTION_MAX];
    const char *flag_texts[COMMAND_FLAG_MAX]; /* NULL: not given; "" for a switch */
    const char **arguments;                   /* owned array, borrowed texts */
    size_t argument_count;
};

/* NULL if there is none of the name. */
const struct command *command_find(const struct command_list *commands, const char *name);

/* Sorts out argv (argv[0] is the program). What is wrong is added to `problems`. ERR_INVALID if
 * something is; ERR_NO_MEMORY. Release in every case. */
enum error_code command_line_parse(struct command_line *line, const struct command_list *commands,
                                   int argc, const char *const *argv,
                                   struct problems *problems) MUST_CHECK;
void command_line_release(struct command_line *line);

/* The value of one of the command's own flags; NULL where it is not given. */
const char *command_line_flag(const struct command_line *line, const char *name);

#endif
