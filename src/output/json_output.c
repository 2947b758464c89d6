// SPDX-License-Identifier: Apache-2.0
#include "output/json_output.h"

#include <stdio.h>

#include "util/json_text.h"
#include "util/utf8.h"
#include "util/buffer.h"
#include "util/memory.h"
#include "util/text.h"

json_t *json_any_text(const char *text)
{
    if (text == NULL)
        return json_null();
    struct bytes_view bytes = bytes_view_text(text);
    if (utf8_is_valid(bytes))
        return json_string(text);
    uint8_t *mended = mem_alloc(utf8_mended_size_max(bytes.size_bytes));
    if (mended == NULL)
        return NULL;
    json_t *string = json_stringn((const char *)mended, utf8_mend(bytes, mended));
    mem_free(mended);
    return string;
}

json_t *json_time(int64_t unix_us)
{
    char text[TEXT_TIME_BYTES];
    if (unix_us == 0)
        return json_null();
    text_rfc3339(unix_us, text);
    return json_string(text);
}

json_t *json_list(size_t count, json_t *(*item)(const void *context, size_t index),
                  const void *context)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < count && i < LIST_ENTRIES_MAX; i++) {
        if (json_array_append_new(list, item(context, i)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *json_range(const void *context, size_t index)
{
    struct ledger_range range = ((const struct ledger_set *)context)->ranges[index];
    return json_pack("{s:I, s:I}", "first", (json_int_t)range.first, "last",
                     (json_int_t)range.last);
}

json_t *json_ranges(const struct ledger_set *ranges)
{
    return json_list(ranges->count, json_range, ranges);
}

void json_short_list_init(struct json_short_list *list)
{
    *list = (struct json_short_list){.items = json_array()};
}

void json_short_list_release(struct json_short_list *list)
{
    json_decref(list->items);
    list->items = NULL;
}

bool json_short_list_takes(struct json_short_list *list, size_t text_bytes)
{
    return list_budget_take(&list->budget, text_bytes);
}

enum error_code json_short_list_append(struct json_short_list *list, json_t *object,
                                       struct error *error)
{
    return json_array_append_new(list->items, object) == 0 ? OK
                                                           : error_no_memory(error, "the report");
}

uint64_t json_left_out_of(uint64_t count)
{
    return count > LIST_ENTRIES_MAX ? count - LIST_ENTRIES_MAX : 0;
}

json_t *json_add_left_out(json_t *object, const struct json_left_out *lists, size_t list_count)
{
    json_t *counts = json_object();
    bool failed = object == NULL || counts == NULL;
    for (size_t i = 0; !failed && i < list_count; i++)
        failed = lists[i].count > 0 &&
                 json_object_set_new(counts, lists[i].list,
                                     json_integer((json_int_t)lists[i].count)) != 0;
    if (!failed && json_object_size(counts) > 0)
        failed = json_object_set(object, "not_listed", counts) != 0;
    json_decref(counts);
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

enum error_code json_print(json_t *object, bool indented, struct error *error)
{
    struct buffer text;
    buffer_init(&text);
    enum error_code code = json_text_dump(object, indented, &text, error);
    json_decref(object);
    if (code == OK && (fwrite(text.data, 1, text.size_bytes, stdout) != text.size_bytes ||
                       (!indented && putchar('\n') == EOF)))
        code = error_set(error, ERR_IO, "cannot write to standard output");
    buffer_release(&text);
    return code;
}
