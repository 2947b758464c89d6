// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_JSON_TEXT_H
#define TTP_UTIL_JSON_TEXT_H

/* What the JSON files of a lake share. Ranges are arrays of [first, last]; 64-bit checksums are 16
 * hexadecimal digits, since JSON's integers are signed here. */

#include <jansson.h>
#include <stdbool.h>

#include "util/buffer.h"
#include "util/error.h"
#include "util/ledgers.h"

/* Lets jansson take its memory where we take ours. Before its first use, by the program's main and
 * by tests that let allocations fail. */
void json_text_use_our_memory(void);

/* jansson's json_loadb, but safe where memory is out: jansson's parser overlooks some failed
 * allocations, and reads past the end of a text that it could not keep or takes it for bad JSON.
 * ERR_CORRUPT (`problem` says where), ERR_NO_MEMORY; *value is NULL then. */
enum error_code json_text_load(struct bytes_view text, size_t flags, json_t **value,
                               json_error_t *problem) MUST_CHECK;

/* ERR_CORRUPT, naming `path` and the place, if it is not one JSON object. */
enum error_code json_text_parse(struct bytes_view text, const char *path, json_t **object,
                                struct error *error) MUST_CHECK;
/* Appends the text of `value`, which may be NULL (building it failed: ERR_NO_MEMORY); in lines,
 * with a line feed at the end, or compact. Characters that control who shows them are escaped. */
enum error_code json_text_dump(const json_t *value, bool indented, struct buffer *out,
                               struct error *error) MUST_CHECK;

/* NULL when memory is out. */
json_t *json_text_ranges(const struct ledger_range *ranges, size_t count);
/* Appends the array under `key` to `list`. */
enum error_code json_text_get_ranges(const json_t *object, const char *key, struct ledger_set *list,
                                     const char *path, struct error *error) MUST_CHECK;

#endif
