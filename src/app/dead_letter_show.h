// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_DEAD_LETTER_SHOW_H
#define TTP_APP_DEAD_LETTER_SHOW_H

#include "app/command.h"

/* The work of `dead-letters show`; what it is asked for is the second of the line's arguments. */
enum exit_code dead_letter_show(const struct command_line *line, const struct options *options);

#endif
