// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_TELLER_H
#define TTP_CARE_TELLER_H

/* Who is told what a verb finds on its way, a sentence at a time, as it is found. */

#include "util/error.h"

struct teller {
    void (*tell)(void *context, const char *sentence); /* NULL: nobody */
    void *context;
};

/* What does not fit ERROR_MESSAGE_BYTES is cut off. */
void teller_tell(const struct teller *teller, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
