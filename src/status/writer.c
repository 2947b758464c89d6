// SPDX-License-Identifier: Apache-2.0
#include "status/writer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/bytes.h"
#include "util/text.h"
#include "util/words.h"

/* A formatted piece is at most this long: numbers, names and the markup around them. */
#define PIECE_BYTES 1024

static void append(struct writer *writer, const void *data, size_t size_bytes)
{
    if (writer->code == OK)
        writer->code = buffer_append(writer->out, data, size_bytes);
}

void writer_text(struct writer *writer, const char *text)
{
    append(writer, text, strlen(text));
}

void writer_format(struct writer *writer, const char *format, ...)
{
    char piece[PIECE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    assert(length >= 0 && (size_t)length < sizeof(piece));
    append(writer, piece, (size_t)length);
}

/* What stands for a byte of plain text; NULL: the byte itself. */
typedef const char *escape_function(uint8_t byte);
/* Writes what stands for a hidden character. */
typedef void hide_function(struct writer *writer, uint32_t code_point);

static void write_plain(struct writer *writer, struct bytes_view text, escape_function *escape)
{
    size_t from = 0;
    for (size_t i = 0; i < text.size_bytes; i++) {
        const char *instead = escape(text.data[i]);
        if (instead == NULL)
            continue;
        append(writer, text.data + from, i - from);
        writer_text(writer, instead);
        from = i + 1;
    }
    append(writer, text.data + from, text.size_bytes - from);
}

static void write_escaped(struct writer *writer, const char *text, escape_function *escape,
                          hide_function *hide)
{
    struct bytes_view rest = bytes_view_text(text);
    while (rest.size_bytes > 0 && writer->code == OK) {
        struct words_piece piece = words_next(rest);
        if (piece.kind == WORDS_PLAIN)
            write_plain(writer, bytes_view_of(rest.data, piece.size_bytes), escape);
        else if (piece.kind == WORDS_HIDDEN)
            hide(writer, piece.code_point);
        else
            writer_text(writer, "\xEF\xBF\xBD");
        rest = bytes_view_of(rest.data + piece.size_bytes, rest.size_bytes - piece.size_bytes);
    }
}

static const char *escape_html(uint8_t byte)
{
    switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static void hide_as_space(struct writer *writer, uint32_t code_point)
{
    (void)code_point;
    writer_text(writer, " ");
}

static const char *escape_json(uint8_t byte)
{
    return byte == '"' ? "\\\"" : byte == '\\' ? "\\\\" : NULL;
}

static void hide_as_json(struct writer *writer, uint32_t code_point)
{
    char escape[WORDS_JSON_ESCAPE_BYTES];
    append(writer, escape, words_json_escape(code_point, escape));
}

static const char *escape_help(uint8_t byte)
{
    return byte == '\\' ? "\\\\" : NULL;
}

static const char *escape_label(uint8_t byte)
{
    return byte == '"' ? "\\\"" : escape_help(byte);
}

static void hide_in_metrics(struct writer *writer, uint32_t code_point)
{
    writer_text(writer, code_point == '\n' ? "\\n" : "?");
}

void writer_html(struct writer *writer, const char *text)
{
    write_escaped(writer, text, escape_html, hide_as_space);
}

void writer_json(struct writer *writer, const char *text)
{
    writer_text(writer, "\"");
    write_escaped(writer, text, escape_json, hide_as_json);
    writer_text(writer, "\"");
}

void writer_label(struct writer *writer, const char *text)
{
    write_escaped(writer, text, escape_label, hide_in_metrics);
}

void writer_help(struct writer *writer, const char *text)
{
    write_escaped(writer, text, escape_help, hide_in_metrics);
}

void writer_key_count(struct writer *writer, const char *key, uint64_t count)
{
    writer_format(writer, ",\"%s\":%" PRIu64, key, count);
}

void writer_key_words(struct writer *writer, const char *key, const char *words)
{
    writer_format(writer, ",\"%s\":", key);
    if (words == NULL || words[0] == '\0')
        writer_text(writer, "null");
    else
        writer_json(writer, words);
}

void writer_key_time(struct writer *writer, const char *key, int64_t unix_us)
{
    char text[TEXT_TIME_BYTES];
    if (unix_us == 0) {
        writer_format(writer, ",\"%s\":null", key);
        return;
    }
    text_rfc3339(unix_us - unix_us % US_PER_SECOND, text);
    writer_format(writer, ",\"%s\":\"%s\"", key, text);
}

void writer_key_duration(struct writer *writer, const char *key, int64_t duration_us)
{
    char text[TEXT_TIME_BYTES];
    duration_us = duration_us > 0 ? duration_us : 0;
    text_duration(duration_us >= US_PER_SECOND ? duration_us - duration_us % US_PER_SECOND
                                               : duration_us,
                  text);
    writer_format(writer, ",\"%s\":\"%s\"", key, text);
}
