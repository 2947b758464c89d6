// SPDX-License-Identifier: Apache-2.0
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/sentence.h"

/* Room for a message before it is made to fit: the longest path and a server's words. */
#define WHOLE_BYTES (6 * ERROR_MESSAGE_BYTES)

void error_clear(struct error *error)
{
    if (error == NULL)
        return;
    error->code = OK;
    error->system_errno = 0;
    error->message[0] = '\0';
}

/* `tail` comes behind what the format makes. */
static void PRINTF_LIKE(5, 0) set(struct error *error, enum error_code code, int system_errno,
                                  const char *tail, const char *format, va_list arguments)
{
    char whole[WHOLE_BYTES];
    int length = vsnprintf(whole, sizeof whole, format, arguments);
    if (length >= 0 && (size_t)length < sizeof whole)
        snprintf(whole + length, sizeof whole - (size_t)length, "%s", tail);
    sentence_fit(error->message, sizeof error->message, whole);
    error->code = code;
    error->system_errno = system_errno;
}

enum error_code error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (error != NULL)
        set(error, code, 0, "", format, arguments);
    va_end(arguments);
    return code;
}

enum error_code error_set_errno(struct error *error, int system_errno, const char *format, ...)
{
    enum error_code code = system_errno == ENOMEM ? ERR_NO_MEMORY : ERR_IO;
    char tail[ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    snprintf(tail, sizeof tail, ": %s", strerror(system_errno));
    if (error != NULL)
        set(error, code, system_errno, tail, format, arguments);
    va_end(arguments);
    return code;
}

enum error_code error_prefix(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (error != NULL) {
        code = error->code;
        set(error, code, error->system_errno, error->message, format, arguments);
    }
    va_end(arguments);
    return code;
}

enum error_code error_no_memory(struct error *error, const char *what)
{
    return error_set(error, ERR_NO_MEMORY, "out of memory for %s", what);
}

const char *error_code_name(enum error_code code)
{
    switch (code) {
    case OK: return "ok";
    case ERR_AGAIN: return "again";
    case ERR_RETRY: return "retry";
    case ERR_INVALID: return "invalid";
    case ERR_CORRUPT: return "corrupt";
    case ERR_LIMIT: return "limit";
    case ERR_NO_MEMORY: return "no memory";
    case ERR_IO: return "io";
    case ERR_NOT_FOUND: return "not found";
    case ERR_CONFLICT: return "conflict";
    }
    return "unknown";
}
