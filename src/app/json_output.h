// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_JSON_OUTPUT_H
#define TTP_APP_JSON_OUTPUT_H

/* What the commands' JSON is made of. Every function gives NULL without memory, and nothing is left
 * out silently: a NULL among the parts makes the whole NULL. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "catalog/catalog.h"
#include "util/error.h"

/* A text that may come from a damaged file, a foreign server or a file's name, as JSON: U+FFFD for
 * bytes that are not UTF-8. NULL becomes null. */
json_t *json_any_text(const char *text);

/* RFC 3339; null for 0. */
json_t *json_time(int64_t unix_us);

/* [item(context, 0), …, item(context, count - 1)] */
json_t *json_list(size_t count, json_t *(*item)(const void *context, size_t index),
                  const void *context);

/* [{"first": …, "last": …}, …] */
json_t *json_ranges(const struct ledger_range *ranges, size_t count);

/* Prints the object (which it takes; NULL: there was no memory for it) on standard output, in lines
 * or as one. ERR_NO_MEMORY with nothing printed, ERR_IO. */
enum error_code json_print(json_t *object, bool indented, struct error *error) MUST_CHECK;

#endif
