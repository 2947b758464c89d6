// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_EXIT_CODE_H
#define TTP_UTIL_EXIT_CODE_H

/* What the program's exit status says (design section 5). */

#include "util/error.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,  /* the work failed, or a bounded range is not covered */
    EXIT_USAGE = 2,   /* usage, configuration, a port taken, a lake that may not be touched */
    EXIT_PROBLEMS = 3 /* verify found some */
};

/* Of a failed start: EXIT_USAGE where the configuration or the lake forbids it, EXIT_FAILED for
 * what may pass. */
enum exit_code exit_code_of(enum error_code code);

#endif
