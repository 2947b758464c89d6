// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_ERROR_H
#define TTP_UTIL_ERROR_H

/*
 * Errors by consequence. A function that can fail returns an enum error_code and takes a
 * `struct error *` as its last parameter (NULL: the caller wants the code only). The message is one
 * readable sentence that names the file, value or peer, and the remedy. Lower rooms return errors;
 * they are logged once, at the top.
 *
 * A constructor (x_new, x_open, x_start) gives what it makes in `*out`, its first parameter: NULL
 * after a failure. Its error is never NULL. As with buffers, one that can only fail for want of
 * memory (ERR_NO_MEMORY) may go without: its caller knows better what for.
 */

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))

enum error_code {
    OK = 0,
    ERR_AGAIN,     /* nothing went wrong: call again when there is more input, room or time */
    ERR_RETRY,     /* a passing fault of the outside: the same work may succeed later */
    ERR_INVALID,   /* a bad argument, option or request: the same call can never succeed */
    ERR_CORRUPT,   /* bytes from outside or from disk that are not what their format says */
    ERR_LIMIT,     /* a limit of ours (size, memory, count) was reached */
    ERR_NO_MEMORY, /* an allocation failed */
    ERR_IO,        /* a system call failed */
    ERR_NOT_FOUND, /* the thing named is not there */
    ERR_CONFLICT   /* it is there, but not ours to touch: locked, other network, newer version */
};

#define ERROR_MESSAGE_BYTES 1024

struct error {
    enum error_code code;
    int system_errno; /* errno behind ERR_IO, else 0 */
    char message[ERROR_MESSAGE_BYTES];
};

/* Empties `error` (may be NULL). */
void error_clear(struct error *error);

/* Sets code and message (made to fit by sentence_fit: what to do, behind the last "; ", stays);
 * returns `code`, so that `return error_set(…)` works. */
enum error_code error_set(struct error *error, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* As error_set, with ERR_IO (ERR_NO_MEMORY for ENOMEM) and ": <strerror>" after the message. */
enum error_code error_set_errno(struct error *error, int system_errno, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Puts a text in front of the message that is there: context on the way up. Returns error's code
 * (`code` if error is NULL). */
enum error_code error_prefix(struct error *error, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* "out of memory" for `what`; returns ERR_NO_MEMORY. */
enum error_code error_no_memory(struct error *error, const char *what);

/* A stable lower-case name of the code, such as "corrupt"; never NULL. */
const char *error_code_name(enum error_code code);

#endif
