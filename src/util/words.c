// SPDX-License-Identifier: Apache-2.0
#include "util/words.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

struct range {
    uint32_t first, last;
};

/* What shows as nothing (Unicode 15.0): the controls C0, DEL and C1; line and paragraph separator;
 * the format characters (Cf) that have no shape of their own; the fillers. */
static const struct range hidden[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x061c, 0x061c},
    {0x115f, 0x1160}, {0x180e, 0x180e},   {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f}, {0x3164, 0x3164},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
    {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static bool is_hidden(uint32_t code_point)
{
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (code_point <= hidden[i].last)
            return code_point >= hidden[i].first;
    return false;
}

/* Of a well-formed sequence. */
static uint32_t decode(const uint8_t *at, size_t size)
{
    uint32_t code_point = size == 1 ? at[0] : at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++)
        code_point = code_point << 6 | (at[i] & 0x3fu);
    return code_point;
}

struct words_piece words_first(struct bytes_view text)
{
    bool good;
    assert(text.size_bytes != 0);
    struct words_piece piece = {.kind = WORDS_BROKEN};
    piece.size_bytes = utf8_subpart_size(text.data, text.size_bytes, &good);
    if (!good)
        return piece;
    piece.code_point = decode(text.data, piece.size_bytes);
    piece.kind = is_hidden(piece.code_point) ? WORDS_HIDDEN : WORDS_PLAIN;
    return piece;
}

struct words_piece words_next(struct bytes_view text)
{
    struct words_piece whole = words_first(text);
    while (whole.kind == WORDS_PLAIN && whole.size_bytes < text.size_bytes) {
        struct words_piece next = words_first(
            bytes_view_of(text.data + whole.size_bytes, text.size_bytes - whole.size_bytes));
        if (next.kind != WORDS_PLAIN)
            break;
        whole.size_bytes += next.size_bytes;
    }
    return whole;
}

bool words_are_plain(struct bytes_view text)
{
    if (text.size_bytes == 0)
        return true;
    struct words_piece piece = words_next(text);
    return piece.kind == WORDS_PLAIN && piece.size_bytes == text.size_bytes;
}

void words_clean(char *text)
{
    char *out = text;
    for (struct bytes_view rest = bytes_view_text(text); rest.size_bytes != 0;) {
        struct words_piece piece = words_next(rest);
        if (piece.kind == WORDS_PLAIN) {
            memmove(out, rest.data, piece.size_bytes);
            out += piece.size_bytes;
        } else {
            *out++ = '?';
        }
        rest = bytes_view_of(rest.data + piece.size_bytes, rest.size_bytes - piece.size_bytes);
    }
    *out = '\0';
}

/* One conversion of a format, such as %-14.*s. */
struct conversion {
    char text[32]; /* with '*' replaced by its number; the end is the letter */
    size_t size_bytes;
    char length[3]; /* "", "l", "ll", … */
    char letter;
    int width, precision; /* -1: none */
    bool left;
};

static void copy_character(struct conversion *conversion, char character)
{
    assert(conversion->size_bytes + 1 < sizeof conversion->text);
    conversion->text[conversion->size_bytes++] = character;
    conversion->text[conversion->size_bytes] = '\0';
}

/* A number in the format, or '*': the argument `given`. */
static const char *read_number(struct conversion *conversion, const char *at, int *number,
                               int given)
{
    char digits[16];
    *number = 0;
    if (*at == '*') {
        *number = given;
        at++;
    } else {
        while (*at >= '0' && *at <= '9')
            *number = *number * 10 + (*at++ - '0');
    }
    snprintf(digits, sizeof digits, "%d", *number);
    for (const char *digit = digits; *digit != '\0'; digit++)
        copy_character(conversion, *digit);
    return at;
}

/* `at` stands behind the '%'. Takes the arguments of '*'. */
static const char *read_conversion(struct conversion *conversion, const char *at,
                                   va_list *arguments)
{
    *conversion = (struct conversion){.width = -1, .precision = -1};
    copy_character(conversion, '%');
    for (; *at != '\0' && strchr("-+ #0", *at) != NULL; at++) {
        conversion->left |= *at == '-';
        copy_character(conversion, *at);
    }
    if (*at == '*' || (*at >= '1' && *at <= '9'))
        at = read_number(conversion, at, &conversion->width,
                         *at == '*' ? va_arg(*arguments, int) : 0);
    if (*at == '.') {
        copy_character(conversion, *at++);
        at = read_number(conversion, at, &conversion->precision,
                         *at == '*' ? va_arg(*arguments, int) : 0);
    }
    for (size_t i = 0; *at != '\0' && strchr("hlzjt", *at) != NULL && i < 2; i++) {
        conversion->length[i] = *at;
        copy_character(conversion, *at++);
    }
    conversion->letter = *at;
    copy_character(conversion, *at);
    return at + 1;
}

struct output {
    words_sink *sink;
    void *context;
};

static void put(const struct output *output, const char *text, size_t size_bytes)
{
    if (size_bytes != 0)
        output->sink(output->context, text, size_bytes);
}

static void put_cleaned(const struct output *output, struct bytes_view text)
{
    while (text.size_bytes != 0) {
        struct words_piece piece = words_next(text);
        if (piece.kind == WORDS_PLAIN)
            put(output, (const char *)text.data, piece.size_bytes);
        else
            put(output, "?", 1);
        text = bytes_view_of(text.data + piece.size_bytes, text.size_bytes - piece.size_bytes);
    }
}

static void put_padding(const struct output *output, const struct conversion *conversion,
                        size_t size_bytes)
{
    for (size_t i = size_bytes; conversion->width > 0 && i < (size_t)conversion->width; i++)
        put(output, " ", 1);
}

static void put_words(const struct output *output, const struct conversion *conversion,
                      const char *words)
{
    if (words == NULL)
        words = "(null)";
    size_t size_bytes =
        conversion->precision < 0 ? strlen(words) : strnlen(words, (size_t)conversion->precision);
    if (!conversion->left)
        put_padding(output, conversion, size_bytes);
    put_cleaned(output, bytes_view_of(words, size_bytes));
    if (conversion->left)
        put_padding(output, conversion, size_bytes);
}

/* Takes the argument that a conversion has written from a copy of the list. */
static void skip_integer(const struct conversion *conversion, va_list *arguments)
{
    const char *length = conversion->length;
    if (strcmp(length, "ll") == 0)
        (void)va_arg(*arguments, long long);
    else if (length[0] == 'l')
        (void)va_arg(*arguments, long);
    else if (length[0] == 'z')
        (void)va_arg(*arguments, size_t);
    else if (length[0] == 'j')
        (void)va_arg(*arguments, intmax_t);
    else if (length[0] == 't')
        (void)va_arg(*arguments, ptrdiff_t);
    else
        (void)va_arg(*arguments, int);
}

/* Digits, a sign, a point: they need no cleaning. */
static void put_number(const struct output *output, const struct conversion *conversion,
                       va_list *arguments, bool is_real)
{
    char text[512]; /* %f of the largest double has 309 digits */
    va_list copy;
    va_copy(copy, *arguments);
/* The compiler has checked the format where it stands: words_format's callers are PRINTF_LIKE. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int size = vsnprintf(text, sizeof text, conversion->text, copy);
#pragma GCC diagnostic pop
    va_end(copy);
    if (is_real)
        (void)va_arg(*arguments, double);
    else
        skip_integer(conversion, arguments);
    put(output, text, size < 0 ? 0 : (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

static void put_conversion(const struct output *output, const struct conversion *conversion,
                           va_list *arguments)
{
    switch (conversion->letter) {
    case '%': put(output, "%", 1); break;
    case 's': put_words(output, conversion, va_arg(*arguments, const char *)); break;
    case 'c': {
        const char text[2] = {(char)va_arg(*arguments, int), '\0'};
        put_words(output, conversion, text);
        break;
    }
    case 'f':
    case 'g':
    case 'e': put_number(output, conversion, arguments, true); break;
    default:
        assert(strchr("diuxXo", conversion->letter) != NULL && conversion->letter != '\0');
        put_number(output, conversion, arguments, false);
        break;
    }
}

void words_format(words_sink *sink, void *context, const char *format, va_list arguments)
{
    const struct output output = {sink, context};
    va_list own;
    va_copy(own, arguments);
    for (;;) {
        const char *percent = strchr(format, '%');
        if (percent == NULL)
            break;
        struct conversion conversion;
        put(&output, format, (size_t)(percent - format));
        format = read_conversion(&conversion, percent + 1, &own);
        put_conversion(&output, &conversion, &own);
    }
    put(&output, format, strlen(format));
    va_end(own);
}

struct appended {
    struct buffer *out;
    enum error_code code;
};

static void append_piece(void *context, const char *text, size_t size_bytes)
{
    struct appended *appended = context;
    if (appended->code == OK)
        appended->code = buffer_append(appended->out, text, size_bytes);
}

enum error_code words_append(struct buffer *out, const char *format, ...)
{
    struct appended appended = {out, OK};
    va_list arguments;
    va_start(arguments, format);
    words_format(append_piece, &appended, format, arguments);
    va_end(arguments);
    return appended.code;
}

size_t words_json_escape(uint32_t code_point, char out[WORDS_JSON_ESCAPE_BYTES])
{
    int size;
    if (code_point < 0x10000)
        size = snprintf(out, WORDS_JSON_ESCAPE_BYTES, "\\u%04x", code_point);
    else
        size = snprintf(out, WORDS_JSON_ESCAPE_BYTES, "\\u%04x\\u%04x",
                        0xd800 + ((code_point - 0x10000) >> 10 & 0x3ff),
                        0xdc00 + ((code_point - 0x10000) & 0x3ff));
    return (size_t)size;
}

enum error_code words_append_json(struct buffer *out, struct bytes_view json)
{
    enum error_code code = OK;
    while (code == OK && json.size_bytes != 0) {
        struct words_piece piece = words_next(json);
        bool is_character = piece.kind == WORDS_HIDDEN && piece.code_point != '\n';
        char escape[WORDS_JSON_ESCAPE_BYTES];
        if (is_character)
            code = buffer_append(out, escape, words_json_escape(piece.code_point, escape));
        else
            code = buffer_append(out, json.data, piece.size_bytes);
        json = bytes_view_of(json.data + piece.size_bytes, json.size_bytes - piece.size_bytes);
    }
    return code;
}
