// SPDX-License-Identifier: Apache-2.0
#include "config/option_value.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/option_table.h"
#include "util/ledger_text.h"
#include "util/json_text.h"
#include "grpc/call.h"
#include "source/credentials.h"
#include "util/text.h"

#define SHOWN_BYTES 200 /* of a bad value in a message */
#define LIST_BYTES  256

static size_t choice_count(const char *const *choices)
{
    size_t count = 0;
    while (choices[count] != NULL)
        count++;
    return count;
}

/* "none, snappy or gzip" */
static void list_choices(const char *const *choices, char out[LIST_BYTES])
{
    size_t count = choice_count(choices);
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && at < LIST_BYTES; i++)
        at += (size_t)snprintf(out + at, LIST_BYTES - at, "%s%s",
                               i == 0           ? ""
                               : i + 1 == count ? " or "
                                                : ", ",
                               choices[i]);
}

static int choice_index(const char *const *choices, const char *text)
{
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0)
            return i;
    }
    return -1;
}

static enum error_code bad_choice(const struct option *option, const char *text,
                                  struct error *error)
{
    char list[LIST_BYTES];
    list_choices(option->choices, list);
    const char *nearest = nearest_name(text, option->choices, choice_count(option->choices));
    return error_set(error, ERR_INVALID, "\"%.*s\" is not one of %s%s%s%s", SHOWN_BYTES, text, list,
                     nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "?" : "");
}

static enum error_code parse_text(struct options *options, const struct option *option,
                                  const char *text, void *place, struct error *error)
{
    if (option->choices != NULL && choice_index(option->choices, text) < 0)
        return bad_choice(option, text, error);
    const char *copy = arena_copy_text(&options->arena, bytes_view_text(text));
    if (copy == NULL)
        return error_no_memory(error, "an option");
    memcpy(place, &copy, sizeof copy);
    return OK;
}

static enum error_code parse_number(const struct option *option, const char *text, void *place,
                                    struct error *error)
{
    uint32_t number;
    if (!text_parse_u32(bytes_view_text(text), &number) || (int64_t)number < option->min ||
        (int64_t)number > option->max)
        return error_set(error, ERR_INVALID,
                         "\"%.*s\" is not a whole number from %" PRId64 " to %" PRId64, SHOWN_BYTES,
                         text, option->min, option->max);
    memcpy(place, &number, sizeof number);
    return OK;
}

static enum error_code parse_size(const struct option *option, const char *text, void *place,
                                  struct error *error)
{
    uint64_t size_bytes;
    if (!text_parse_size(bytes_view_text(text), &size_bytes))
        return error_set(error, ERR_INVALID,
                         "\"%.*s\" is not a size: write a number of bytes or one with KiB, MiB or "
                         "GiB, such as 128MiB",
                         SHOWN_BYTES, text);
    if (size_bytes < (uint64_t)option->min || size_bytes > (uint64_t)option->max) {
        char low[TEXT_TIME_BYTES];
        char high[TEXT_TIME_BYTES];
        text_size((uint64_t)option->min, low);
        text_size((uint64_t)option->max, high);
        return error_set(error, ERR_INVALID, "\"%.*s\" is not between %s and %s", SHOWN_BYTES, text,
                         low, high);
    }
    memcpy(place, &size_bytes, sizeof size_bytes);
    return OK;
}

static enum error_code parse_duration(const struct option *option, const char *text, void *place,
                                      struct error *error)
{
    int64_t duration_us = 0;
    if (text[0] == '\0' && option->default_text[0] == '\0') {
        memcpy(place, &duration_us, sizeof duration_us);
        return OK;
    }
    if (!text_parse_duration(bytes_view_text(text), &duration_us))
        return error_set(error, ERR_INVALID,
                         "\"%.*s\" is not a duration: write a number with its unit, such as 250ms, "
                         "30s or 1h",
                         SHOWN_BYTES, text);
    if (duration_us < option->min || duration_us > option->max) {
        char low[TEXT_TIME_BYTES];
        char high[TEXT_TIME_BYTES];
        text_duration(option->min, low);
        text_duration(option->max, high);
        return error_set(error, ERR_INVALID, "\"%.*s\" is not between %s and %s", SHOWN_BYTES, text,
                         low, high);
    }
    memcpy(place, &duration_us, sizeof duration_us);
    return OK;
}

static enum error_code parse_boolean(const char *text, void *place, struct error *error)
{
    bool value = strcmp(text, "true") == 0;
    if (!value && strcmp(text, "false") != 0)
        return error_set(error, ERR_INVALID, "\"%.*s\" is neither true nor false", SHOWN_BYTES,
                         text);
    memcpy(place, &value, sizeof value);
    return OK;
}

static enum error_code parse_ledger(const char *text, void *place, struct error *error)
{
    uint32_t ledger;
    if (!ledger_parse(text, &ledger))
        return error_set(error, ERR_INVALID,
                         "\"%.*s\" is not a ledger number: write digits up to 4294967295, such as "
                         "16000000, or 16M",
                         SHOWN_BYTES, text);
    memcpy(place, &ledger, sizeof ledger);
    return OK;
}

/* `env:NAME`, `file:PATH` or the value itself. */
static enum error_code resolve_header(struct arena *arena, struct option_header *header,
                                      struct error *error)
{
    header->value = header->source;
    if (!credential_is_reference(header->source))
        return OK;
    char *value = NULL;
    enum error_code code = credential_read(header->source, CREDENTIAL_TIMEOUT_US, &value,
                                           &header->can_be_read_again, error);
    if (code != OK)
        return error_prefix(error, code, "\"%s\": ", header->name);
    header->value = arena_copy_text(arena, bytes_view_text(value));
    credential_free(value);
    return header->value != NULL ? OK : error_no_memory(error, "a header");
}

static enum error_code parse_header(struct arena *arena, const char *name, const json_t *json,
                                    struct option_header *header, struct error *error)
{
    *header = (struct option_header){.name = arena_copy_text(arena, bytes_view_text(name))};
    if (!json_is_string(json))
        return error_set(error, ERR_INVALID, "\"%.*s\": the value must be a text in double quotes",
                         SHOWN_BYTES, name);
    header->source = arena_copy_text(arena, bytes_view_text(json_string_value(json)));
    if (header->name == NULL || header->source == NULL)
        return error_no_memory(error, "a header");
    enum error_code code = resolve_header(arena, header, error);
    if (code != OK)
        return code;
    const struct http_header sent = {header->name, header->value};
    return grpc_metadata_check(&sent, 1, error);
}

static enum error_code parse_headers(struct options *options, const char *text, void *place,
                                     struct error *error)
{
    json_error_t where;
    json_t *object;
    enum error_code code =
        json_text_load(bytes_view_text(text), JSON_REJECT_DUPLICATES, &object, &where);
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, "headers");
    if (!json_is_object(object)) {
        json_decref(object);
        return error_set(error, ERR_INVALID,
                         "it must be a JSON object of texts, such as {\"authorization\": "
                         "\"env:TTP_TOKEN\"}");
    }
    if (json_object_size(object) > GRPC_MAX_METADATA) {
        json_decref(object);
        return error_set(error, ERR_INVALID, "more than %d headers can't be sent",
                         GRPC_MAX_METADATA);
    }
    struct option_headers headers = {.count = 0};
    headers.items =
        arena_alloc(&options->arena, (json_object_size(object) + 1) * sizeof headers.items[0]);
    if (headers.items == NULL)
        code = error_no_memory(error, "headers");
    const char *name;
    json_t *value;
    if (code == OK) {
        json_object_foreach(object, name, value)
        {
            code = parse_header(&options->arena, name, value, &headers.items[headers.count], error);
            if (code != OK)
                break;
            headers.count++;
        }
    }
    if (code == OK)
        memcpy(place, &headers, sizeof headers);
    json_decref(object);
    return code;
}

static enum error_code parse_by_kind(struct options *options, const struct option *option,
                                     const char *text, struct error *error)
{
    void *place = (char *)options + option->offset;
    switch (option->kind) {
    case OPTION_TEXT: return parse_text(options, option, text, place, error);
    case OPTION_CHOICE: {
        int index = choice_index(option->choices, text);
        if (index < 0)
            return bad_choice(option, text, error);
        memcpy(place, &index, sizeof index);
        return OK;
    }
    case OPTION_BOOLEAN: return parse_boolean(text, place, error);
    case OPTION_LEDGER: return parse_ledger(text, place, error);
    case OPTION_NUMBER: return parse_number(option, text, place, error);
    case OPTION_SIZE: return parse_size(option, text, place, error);
    case OPTION_DURATION: return parse_duration(option, text, place, error);
    case OPTION_HEADERS: return parse_headers(options, text, place, error);
    }
    assert(!"an option of no kind");
    return ERR_INVALID;
}

enum error_code option_parse(struct options *options, int index, const char *text,
                             struct error *error)
{
    enum error_code code = parse_by_kind(options, &option_table[index], text, error);
    if (code != OK)
        return code;
    options->texts[index] = arena_copy_text(&options->arena, bytes_view_text(text));
    return options->texts[index] != NULL ? OK : error_no_memory(error, "an option");
}

/* {"name": "env:TOKEN"}, and literal values hidden: they are secrets as a rule. */
static void headers_text(const struct option_headers *headers, char out[OPTION_VALUE_BYTES])
{
    size_t at = (size_t)snprintf(out, OPTION_VALUE_BYTES, "{");
    for (size_t i = 0; i < headers->count && at < OPTION_VALUE_BYTES; i++) {
        const struct option_header *header = &headers->items[i];
        bool is_reference = header->value != header->source;
        at += (size_t)snprintf(out + at, OPTION_VALUE_BYTES - at, "%s\"%s\": \"%s\"",
                               i == 0 ? "" : ", ", header->name,
                               is_reference ? header->source : "(hidden)");
    }
    if (at < OPTION_VALUE_BYTES)
        snprintf(out + at, OPTION_VALUE_BYTES - at, "}");
}

void option_value_text(const struct options *options, int index, char out[OPTION_VALUE_BYTES])
{
    const struct option *option = &option_table[index];
    const void *place = (const char *)options + option->offset;
    switch (option->kind) {
    case OPTION_TEXT: snprintf(out, OPTION_VALUE_BYTES, "%s", *(const char *const *)place); break;
    case OPTION_CHOICE:
        snprintf(out, OPTION_VALUE_BYTES, "%s", option->choices[*(const int *)place]);
        break;
    case OPTION_BOOLEAN:
        snprintf(out, OPTION_VALUE_BYTES, "%s", *(const bool *)place ? "true" : "false");
        break;
    case OPTION_LEDGER:
    case OPTION_NUMBER:
        snprintf(out, OPTION_VALUE_BYTES, "%" PRIu32, *(const uint32_t *)place);
        break;
    case OPTION_SIZE:
        snprintf(out, OPTION_VALUE_BYTES, "%" PRIu64, *(const uint64_t *)place);
        break;
    case OPTION_DURATION: {
        char text[TEXT_TIME_BYTES] = "";
        if (*(const int64_t *)place != 0 || option->default_text[0] != '\0')
            text_duration(*(const int64_t *)place, text);
        snprintf(out, OPTION_VALUE_BYTES, "%s", text);
        break;
    }
    case OPTION_HEADERS: headers_text(place, out); break;
    }
}

void options_place(const struct options *options, int index, char out[OPTION_PLACE_BYTES])
{
    const struct option *option = &option_table[index];
    const struct option_origin *origin = &options->origins[index];
    switch (origin->kind) {
    case ORIGIN_FLAG:
    case ORIGIN_ENVIRONMENT: snprintf(out, OPTION_PLACE_BYTES, "%.500s", origin->name); break;
    case ORIGIN_FILE:
        if (origin->line != 0)
            snprintf(out, OPTION_PLACE_BYTES, "%.300s:%u: %s.%s", origin->name, origin->line,
                     option->section, option->key);
        else
            snprintf(out, OPTION_PLACE_BYTES, "%.300s: %s.%s", origin->name, option->section,
                     option->key);
        break;
    case ORIGIN_DEFAULT:
        snprintf(out, OPTION_PLACE_BYTES, "%s.%s (default)", option->section, option->key);
        break;
    }
}
