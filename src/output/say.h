// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OUTPUT_SAY_H
#define TTP_OUTPUT_SAY_H

#include "util/error.h"

/* printf for people, on stdout: the one way for text of commands, so that no word from outside
 * reaches a terminal as it is (util/words.h: each %s is cleaned, `format` is not). Whether it
 * arrived, standard_output_end sees. */
void say(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
