// SPDX-License-Identifier: Apache-2.0
#include "util/json_text.h"

#include <string.h>

#include "util/memory.h"
#include "util/words.h"

/* A parse in progress on this thread. jansson overlooks it when some of its allocations fail. So
 * the first one that fails is served from `reserve`, and the input ends there: until jansson asks
 * for the next byte it makes no other allocation whose failure it would overlook. */
struct json_parse {
    struct bytes_view text;
    size_t at;
    void *reserve;
    size_t reserve_bytes;
    bool failed; /* an allocation did */
};
static _Thread_local struct json_parse *parse_in_progress;

/* The parser keeps a token in a buffer that doubles. */
#define RESERVE_LEAST_BYTES 4096

static void *allocate(size_t size_bytes)
{
    struct json_parse *parse = parse_in_progress;
    void *pointer = mem_alloc(size_bytes);
    if (pointer != NULL || parse == NULL || parse->failed)
        return pointer;
    parse->failed = true;
    return size_bytes <= parse->reserve_bytes ? parse->reserve : NULL;
}

static void release(void *pointer)
{
    if (parse_in_progress == NULL || pointer != parse_in_progress->reserve)
        mem_free(pointer);
}

void json_text_use_our_memory(void)
{
    json_set_alloc_funcs(allocate, release);
}

/* Byte by byte, so that the end takes effect at once. */
static size_t next_byte(void *buffer, size_t buffer_bytes, void *context)
{
    struct json_parse *parse = context;
    (void)buffer_bytes;
    if (parse->failed || parse->at == parse->text.size_bytes)
        return 0;
    memcpy(buffer, parse->text.data + parse->at++, 1);
    return 1;
}

enum error_code json_text_load(struct bytes_view text, size_t flags, json_t **value,
                               json_error_t *problem)
{
    struct json_parse parse = {.text = text,
                               .reserve_bytes = 2 * text.size_bytes + RESERVE_LEAST_BYTES};
    *value = NULL;
    parse.reserve = mem_alloc(parse.reserve_bytes);
    if (parse.reserve == NULL)
        return ERR_NO_MEMORY;
    parse_in_progress = &parse;
    *value = json_load_callback(next_byte, &parse, flags, problem);
    if (parse.failed) {
        json_decref(*value);
        *value = NULL;
    }
    parse_in_progress = NULL;
    mem_free(parse.reserve);
    if (parse.failed)
        return ERR_NO_MEMORY;
    return *value == NULL ? ERR_CORRUPT : OK;
}

enum error_code json_text_parse(struct bytes_view text, const char *path, json_t **object,
                                struct error *error)
{
    json_error_t problem;
    enum error_code code = json_text_load(text, JSON_REJECT_DUPLICATES, object, &problem);
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, path);
    if (code != OK)
        return error_set(error, ERR_CORRUPT, "%s is damaged: line %d: %s", path, problem.line,
                         problem.text);
    if (!json_is_object(*object)) {
        json_decref(*object);
        *object = NULL;
        return error_set(error, ERR_CORRUPT, "%s is damaged: it is not a JSON object", path);
    }
    return OK;
}

/* jansson does not look at the result of every piece. After one was lost no other may be written,
 * or the text would skip it. */
struct dump {
    struct buffer *out;
    bool failed;
};

static int append_piece(const char *piece, size_t size_bytes, void *context)
{
    struct dump *dump = context;
    if (!dump->failed && words_append_json(dump->out, bytes_view_of(piece, size_bytes)) != OK)
        dump->failed = true;
    return dump->failed ? -1 : 0;
}

enum error_code json_text_dump(const json_t *value, bool indented, struct buffer *out,
                               struct error *error)
{
    struct dump dump = {.out = out};
    size_t flags = indented ? JSON_INDENT(2) : JSON_COMPACT;
    if (value == NULL || json_dump_callback(value, append_piece, &dump, flags) != 0 ||
        dump.failed || (indented && buffer_append_byte(out, '\n') != OK))
        return error_no_memory(error, "a JSON text");
    return OK;
}

json_t *json_text_ranges(const struct ledger_range *ranges, size_t count)
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

static bool get_range(const json_t *pair, struct ledger_range *range)
{
    json_int_t first = json_integer_value(json_array_get(pair, 0));
    json_int_t last = json_integer_value(json_array_get(pair, 1));
    if (json_array_size(pair) != 2 || !json_is_integer(json_array_get(pair, 0)) ||
        !json_is_integer(json_array_get(pair, 1)) || first < 0 || last < first || last > UINT32_MAX)
        return false;
    *range = (struct ledger_range){(uint32_t)first, (uint32_t)last};
    return true;
}

enum error_code json_text_get_ranges(const json_t *object, const char *key, struct ledger_set *list,
                                     const char *path, struct error *error)
{
    const json_t *array = json_object_get(object, key);
    struct ledger_range range = {0};
    if (!json_is_array(array))
        return error_set(error, ERR_CORRUPT, "%s is damaged: \"%s\" is not an array", path, key);
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < json_array_size(array); i++)
        code = get_range(json_array_get(array, i), &range)
                   ? ledger_set_append(list, range, error)
                   : error_set(error, ERR_CORRUPT, "%s is damaged: \"%s\"[%zu] is not a range",
                               path, key, i);
    return code;
}
