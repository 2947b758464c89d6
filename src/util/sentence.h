// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_SENTENCE_H
#define TTP_UTIL_SENTENCE_H

/* Sentences for people that must fit. */

#include <stddef.h>

/*
 * Copies `text`, NUL-terminated, cut where it does not fit. By the house's style what to do stands
 * behind the last "; ": that stays whole (up to half of the room), and what is before it is cut at
 * the end of a sentence or clause, else of a word, and gets "…". Never inside a UTF-8 character.
 * out_bytes is at least 16; out and text may be the same only where it fits.
 */
void sentence_fit(char *out, size_t out_bytes, const char *text);

#endif
