// SPDX-License-Identifier: Apache-2.0
#include "catalog/column_value.h"

#include <stdint.h>
#include <string.h>

#include "util/bytes.h"
#include "util/text.h"

/* An integer of at most 38 digits with an optional sign. */
static bool parse_integer(const char *text, __int128 *value)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    size_t digits = strlen(text);
    if (digits == 0 || digits > 38 || strspn(text, "0123456789") != digits)
        return false;
    *value = 0;
    for (; *text != '\0'; text++)
        *value = *value * 10 + (*text - '0');
    if (negative)
        *value = -*value;
    return true;
}

static bool is_integer_type(const char *type)
{
    static const char *const names[] = {"int8",   "int16",  "int32",  "int64", "uint8",
                                        "uint16", "uint32", "uint64", "int128"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(type, names[i]) == 0)
            return true;
    size_t length = strlen(type);
    return strncmp(type, "decimal(", 8) == 0 && length > 3 && strcmp(type + length - 3, ",0)") == 0;
}

bool column_value_compare(const char *type, const char *a, const char *b, int *order)
{
    if (is_integer_type(type)) {
        __int128 left, right;
        if (!parse_integer(a, &left) || !parse_integer(b, &right))
            return false;
        *order = (left > right) - (left < right);
        return true;
    }
    if (strcmp(type, "timestamptz") == 0) {
        int64_t left, right;
        if (!text_parse_rfc3339(bytes_view_text(a), &left) ||
            !text_parse_rfc3339(bytes_view_text(b), &right))
            return false;
        *order = (left > right) - (left < right);
        return true;
    }
    *order = bytes_compare(bytes_view_text(a), bytes_view_text(b));
    return true;
}
