// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_LOG_H
#define TTP_OS_LOG_H

/*
 * Structured log lines on stderr: one JSON object a line, or text for people. Thread-safe. A line
 * is written by one write(2), and whoever logs is never held by who reads (os/log_output.h). Keys
 * are snake_case; `component` is the room that speaks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format {
    LOG_FORMAT_AUTO,
    LOG_FORMAT_JSON,
    LOG_FORMAT_TEXT
}; /* auto: text on a terminal */

struct log_field {
    const char *key;
    enum { LOG_TEXT, LOG_INTEGER, LOG_UNSIGNED, LOG_DOUBLE, LOG_BOOLEAN, LOG_TIME_US } kind;
    union {
        const char *text;
        int64_t integer;
        uint64_t number;
        double real;
        bool boolean;
    } value;
};

#define LOG_T(key_text, text_value)                                                                \
    ((struct log_field){(key_text), LOG_TEXT, {.text = (text_value)}})
#define LOG_I(key_text, int_value)                                                                 \
    ((struct log_field){(key_text), LOG_INTEGER, {.integer = (int_value)}})
#define LOG_U(key_text, uint_value)                                                                \
    ((struct log_field){(key_text), LOG_UNSIGNED, {.number = (uint_value)}})
#define LOG_D(key_text, real_value)                                                                \
    ((struct log_field){(key_text), LOG_DOUBLE, {.real = (real_value)}})
#define LOG_B(key_text, bool_value)                                                                \
    ((struct log_field){(key_text), LOG_BOOLEAN, {.boolean = (bool_value)}})

void log_configure(enum log_level level, enum log_format format);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* From now on a thread of the log's own writes: call it before other threads start. Without it
 * (ERR_RETRY, ERR_NO_MEMORY) each caller writes, and waits for a reader up to a second. */
enum error_code log_start_thread(struct error *error) MUST_CHECK;

/* Text for people on stderr, as it is (words from outside in it were cleaned: util/words.h), by the
 * way that log lines take. */
void log_print(const char *text, size_t size_bytes);
/* "parquet-consumer: …" and a newline: what a command has to say outside of the log. */
void log_sentence(const char *format, ...) PRINTF_LIKE(1, 2);

/* Writes a line if `level` is at or above the level set. Of a warning or error that comes again and
 * again only so many are written a minute (os/log_repeats.h); the next one that is tells in
 * `repeats_left_out` how many were not. */
void log_write(enum log_level level, const char *component, const char *message,
               const struct log_field *fields, unsigned field_count);

/* log_event(LOG_INFO, "sink", "committed", LOG_U("commit_no", 7), …); at least one field. */
#define log_event(level, component, message, ...)                                                  \
    log_write((level), (component), (message), (const struct log_field[]){__VA_ARGS__},            \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define log_line(level, component, message) log_write((level), (component), (message), NULL, 0)

/* Calls `handler` with each warning and error as it is written, on the thread that logs; NULL ends
 * it. Set before threads start and after they end. The handler must not log. */
void log_on_problem(void (*handler)(void *context, enum log_level level, const char *message),
                    void *context);

/* A line that stays below the log on a terminal and is drawn anew after each log line, such as a
 * progress bar; "" takes it away. Cut at LOG_STATUS_BYTES. Does nothing where stderr is no
 * terminal. */
#define LOG_STATUS_BYTES 512
void log_set_status(const char *text);

/* How many warnings and errors were written, for summaries and metrics. */
uint64_t log_warning_count(void);
uint64_t log_error_count(void);

#endif
