// SPDX-License-Identifier: Apache-2.0
#include "status/writer.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/bytes.h"

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

/* Writes what stands for the byte and says true, or false: the byte stands for itself. */
typedef bool escape_function(struct writer *writer, uint8_t byte);

/* Copies runs of plain bytes at once; calls `escape` for those that may need it. */
static void write_escaped(struct writer *writer, const char *text, escape_function *escape)
{
    struct bytes_view rest = bytes_view_text(text);
    while (rest.size_bytes > 0 && writer->code == OK) {
        size_t valid = utf8_valid_prefix(rest);
        size_t plain_from = 0;
        for (size_t i = 0; i < valid; i++) {
            uint8_t byte = rest.data[i];
            if (byte >= 0x80 || (byte >= 'a' && byte <= 'z'))
                continue;
            append(writer, rest.data + plain_from, i - plain_from);
            plain_from = escape(writer, byte) ? i + 1 : i;
        }
        append(writer, rest.data + plain_from, valid - plain_from);
        if (valid == rest.size_bytes)
            return;
        writer_text(writer, "\xEF\xBF\xBD");
        rest = bytes_view_of(rest.data + valid + 1, rest.size_bytes - valid - 1);
    }
}

static bool escape_html(struct writer *writer, uint8_t byte)
{
    switch (byte) {
    case '&': writer_text(writer, "&amp;"); return true;
    case '<': writer_text(writer, "&lt;"); return true;
    case '>': writer_text(writer, "&gt;"); return true;
    case '"': writer_text(writer, "&quot;"); return true;
    case '\'': writer_text(writer, "&#39;"); return true;
    default: break;
    }
    if (byte >= 0x20 && byte != 0x7F)
        return false;
    writer_text(writer, " ");
    return true;
}

static bool escape_json(struct writer *writer, uint8_t byte)
{
    switch (byte) {
    case '"': writer_text(writer, "\\\""); return true;
    case '\\': writer_text(writer, "\\\\"); return true;
    case '\n': writer_text(writer, "\\n"); return true;
    case '\r': writer_text(writer, "\\r"); return true;
    case '\t': writer_text(writer, "\\t"); return true;
    default: break;
    }
    if (byte >= 0x20)
        return false;
    writer_format(writer, "\\u%04x", byte);
    return true;
}

static bool escape_help(struct writer *writer, uint8_t byte)
{
    if (byte == '\\')
        writer_text(writer, "\\\\");
    else if (byte == '\n')
        writer_text(writer, "\\n");
    else
        return false;
    return true;
}

static bool escape_label(struct writer *writer, uint8_t byte)
{
    if (byte != '"')
        return escape_help(writer, byte);
    writer_text(writer, "\\\"");
    return true;
}

void writer_html(struct writer *writer, const char *text)
{
    write_escaped(writer, text, escape_html);
}

void writer_json(struct writer *writer, const char *text)
{
    writer_text(writer, "\"");
    write_escaped(writer, text, escape_json);
    writer_text(writer, "\"");
}

void writer_label(struct writer *writer, const char *text)
{
    write_escaped(writer, text, escape_label);
}

void writer_help(struct writer *writer, const char *text)
{
    write_escaped(writer, text, escape_help);
}
