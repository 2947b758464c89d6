// SPDX-License-Identifier: Apache-2.0
#include "os/log.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log_output.h"
#include "os/log_repeats.h"
#include "util/text.h"
#include "util/utf8.h"
#include "util/words.h"

#define FIELDS_MAX  16
#define LINE_BYTES  4096 /* longer lines are cut: POSIX keeps writes of up to PIPE_BUF whole */
#define PRINT_BYTES 4096 /* of log_print at a time, for the same reason */

static _Atomic int level_in_force = LOG_INFO;
static _Atomic int format_in_force = LOG_FORMAT_AUTO;
static atomic_bool colours;
static _Atomic uint64_t warning_count;
static _Atomic uint64_t error_count;

static void (*problem_handler)(void *context, enum log_level level, const char *message);
static void *problem_context;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* A line being made. What does not fit is left out; `cut` remembers it. */
struct line {
    char text[LINE_BYTES];
    size_t size_bytes;
    bool cut;
};

#define TAIL_BYTES 8 /* room kept for the end of the line: "…"}\n */

static void line_add(struct line *line, const char *text, size_t size_bytes)
{
    size_t room = LINE_BYTES - TAIL_BYTES - line->size_bytes;
    if (size_bytes > room) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->size_bytes, text, size_bytes);
    line->size_bytes += size_bytes;
}

static void line_add_text(struct line *line, const char *text)
{
    line_add(line, text, strlen(text));
}

/* One character of a JSON string (RFC 8259, section 7); bytes that are not UTF-8 become U+FFFD. */
static void line_add_json_character(struct line *line, const char *text, struct words_piece piece)
{
    char escape[WORDS_JSON_ESCAPE_BYTES];
    if (piece.kind == WORDS_BROKEN) {
        line_add_text(line, "\xef\xbf\xbd");
    } else if (piece.kind == WORDS_HIDDEN) {
        line_add(line, escape, words_json_escape(piece.code_point, escape));
    } else {
        if (*text == '"' || *text == '\\')
            line_add(line, "\\", 1);
        line_add(line, text, piece.size_bytes);
    }
}

static void line_add_json_text(struct line *line, const char *text)
{
    struct bytes_view rest = bytes_view_text(text);
    line_add(line, "\"", 1);
    /* A long text is cut inside its quotes, so that the line stays JSON. */
    while (rest.size_bytes != 0 &&
           line->size_bytes + TAIL_BYTES + WORDS_JSON_ESCAPE_BYTES < LINE_BYTES) {
        struct words_piece piece = words_first(rest);
        line_add_json_character(line, (const char *)rest.data, piece);
        rest = bytes_view_of(rest.data + piece.size_bytes, rest.size_bytes - piece.size_bytes);
    }
    line_add(line, "\"", 1);
}

/* Text for people. What does not fit is left out without a word: it is one of many in a line. */
static void line_add_plain_text(struct line *line, const char *text, bool quote_if_needed)
{
    if (quote_if_needed && (text[0] == '\0' || strpbrk(text, " \"=\t\r\n") != NULL)) {
        line_add_json_text(line, text);
        return;
    }
    struct bytes_view rest = bytes_view_text(text);
    while (rest.size_bytes != 0 && line->size_bytes + TAIL_BYTES + UTF8_MAX_BYTES < LINE_BYTES) {
        struct words_piece piece = words_first(rest);
        if (piece.kind == WORDS_PLAIN)
            line_add(line, (const char *)rest.data, piece.size_bytes);
        else
            line_add(line, "?", 1);
        rest = bytes_view_of(rest.data + piece.size_bytes, rest.size_bytes - piece.size_bytes);
    }
}

static void format_number(const struct log_field *field, char *out, size_t out_bytes)
{
    switch (field->kind) {
    case LOG_INTEGER: snprintf(out, out_bytes, "%" PRId64, field->value.integer); break;
    case LOG_UNSIGNED: snprintf(out, out_bytes, "%" PRIu64, field->value.number); break;
    case LOG_DOUBLE:
        snprintf(out, out_bytes, isfinite(field->value.real) ? "%.6g" : "null", field->value.real);
        break;
    case LOG_BOOLEAN:
        snprintf(out, out_bytes, "%s", field->value.boolean ? "true" : "false");
        break;
    case LOG_TEXT:
    case LOG_TIME_US: out[0] = '\0'; break;
    }
}

static void line_add_value(struct line *line, const struct log_field *field, bool json)
{
    char value[TEXT_TIME_BYTES];
    if (field->kind == LOG_TIME_US) {
        text_rfc3339(field->value.integer, value);
        if (json)
            line_add_json_text(line, value);
        else
            line_add_text(line, value);
    } else if (field->kind == LOG_TEXT) {
        const char *text = field->value.text != NULL ? field->value.text : "";
        if (json)
            line_add_json_text(line, text);
        else
            line_add_plain_text(line, text, true);
    } else {
        format_number(field, value, sizeof value);
        line_add_text(line, value);
    }
}

/* Adds a field whole or not at all: a cut line stays well-formed. */
static void line_add_field(struct line *line, const struct log_field *field, bool json)
{
    size_t before = line->size_bytes;
    line_add_text(line, json ? ",\"" : " ");
    line_add_text(line, field->key);
    line_add_text(line, json ? "\":" : "=");
    line_add_value(line, field, json);
    if (line->cut)
        line->size_bytes = before;
}

static void make_json(struct line *line, const char *time, enum log_level level,
                      const char *component, const char *message, const struct log_field *fields,
                      unsigned field_count)
{
    const struct log_field head[] = {LOG_T("level", level_names[level]),
                                     LOG_T("component", component), LOG_T("message", message)};
    line_add_text(line, "{\"time\":");
    line_add_json_text(line, time);
    for (unsigned i = 0; i < sizeof head / sizeof head[0]; i++)
        line_add_field(line, &head[i], true);
    for (unsigned i = 0; i < field_count && !line->cut; i++)
        line_add_field(line, &fields[i], true);
    line->text[line->size_bytes++] = '}';
}

static void make_text(struct line *line, const char *time, enum log_level level,
                      const char *component, const char *message, const struct log_field *fields,
                      unsigned field_count)
{
    static const char *const columns[] = {" DEBUG ", " INFO  ", " WARN  ", " ERROR "};
    static const char *const coloured[] = {" DEBUG ", " INFO  ", " \x1b[33mWARN\x1b[0m  ",
                                           " \x1b[31mERROR\x1b[0m "};
    line_add_text(line, time);
    line_add_text(line, atomic_load(&colours) ? coloured[level] : columns[level]);
    line_add_text(line, component);
    line_add_text(line, ": ");
    line_add_plain_text(line, message, false);
    for (unsigned i = 0; i < field_count && !line->cut; i++)
        line_add_field(line, &fields[i], false);
}

static void make_line(struct line *line, enum log_level level, const char *component,
                      const char *message, const struct log_field *fields, unsigned field_count)
{
    char time[TEXT_TIME_BYTES];
    text_rfc3339(os_realtime_us(), time);
    line->size_bytes = 0;
    line->cut = false;
    if (atomic_load(&format_in_force) == LOG_FORMAT_TEXT)
        make_text(line, time, level, component, message, fields, field_count);
    else
        make_json(line, time, level, component, message, fields, field_count);
    line->text[line->size_bytes++] = '\n';
}

/* The line below the log. The mutex also keeps log lines and its redrawing apart. */
static pthread_mutex_t status_mutex = PTHREAD_MUTEX_INITIALIZER;
static char status_line[LOG_STATUS_BYTES];

#define CLEAR_LINE "\r\x1b[K" /* ECMA-48: to column 1, erase to the line's end */

/* The line as one text, with the status line taken away before and drawn again behind it. */
static void write_line(const struct line *line)
{
    char out[LINE_BYTES + LOG_STATUS_BYTES + sizeof CLEAR_LINE];
    static_assert(sizeof out <= LOG_OUTPUT_TEXT_BYTES, "the output takes it");
    pthread_mutex_lock(&status_mutex);
    size_t size_bytes = 0;
    size_t status_bytes = strlen(status_line);
    if (status_bytes != 0) {
        memcpy(out, CLEAR_LINE, sizeof CLEAR_LINE - 1);
        size_bytes = sizeof CLEAR_LINE - 1;
    }
    memcpy(out + size_bytes, line->text, line->size_bytes);
    size_bytes += line->size_bytes;
    memcpy(out + size_bytes, status_line, status_bytes);
    uint64_t ticket = log_output_put(out, size_bytes + status_bytes, true);
    pthread_mutex_unlock(&status_mutex);
    log_output_wait(ticket);
}

/* Colours only for people who want them (no-color.org). */
static bool colours_are_wanted(void)
{
    const char *no_color = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && (no_color == NULL || no_color[0] == '\0');
}

void log_configure(enum log_level level, enum log_format format)
{
    atomic_store(&level_in_force, (int)level);
    if (format == LOG_FORMAT_AUTO)
        format = isatty(STDERR_FILENO) ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
    atomic_store(&colours, colours_are_wanted());
    atomic_store(&format_in_force, (int)format);
}

void log_set_level(enum log_level level)
{
    atomic_store(&level_in_force, (int)level);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load(&level_in_force);
}

void log_write(enum log_level level, const char *component, const char *message,
               const struct log_field *fields, unsigned field_count)
{
    if (level == LOG_WARN)
        atomic_fetch_add_explicit(&warning_count, 1, memory_order_relaxed);
    else if (level == LOG_ERROR)
        atomic_fetch_add_explicit(&error_count, 1, memory_order_relaxed);
    if (level >= LOG_WARN && problem_handler != NULL)
        problem_handler(problem_context, level, message);
    if ((int)level < atomic_load_explicit(&level_in_force, memory_order_relaxed))
        return;
    if (atomic_load(&format_in_force) == LOG_FORMAT_AUTO)
        log_configure(log_get_level(), LOG_FORMAT_AUTO);

    struct log_field with_count[FIELDS_MAX];
    uint64_t left_out = 0;
    if (level >= LOG_WARN && !log_repeats_admit(component, message, os_monotonic_us(), &left_out))
        return;
    if (left_out != 0 && field_count < FIELDS_MAX) {
        if (field_count != 0)
            memcpy(with_count, fields, field_count * sizeof *fields);
        with_count[field_count++] = LOG_U("repeats_left_out", left_out);
        fields = with_count;
    }
    struct line line;
    make_line(&line, level, component, message, fields, field_count);
    write_line(&line);
}

void log_set_status(const char *text)
{
    if (!isatty(STDERR_FILENO))
        return;
    pthread_mutex_lock(&status_mutex);
    char out[LOG_STATUS_BYTES + sizeof CLEAR_LINE];
    snprintf(status_line, sizeof status_line, "%s", text);
    words_clean(status_line);
    int length = snprintf(out, sizeof out, "%s%s", CLEAR_LINE, status_line);
    uint64_t ticket = log_output_put(out, (size_t)length, false);
    pthread_mutex_unlock(&status_mutex);
    log_output_wait(ticket);
}

/* On the output's thread: who reads the log learns what it misses. */
static size_t make_dropped_note(uint64_t line_count, int64_t blocked_us,
                                char out[LOG_OUTPUT_TEXT_BYTES])
{
    const struct log_field fields[] = {LOG_U("lines_dropped", line_count),
                                       LOG_D("seconds", (double)blocked_us / 1e6)};
    struct line line;
    atomic_fetch_add_explicit(&warning_count, 1, memory_order_relaxed);
    make_line(&line, LOG_WARN, "log", "the log was not read for a while: lines are missing here",
              fields, 2);
    memcpy(out, line.text, line.size_bytes);
    return line.size_bytes;
}

enum error_code log_start_thread(struct error *error)
{
    return log_output_start(make_dropped_note, error);
}

void log_print(const char *text, size_t size_bytes)
{
    while (size_bytes != 0) {
        size_t part_bytes = size_bytes < PRINT_BYTES ? size_bytes : PRINT_BYTES;
        pthread_mutex_lock(&status_mutex);
        uint64_t ticket = log_output_put(text, part_bytes, true);
        pthread_mutex_unlock(&status_mutex);
        log_output_wait(ticket);
        text += part_bytes;
        size_bytes -= part_bytes;
    }
}

static void add_piece(void *context, const char *text, size_t size_bytes)
{
    struct line *line = context;
    size_t room = LINE_BYTES - TAIL_BYTES - line->size_bytes;
    line_add(line, text, size_bytes < room ? size_bytes : room);
}

void log_sentence(const char *format, ...)
{
    struct line line = {.size_bytes = 0};
    va_list arguments;
    line_add_text(&line, "parquet-consumer: ");
    va_start(arguments, format);
    words_format(add_piece, &line, format, arguments);
    va_end(arguments);
    line.text[line.size_bytes++] = '\n';
    log_print(line.text, line.size_bytes);
}

void log_on_problem(void (*handler)(void *context, enum log_level level, const char *message),
                    void *context)
{
    problem_handler = handler;
    problem_context = context;
}

uint64_t log_warning_count(void)
{
    return atomic_load_explicit(&warning_count, memory_order_relaxed);
}

uint64_t log_error_count(void)
{
    return atomic_load_explicit(&error_count, memory_order_relaxed);
}
