// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OUTPUT_JSON_OUTPUT_H
#define TTP_OUTPUT_JSON_OUTPUT_H

/* What the commands' JSON is made of. Every function gives NULL without memory, and nothing is left
 * out silently: a NULL among the parts makes the whole NULL. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "util/ledgers.h"
#include "util/list_budget.h"

/* A text that may come from a damaged file, a foreign server or a file's name, as JSON: U+FFFD for
 * bytes that are not UTF-8. NULL becomes null. */
json_t *json_any_text(const char *text);

/* RFC 3339; null for 0. */
json_t *json_time(int64_t unix_us);

/* [item(context, 0), …, item(context, count - 1)]; at most LIST_ENTRIES_MAX of them
 * (util/list_budget.h), as of the next one. */
json_t *json_list(size_t count, json_t *(*item)(const void *context, size_t index),
                  const void *context);

/* [{"first": …, "last": …}, …] */
json_t *json_ranges(const struct ledger_set *ranges);

/* A list that is added to one by one, and says when it is full. */
struct json_short_list {
    json_t *items;
    struct list_budget budget;
};
void json_short_list_init(struct json_short_list *list);
void json_short_list_release(struct json_short_list *list);
/* Whether one more entry, with so many bytes of text from outside, is taken; else it is counted. */
bool json_short_list_takes(struct json_short_list *list, size_t text_bytes);
/* Appends the object, which it takes. ERR_NO_MEMORY, also where the object is NULL. */
enum error_code json_short_list_append(struct json_short_list *list, json_t *object,
                                       struct error *error) MUST_CHECK;

/* How many entries a list of the output lacks. */
struct json_left_out {
    const char *list;
    uint64_t count;
};
/* How many of `count` entries json_ranges and the like leave out. */
uint64_t json_left_out_of(uint64_t count);
/* Tells of the lists that were cut short as "not_listed": {"coverage": 3, …}; nothing is added
 * where none was. NULL, and the object released, without memory. */
json_t *json_add_left_out(json_t *object, const struct json_left_out *lists, size_t list_count);

/* Prints the object (which it takes; NULL: there was no memory for it) on standard output, in lines
 * or as one. ERR_NO_MEMORY with nothing printed, ERR_IO. */
enum error_code json_print(json_t *object, bool indented, struct error *error) MUST_CHECK;

#endif
