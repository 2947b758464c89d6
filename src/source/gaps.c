// SPDX-License-Identifier: Apache-2.0
#include "source/gaps.h"

#include <string.h>

/* A gap less likely than this is no chance. */
#define LEAST_CHANCE 1e-6

void gaps_init(struct gaps *gaps, bool are_fatal)
{
    *gaps = (struct gaps){.are_fatal = are_fatal};
}

static void add(struct gaps *gaps, bool is_full)
{
    if (gaps->known_count == GAPS_WINDOW)
        gaps->full_count -= gaps->is_full[gaps->at];
    else
        gaps->known_count++;
    gaps->is_full[gaps->at] = is_full;
    gaps->full_count += is_full;
    gaps->at = (gaps->at + 1) % GAPS_WINDOW;
}

void gaps_add_full(struct gaps *gaps)
{
    add(gaps, true);
}

void gaps_add_empty(struct gaps *gaps, uint64_t count)
{
    for (uint64_t i = 0; i < count && i < GAPS_WINDOW; i++)
        add(gaps, false);
}

/* May so many ledgers in a row be empty by chance? */
static bool is_likely(double empty_share, uint64_t count)
{
    double chance = 1.0;
    for (uint64_t i = 0; i < count && chance >= LEAST_CHANCE; i++)
        chance *= empty_share;
    return chance >= LEAST_CHANCE;
}

bool gaps_must_ask(const struct gaps *gaps, uint64_t count)
{
    unsigned empty_count = gaps->known_count - gaps->full_count;
    if (empty_count <= GAPS_WINDOW - GAPS_NEARLY_EACH)
        return true;
    /* Where all are empty, one that is not is as likely as one in the window. */
    if (empty_count == GAPS_WINDOW)
        empty_count--;
    return !is_likely((double)empty_count / GAPS_WINDOW, count);
}

bool gaps_are_loud(const struct gaps *gaps)
{
    return gaps->known_count >= GAPS_KNOWN_MIN &&
           gaps->full_count * 100 >= gaps->known_count * GAPS_NEARLY_EACH;
}

void gaps_tell(struct gaps *gaps, uint32_t first, uint32_t last, int64_t now_us)
{
    struct source_gaps *told = &gaps->told;
    if (told->kept_count == SOURCE_GAPS_KEPT) {
        memmove(told->kept, told->kept + 1, (SOURCE_GAPS_KEPT - 1) * sizeof told->kept[0]);
        told->kept_count--;
    }
    told->kept[told->kept_count++] = (struct ledger_range){first, last};
    told->last_us = now_us;
    told->count++;
    told->ledger_count += (uint64_t)last - first + 1;
}
