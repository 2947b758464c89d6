// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_PROGRAM_H
#define TTP_APP_PROGRAM_H

/* The program's main. */

#include "util/exit_code.h"

/* Makes the process fit for work, parses argv and runs the command. */
enum exit_code program_run(int argc, const char *const *argv);

#endif
