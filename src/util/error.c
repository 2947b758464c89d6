// SPDX-License-Identifier: Apache-2.0
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_clear(struct error *error)
{
    if (error == NULL)
        return;
    error->code = OK;
    error->system_errno = 0;
    error->message[0] = '\0';
}

enum error_code error_set(struct error *error, enum error_code code, const char *format, ...)
{
    if (error == NULL)
        return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->code = code;
    error->system_errno = 0;
    return code;
}

enum error_code error_set_errno(struct error *error, int system_errno, const char *format, ...)
{
    enum error_code code = system_errno == ENOMEM ? ERR_NO_MEMORY : ERR_IO;
    if (error == NULL)
        return code;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof error->message)
        snprintf(error->message + length, sizeof error->message - (size_t)length, ": %s",
                 strerror(system_errno));
    error->code = code;
    error->system_errno = system_errno;
    return code;
}

enum error_code error_prefix(struct error *error, enum error_code code, const char *format, ...)
{
    if (error == NULL)
        return code;
    char old[ERROR_MESSAGE_BYTES];
    memcpy(old, error->message, sizeof old);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof error->message)
        snprintf(error->message + length, sizeof error->message - (size_t)length, "%s", old);
    return error->code;
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
