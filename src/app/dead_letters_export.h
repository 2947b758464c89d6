// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_DEAD_LETTERS_EXPORT_H
#define TTP_APP_DEAD_LETTERS_EXPORT_H

#include "app/command.h"

/* The work of `dead-letters export`; what it is asked for is the second of the line's arguments. */
enum exit_code dead_letters_export(const struct command_line *line, const struct options *options);

#endif
