// SPDX-License-Identifier: Apache-2.0
#include "output/say.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/words.h"

static void print_piece(void *context, const char *text, size_t size_bytes)
{
    (void)context;
    (void)!fwrite(text, 1, size_bytes, stdout);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    words_format(print_piece, NULL, format, arguments);
    va_end(arguments);
}
