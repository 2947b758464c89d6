// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_LIST_BUDGET_H
#define TTP_UTIL_LIST_BUDGET_H

/*
 * How much is kept of a list whose length others decide: a catalog that somebody crafted, a lake
 * that lost its disk. So many entries, with so many bytes of text, are kept to be shown; the rest
 * is counted. No list of a sound lake is that long.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIST_ENTRIES_MAX 10000
#define LIST_TEXT_BYTES  ((size_t)1 << 20)

/* All zero is the start. */
struct list_budget {
    size_t kept, text_bytes;
    uint64_t left_out; /* entries that were not kept */
};

/* Whether one more entry with so many bytes of text is kept; else it is counted as left out. */
bool list_budget_take(struct list_budget *budget, size_t text_bytes);

#endif
