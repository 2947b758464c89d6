// SPDX-License-Identifier: Apache-2.0
#include "catalog/json_text.h"

#include "util/memory.h"

enum error_code json_text_parse(struct bytes_view text, const char *path, json_t **object,
                                struct error *error)
{
    json_error_t problem;
    *object =
        json_loadb((const char *)text.data, text.size_bytes, JSON_REJECT_DUPLICATES, &problem);
    if (*object == NULL && json_error_code(&problem) == json_error_out_of_memory)
        return error_no_memory(error, path);
    if (*object == NULL)
        return error_set(error, ERR_CORRUPT, "%s is damaged: line %d: %s", path, problem.line,
                         problem.text);
    if (!json_is_object(*object)) {
        json_decref(*object);
        *object = NULL;
        return error_set(error, ERR_CORRUPT, "%s is damaged: it is not a JSON object", path);
    }
    return OK;
}

static int append_piece(const char *piece, size_t size_bytes, void *context)
{
    return buffer_append(context, piece, size_bytes) == OK ? 0 : -1;
}

enum error_code json_text_dump(const json_t *value, bool indented, struct buffer *out,
                               struct error *error)
{
    size_t flags = indented ? JSON_INDENT(2) : JSON_COMPACT;
    if (value == NULL || json_dump_callback(value, append_piece, out, flags) != 0 ||
        (indented && buffer_append_byte(out, '\n') != OK))
        return error_no_memory(error, "a JSON text");
    return OK;
}

json_t *json_text_ranges(const struct catalog_range *ranges, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < count; i++) {
        json_t *pair = json_pack("[I, I]", (json_int_t)ranges[i].first, (json_int_t)ranges[i].last);
        if (pair == NULL || json_array_append_new(array, pair) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool get_range(const json_t *pair, struct catalog_range *range)
{
    json_int_t first = json_integer_value(json_array_get(pair, 0));
    json_int_t last = json_integer_value(json_array_get(pair, 1));
    if (json_array_size(pair) != 2 || !json_is_integer(json_array_get(pair, 0)) ||
        !json_is_integer(json_array_get(pair, 1)) || first < 0 || last < first || last > UINT32_MAX)
        return false;
    *range = (struct catalog_range){(uint32_t)first, (uint32_t)last};
    return true;
}

enum error_code json_text_get_ranges(const json_t *object, const char *key,
                                     struct catalog_range **ranges, size_t *count, const char *path,
                                     struct error *error)
{
    const json_t *array = json_object_get(object, key);
    *ranges = NULL;
    *count = 0;
    if (!json_is_array(array))
        return error_set(error, ERR_CORRUPT, "%s is damaged: \"%s\" is not an array", path, key);
    *ranges = mem_alloc(json_array_size(array) * sizeof **ranges);
    if (*ranges == NULL)
        return error_no_memory(error, path);
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!get_range(json_array_get(array, i), &(*ranges)[i])) {
            mem_free(*ranges);
            *ranges = NULL;
            return error_set(error, ERR_CORRUPT, "%s is damaged: \"%s\"[%zu] is not a range", path,
                             key, i);
        }
    *count = json_array_size(array);
    return OK;
}
