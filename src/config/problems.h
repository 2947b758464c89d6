// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_PROBLEMS_H
#define TTP_CONFIG_PROBLEMS_H

/* A list of sentences: everything that is wrong with a command line or a configuration, told at
 * once. Used by one thread. */

#include <stdbool.h>
#include <stddef.h>

#include "util/buffer.h"
#include "util/error.h"

struct problems {
    struct buffer text; /* each sentence ends in a newline */
    size_t count;
    bool out_of_memory; /* a sentence was lost: say that instead */
};

void problems_init(struct problems *problems);
void problems_release(struct problems *problems);

/* Adds printf's sentence. */
void problems_add(struct problems *problems, const char *format, ...) PRINTF_LIKE(2, 3);

/* OK if there are none, ERR_INVALID, or ERR_NO_MEMORY where one was lost. */
enum error_code problems_code(const struct problems *problems);

/* Writes each sentence to stderr as "parquet-consumer: …". */
void problems_print(const struct problems *problems);

#endif
