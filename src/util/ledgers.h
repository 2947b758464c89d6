// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_LEDGERS_H
#define TTP_UTIL_LEDGERS_H

/* Ranges and sets of ledgers. Ledgers are numbered from 1 upwards, without holes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct ledger_range {
    uint32_t first, last; /* inclusive */
};

/* How many ledgers it has. */
uint64_t ledger_range_count(struct ledger_range range);
bool ledger_ranges_overlap(struct ledger_range a, struct ledger_range b);

/* A list of ranges; a set where they are ascending, disjoint and don't touch. {0} is the empty one.
 * What is made of two sets is appended to `out`. Errors: ERR_NO_MEMORY. */
struct ledger_set {
    struct ledger_range *ranges; /* owned */
    size_t count, capacity;
};

void ledger_set_release(struct ledger_set *set); /* empty afterwards */
/* The set takes over what `from` has, which becomes empty. */
void ledger_set_move(struct ledger_set *set, struct ledger_set *from);
/* Room for so many ranges in all: adding up to it can't fail. */
enum error_code ledger_set_reserve(struct ledger_set *set, size_t count,
                                   struct error *error) MUST_CHECK;

/* Appends a range as it is: ledger_set_merge makes a set of the list. */
enum error_code ledger_set_append(struct ledger_set *list, struct ledger_range range,
                                  struct error *error) MUST_CHECK;
enum error_code ledger_set_append_all(struct ledger_set *list, const struct ledger_set *more,
                                      struct error *error) MUST_CHECK;
/* Makes any list a set. */
void ledger_set_merge(struct ledger_set *list);
/* Adds a range to a set, which stays one. */
enum error_code ledger_set_add(struct ledger_set *set, struct ledger_range range,
                               struct error *error) MUST_CHECK;

/* What of `set` is not in `without`. */
enum error_code ledger_set_subtract(const struct ledger_set *set, const struct ledger_set *without,
                                    struct ledger_set *out, struct error *error) MUST_CHECK;
/* What of the range is not in `set`. */
enum error_code ledger_set_missing(const struct ledger_set *set, struct ledger_range within,
                                   struct ledger_set *out, struct error *error) MUST_CHECK;
/* What both have. */
enum error_code ledger_set_intersect(const struct ledger_set *a, const struct ledger_set *b,
                                     struct ledger_set *out, struct error *error) MUST_CHECK;
/* The same ledgers in ranges of at most so many: a list. */
enum error_code ledger_set_split(const struct ledger_set *set, uint32_t ledgers,
                                 struct ledger_set *out, struct error *error) MUST_CHECK;

/* How many ledgers all have together. */
uint64_t ledger_set_ledgers(const struct ledger_set *set);
bool ledger_set_has(const struct ledger_set *set, uint32_t ledger);

/* From the first ledger to the last, with what lies between; 0, 0 where it is empty. */
struct ledger_range ledger_set_span(const struct ledger_set *set);

/* "100-200, 300 and 4 more" */
#define LEDGER_SET_TEXT_BYTES 256
void ledger_set_text(const struct ledger_set *set, char out[LEDGER_SET_TEXT_BYTES]);

#endif
