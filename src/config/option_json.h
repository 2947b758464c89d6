// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_OPTION_JSON_H
#define TTP_CONFIG_OPTION_JSON_H

#include <jansson.h>

#include "config/options.h"

/* A value with its own JSON type: counts, ledgers and sizes (in bytes) are numbers. Values of
 * request headers come hidden. The caller's; NULL without memory. */
json_t *option_value_json(const struct options *options, int index);

#endif
