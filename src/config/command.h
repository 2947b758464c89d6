// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_COMMAND_H
#define TTP_CONFIG_COMMAND_H

/* What the texts about the program (help, manual page, completions) know of its subcommands; app
 * has the table. */

#include <stdbool.h>
#include <stddef.h>

#include "util/exit_code.h"

/* A flag of a command's own, beside the option table's. */
struct command_flag {
    const char *name;        /* "--listen" */
    const char *placeholder; /* of its value; NULL: a switch that takes none */
    const char *help;
};
#define COMMAND_FLAG_MAX 12

struct command_line; /* app's */

struct command {
    const char *name;
    const char *synopsis; /* what may follow the name */
    const char *summary;  /* half a sentence */
    const struct command_flag *flags;
    size_t flag_count;
    bool takes_options; /* the option table's flags and --config */
    size_t argument_max;
    enum exit_code (*run)(const struct command_line *line);
};

struct command_list {
    const struct command *items;
    size_t count;
};

#endif
