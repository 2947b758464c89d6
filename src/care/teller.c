// SPDX-License-Identifier: Apache-2.0
#include "care/teller.h"

#include <stdarg.h>
#include <stdio.h>

void teller_tell(const struct teller *teller, const char *format, ...)
{
    char text[ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (teller->tell != NULL)
        teller->tell(teller->context, text);
}
