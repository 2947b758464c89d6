// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_DEAD_LETTERS_H
#define TTP_APP_DEAD_LETTERS_H

/* What the forms of `dead-letters` share. */

#include <jansson.h>

#include "app/command.h"
#include "lake/dead_letters.h"
#include "util/ledgers.h"

/* What --since and --until say. ERR_INVALID. */
enum error_code dead_letters_range(const struct command_line *line, struct ledger_range *range,
                                   struct error *error) MUST_CHECK;
/* A letter as JSON; NULL without memory. */
json_t *dead_letter_json(const struct stored_letter *letter, uint64_t commit_no);

#endif
