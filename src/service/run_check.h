// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_RUN_CHECK_H
#define TTP_SERVICE_RUN_CHECK_H

/* What a run refuses of its options before it listens, connects or makes anything. */

#include "config/options.h"
#include "util/error.h"

/* Beyond options_check. It looks whether a lake is there, and at nothing in it. ERR_INVALID,
 * ERR_NO_MEMORY, ERR_IO. */
enum error_code run_check(const struct options *options, struct error *error) MUST_CHECK;

#endif
