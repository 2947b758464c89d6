// SPDX-License-Identifier: Apache-2.0
#include "util/sentence.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define MARK       "…"
#define MARK_BYTES (sizeof MARK - 1)

/* The last "; " of the text and what follows; "" where that is too long to be kept whole. */
static const char *advice_of(const char *text, size_t limit_bytes)
{
    const char *advice = NULL;
    for (const char *at = strstr(text, "; "); at != NULL; at = strstr(at + 2, "; "))
        advice = at;
    return advice != NULL && strlen(advice) <= limit_bytes ? advice : "";
}

static bool ends_clause(const char *text, size_t at)
{
    return at > 0 && text[at] == ' ' && strchr(".;:!?", text[at - 1]) != NULL;
}

/* How much of text's first `room` bytes to keep: to the end of a clause in their second half, else
 * of a word there, else of a character. */
static size_t cut_at(const char *text, size_t room)
{
    for (size_t at = room; at > room / 2; at--)
        if (ends_clause(text, at))
            return at;
    for (size_t at = room; at > room / 2; at--)
        if (text[at] == ' ')
            return at;
    while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80)
        room--;
    return room;
}

void sentence_fit(char *out, size_t out_bytes, const char *text)
{
    size_t size = strlen(text);
    assert(out_bytes >= 16);
    if (size < out_bytes) {
        memmove(out, text, size + 1);
        return;
    }
    const char *advice = advice_of(text, (out_bytes - 1) / 2);
    size_t advice_bytes = strlen(advice);
    size_t kept = cut_at(text, out_bytes - 1 - advice_bytes - MARK_BYTES);
    memcpy(out, text, kept);
    memcpy(out + kept, MARK, MARK_BYTES);
    memcpy(out + kept + MARK_BYTES, advice, advice_bytes + 1);
}
