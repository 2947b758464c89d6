// SPDX-License-Identifier: Apache-2.0
#include "util/ledger_text.h"

#include <ctype.h>
#include <string.h>

/* Digits of the whole part; `_` only between digits. */
static bool take_whole(const char **at, uint64_t *value)
{
    if (!isdigit((unsigned char)**at))
        return false;
    *value = 0;
    for (;; (*at)++) {
        if (**at == '_' && isdigit((unsigned char)(*at)[1]))
            continue;
        if (!isdigit((unsigned char)**at))
            return true;
        *value = *value * 10 + (uint64_t)(**at - '0');
        if (*value > UINT32_MAX)
            return false;
    }
}

/* ".5" in units of one; false if a digit stands for less than one ledger. */
static bool take_fraction(const char **at, uint64_t unit, uint64_t *value)
{
    if (**at != '.')
        return true;
    (*at)++;
    if (!isdigit((unsigned char)**at))
        return false;
    for (; isdigit((unsigned char)**at); (*at)++) {
        if (unit % 10 != 0)
            return **at == '0';
        unit /= 10;
        *value += (uint64_t)(**at - '0') * unit;
    }
    return true;
}

static uint64_t unit_of(char letter)
{
    switch (letter) {
    case 'k':
    case 'K': return 1000;
    case 'm':
    case 'M': return 1000000;
    default: return 1;
    }
}

bool ledger_parse(const char *text, uint32_t *ledger)
{
    const char *at = text;
    uint64_t value;
    size_t length = strlen(text);
    uint64_t unit = length > 1 ? unit_of(text[length - 1]) : 1;
    if (!take_whole(&at, &value))
        return false;
    value *= unit;
    if (!take_fraction(&at, unit, &value))
        return false;
    if (unit != 1)
        at++;
    if (*at != '\0' || value > UINT32_MAX)
        return false;
    *ledger = (uint32_t)value;
    return true;
}

static enum error_code bad_ledger(struct error *error, const char *text)
{
    return error_set(error, ERR_INVALID,
                     "\"%s\" is not a ledger number: write digits, such as 16000000, 16_000_000 "
                     "or 16M",
                     text);
}

/* START:END, START:+COUNT and START: */
static enum error_code parse_colon(const char *text, const char *colon,
                                   struct ledger_request *request, struct error *error)
{
    char start[32];
    size_t start_bytes = (size_t)(colon - text);
    if (start_bytes == 0 || start_bytes >= sizeof start)
        return error_set(error, ERR_INVALID,
                         "\"%s\" has no start: write START:END, START:+COUNT or START:", text);
    memcpy(start, text, start_bytes);
    start[start_bytes] = '\0';
    if (!ledger_parse(start, &request->start))
        return bad_ledger(error, start);
    const char *end = colon + 1;
    request->end_is_given = true;
    request->end = 0;
    if (*end == '\0')
        return OK;
    uint32_t number;
    if (!ledger_parse(*end == '+' ? end + 1 : end, &number))
        return bad_ledger(error, end);
    if (*end != '+') {
        request->end = number;
        return OK;
    }
    if (number == 0 || number - 1 > UINT32_MAX - request->start)
        return error_set(error, ERR_INVALID,
                         "\"%s\" is not a range: the count must be at least 1 and end below "
                         "ledger 4294967296",
                         text);
    request->end = request->start + (number - 1);
    return OK;
}

enum error_code ledger_request_parse(const char *const *arguments, size_t argument_count,
                                     struct ledger_request *request, struct error *error)
{
    *request = (struct ledger_request){.start = 0};
    if (argument_count == 0 || argument_count > 2)
        return error_set(error, ERR_INVALID,
                         "%zu arguments where START END or START:END is expected", argument_count);
    const char *colon = strchr(arguments[0], ':');
    if (colon != NULL) {
        if (argument_count == 2)
            return error_set(error, ERR_INVALID,
                             "\"%s\" after the range \"%s\": write START:END or START END",
                             arguments[1], arguments[0]);
        return parse_colon(arguments[0], colon, request, error);
    }
    if (!ledger_parse(arguments[0], &request->start))
        return bad_ledger(error, arguments[0]);
    if (argument_count == 1)
        return OK;
    request->end_is_given = true;
    if (!ledger_parse(arguments[1], &request->end))
        return bad_ledger(error, arguments[1]);
    return OK;
}
