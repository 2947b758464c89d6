// SPDX-License-Identifier: Apache-2.0
#include "support/arrow_validate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8

enum layout { LAYOUT_STRUCT, LAYOUT_FIXED, LAYOUT_OFFSETS };

/* How a format lies in memory. */
struct format {
    enum layout layout;
    bool is_index; /* an integer that may index a dictionary */
    bool is_signed;
    uint32_t width_bytes;
};

struct place {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    struct error *error;
};

static enum error_code invalid(const struct place *place, const char *what, ...) PRINTF_LIKE(2, 3);

static enum error_code invalid(const struct place *place, const char *what, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(text, sizeof text, what, arguments);
    va_end(arguments);
    const char *name = place->schema->name;
    return error_set(place->error, ERR_INVALID, "Arrow column \"%s\": %s", name == NULL ? "" : name,
                     text);
}

static bool parse_format(const char *text, struct format *format)
{
    static const struct {
        const char *name;
        struct format format;
    } known[] = {
        {"+s", {LAYOUT_STRUCT, false, false, 0}}, {"u", {LAYOUT_OFFSETS, false, false, 0}},
        {"z", {LAYOUT_OFFSETS, false, false, 0}}, {"c", {LAYOUT_FIXED, true, true, 1}},
        {"C", {LAYOUT_FIXED, true, false, 1}},    {"s", {LAYOUT_FIXED, true, true, 2}},
        {"S", {LAYOUT_FIXED, true, false, 2}},    {"i", {LAYOUT_FIXED, true, true, 4}},
        {"I", {LAYOUT_FIXED, true, false, 4}},    {"l", {LAYOUT_FIXED, true, true, 8}},
        {"L", {LAYOUT_FIXED, true, false, 8}},    {"f", {LAYOUT_FIXED, false, true, 4}},
        {"g", {LAYOUT_FIXED, false, true, 8}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, text) == 0) {
            *format = known[i].format;
            return true;
        }
    }
    *format = (struct format){.layout = LAYOUT_FIXED};
    if (strncmp(text, "ts", 2) == 0 && strchr("smun", text[2]) != NULL && text[2] != '\0') {
        format->width_bytes = 8;
        return text[3] == ':';
    }
    int precision, scale, end = 0;
    if (sscanf(text, "d:%d,%d%n", &precision, &scale, &end) == 2 && text[end] == '\0') {
        format->width_bytes = 16;
        return precision >= 1 && precision <= 38;
    }
    end = 0;
    if (sscanf(text, "w:%" SCNu32 "%n", &format->width_bytes, &end) == 1 && text[end] == '\0')
        return format->width_bytes > 0;
    return false;
}

static bool bit_is_set(const uint8_t *bitmap, int64_t at)
{
    return (bitmap[at >> 3] >> (at & 7) & 1) != 0;
}

static const uint8_t *validity_of(const struct ArrowArray *array)
{
    return array->n_buffers > 0 ? array->buffers[0] : NULL;
}

static enum error_code check_nulls(const struct place *place)
{
    const struct ArrowArray *array = place->array;
    const uint8_t *validity = validity_of(array);
    if (array->null_count < -1 || array->null_count > array->length)
        return invalid(place, "null_count %" PRId64 " of length %" PRId64, array->null_count,
                       array->length);
    int64_t nulls = 0;
    for (int64_t i = 0; i < array->length && validity != NULL; i++)
        nulls += !bit_is_set(validity, array->offset + i);
    if (array->null_count != -1 && array->null_count != nulls)
        return invalid(place, "null_count is %" PRId64 ", but %" PRId64 " values are null",
                       array->null_count, nulls);
    if (nulls != 0 && (place->schema->flags & ARROW_FLAG_NULLABLE) == 0)
        return invalid(place, "%" PRId64 " nulls, but it is not nullable", nulls);
    return OK;
}

static enum error_code check_structure(const struct place *place, const struct format *format)
{
    const struct ArrowArray *array = place->array;
    const int64_t buffers[] = {[LAYOUT_STRUCT] = 1, [LAYOUT_FIXED] = 2, [LAYOUT_OFFSETS] = 3};
    if (array->release == NULL)
        return invalid(place, "the array was released");
    if (array->length < 0 || array->offset < 0 || array->length > INT64_MAX - array->offset)
        return invalid(place, "length %" PRId64 ", offset %" PRId64, array->length, array->offset);
    if (array->n_buffers != buffers[format->layout])
        return invalid(place, "%" PRId64 " buffers, not %" PRId64, array->n_buffers,
                       buffers[format->layout]);
    if (array->n_children != place->schema->n_children)
        return invalid(place, "%" PRId64 " children, but the schema has %" PRId64,
                       array->n_children, place->schema->n_children);
    if ((array->dictionary == NULL) != (place->schema->dictionary == NULL))
        return invalid(place, "only one of array and schema has a dictionary");
    if (array->length > 0 && format->layout != LAYOUT_STRUCT && array->buffers[1] == NULL)
        return invalid(place, "the buffer of its values is missing");
    return OK;
}

static enum error_code check_offsets(const struct place *place)
{
    const struct ArrowArray *array = place->array;
    const int32_t *offsets = array->buffers[1];
    if (offsets == NULL)
        return OK;
    offsets += array->offset;
    if (offsets[0] < 0)
        return invalid(place, "the first offset is %" PRId32, offsets[0]);
    for (int64_t i = 0; i < array->length; i++)
        if (offsets[i + 1] < offsets[i])
            return invalid(place, "offsets fall from %" PRId32 " to %" PRId32 " in row %" PRId64,
                           offsets[i], offsets[i + 1], i);
    if (offsets[array->length] > 0 && array->buffers[2] == NULL)
        return invalid(place, "the buffer of its texts is missing");
    return OK;
}

/* Index `at` as a number; a negative one becomes too large. */
static uint64_t index_at(const void *indices, const struct format *format, int64_t at)
{
    const uint8_t *bytes = (const uint8_t *)indices + at * (int64_t)format->width_bytes;
    uint64_t value = 0;
    memcpy(&value, bytes, format->width_bytes);
    uint64_t sign = UINT64_C(1) << (8 * format->width_bytes - 1);
    return format->is_signed && (value & sign) != 0 ? UINT64_MAX : value;
}

static enum error_code check_indices(const struct place *place, const struct format *format)
{
    const struct ArrowArray *array = place->array;
    if (!format->is_index)
        return invalid(place, "indices of format \"%s\" into a dictionary", place->schema->format);
    const uint8_t *validity = validity_of(array);
    for (int64_t i = 0; i < array->length; i++) {
        if (validity != NULL && !bit_is_set(validity, array->offset + i))
            continue;
        uint64_t index = index_at(array->buffers[1], format, array->offset + i);
        if (index >= (uint64_t)array->dictionary->length)
            return invalid(place,
                           "index %" PRId64 " in row %" PRId64 " of a dictionary of %" PRId64,
                           (int64_t)index, i, array->dictionary->length);
    }
    return OK;
}

static enum error_code validate(const struct place *place, int depth);

static enum error_code check_children(const struct place *place, int depth)
{
    const struct ArrowArray *array = place->array;
    for (int64_t i = 0; i < array->n_children; i++) {
        struct place child = {place->schema->children[i], array->children[i], place->error};
        if (validate(&child, depth + 1) != OK)
            return ERR_INVALID;
        if (child.array->length < array->offset + array->length)
            return invalid(&child, "%" PRId64 " rows, but its struct has %" PRId64,
                           child.array->length, array->offset + array->length);
    }
    return OK;
}

static enum error_code validate(const struct place *place, int depth)
{
    struct format format;
    if (depth > DEPTH_MAX)
        return invalid(place, "nested too deep");
    if (place->schema->release == NULL)
        return invalid(place, "the schema was released");
    if (!parse_format(place->schema->format, &format))
        return invalid(place, "format \"%s\" is not supported", place->schema->format);
    if (check_structure(place, &format) != OK || check_nulls(place) != OK)
        return ERR_INVALID;
    if (format.layout == LAYOUT_STRUCT)
        return check_children(place, depth);
    if (place->array->n_children != 0)
        return invalid(place, "children in format \"%s\"", place->schema->format);
    if (format.layout == LAYOUT_OFFSETS && check_offsets(place) != OK)
        return ERR_INVALID;
    if (place->array->dictionary == NULL)
        return OK;
    struct place values = {place->schema->dictionary, place->array->dictionary, place->error};
    if (validate(&values, depth + 1) != OK)
        return ERR_INVALID;
    return check_indices(place, &format);
}

enum error_code arrow_validate(const struct ArrowSchema *schema, const struct ArrowArray *array,
                               struct error *error)
{
    return validate(&(struct place){schema, array, error}, 0);
}
