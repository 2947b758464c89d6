// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_OPTION_JSON_H
#define TTP_APP_OPTION_JSON_H

#include <jansson.h>

#include "app/options.h"

/* A value with its own JSON type: counts, ledgers and sizes (in bytes) are numbers. Values of
 * request headers come hidden. The caller's; NULL without memory. */
json_t *option_value_json(const struct options *options, int index);

#endif
