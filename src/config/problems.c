// SPDX-License-Identifier: Apache-2.0
#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/log.h"
#include "util/words.h"

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

struct sentence {
    char text[SENTENCE_BYTES];
    size_t size_bytes;
};

/* What does not fit is cut off. */
static void add_piece(void *context, const char *text, size_t size_bytes)
{
    struct sentence *sentence = context;
    size_t room = sizeof sentence->text - sentence->size_bytes;
    size_bytes = size_bytes < room ? size_bytes : room;
    memcpy(sentence->text + sentence->size_bytes, text, size_bytes);
    sentence->size_bytes += size_bytes;
}

void problems_add(struct problems *problems, const char *format, ...)
{
    struct sentence sentence = {.size_bytes = 0};
    va_list arguments;
    va_start(arguments, format);
    /* A line end in a value would begin another problem. */
    words_format(add_piece, &sentence, format, arguments);
    va_end(arguments);
    problems->count++;
    if (buffer_reserve(&problems->text, sentence.size_bytes + 2) != OK) {
        problems->out_of_memory = true;
        return;
    }
    buffer_append_unchecked(&problems->text, sentence.text, sentence.size_bytes);
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
