// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_OPTION_CHECK_H
#define TTP_CONFIG_OPTION_CHECK_H

/* Checks of values that a kind and two limits don't say, and of values against each other. */

#include <stdbool.h>

#include "config/options.h"
#include "config/problems.h"
#include "util/error.h"

/* Checks that need more than one value; adds to `problems`. */
void options_check(const struct options *options, struct problems *problems);

/* What is accepted and better done otherwise; adds to `warnings`. */
void options_warn(const struct options *options, struct problems *warnings);

/* Whether it is HOST:PORT or [IPv6]:PORT. */
bool options_endpoint_is_good(const char *endpoint) MUST_CHECK;

#endif
