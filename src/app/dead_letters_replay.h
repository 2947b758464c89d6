// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_DEAD_LETTERS_REPLAY_H
#define TTP_APP_DEAD_LETTERS_REPLAY_H

#include "app/command.h"

/* The work of `dead-letters replay`. */
enum exit_code dead_letters_replay(const struct command_line *line, const struct options *options);

#endif
