// SPDX-License-Identifier: Apache-2.0
#include "app/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/log.h"

#define SENTENCE_BYTES 2048

void problems_init(struct problems *problems)
{
    *problems = (struct problems){.count = 0};
    buffer_init(&problems->text);
}

void problems_release(struct problems *problems)
{
    buffer_release(&problems->text);
    problems_init(problems);
}

void problems_add(struct problems *problems, const char *format, ...)
{
    char sentence[SENTENCE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    problems->count++;
    size_t size_bytes = strlen(sentence);
    if (buffer_reserve(&problems->text, size_bytes + 2) != OK) {
        problems->out_of_memory = true;
        return;
    }
    buffer_append_unchecked(&problems->text, sentence, size_bytes);
    buffer_append_unchecked(&problems->text, "\n", 2); /* the NUL serves strstr */
    problems->text.size_bytes--;
}

enum error_code problems_code(const struct problems *problems)
{
    if (problems->out_of_memory)
        return ERR_NO_MEMORY;
    return problems->count == 0 ? OK : ERR_INVALID;
}

void problems_print(const struct problems *problems)
{
    const char *at = (const char *)problems->text.data;
    const char *end = at + problems->text.size_bytes;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        log_sentence("%.*s", (int)(newline - at), at);
        at = newline + 1;
    }
    if (problems->out_of_memory)
        log_sentence("out of memory for the list of problems");
}

bool problems_contain(const struct problems *problems, const char *part)
{
    return problems->text.size_bytes != 0 &&
           strstr((const char *)problems->text.data, part) != NULL;
}
