// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OUTPUT_PRINT_RUNS_H
#define TTP_OUTPUT_PRINT_RUNS_H

#include "config/options.h"
#include "util/error.h"
#include "util/ledgers.h"

/* Prints `title` and the commands that fetch the ranges, to stdout; nothing where there is none.
 * ERR_NO_MEMORY, or an error of reading the lake. */
enum error_code print_runs(const char *title, const struct options *options,
                           const struct ledger_set *ranges, struct error *error) MUST_CHECK;

#endif
