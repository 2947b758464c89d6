// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_LEDGER_OWNER_H
#define TTP_LAKE_LEDGER_OWNER_H

/*
 * Which commit each ledger is from. Ranges of commits overlap where ledgers that had brought no
 * event were taken out of the coverage and fetched again: the later commit has them then, and the
 * earlier one must have nothing of them.
 */

#include "lake/inventory.h"

struct owned_range {
    struct ledger_range range;
    size_t commit; /* its index in the inventory */
};

struct ledger_owners {
    struct buffer owned;      /* struct owned_range: ascending, disjoint */
    struct buffer taken_over; /* struct owned_range: what of an earlier commit a later one has */
};

/* Of all live commits, covered or not. ERR_NO_MEMORY. Release in every case. */
enum error_code ledger_owners_make(struct ledger_owners *owners, const struct inventory *inventory,
                                   struct error *error) MUST_CHECK;
void ledger_owners_release(struct ledger_owners *owners);

/* The owner of a ledger; NULL if no commit has it. */
const struct owned_range *ledger_owners_find(const struct ledger_owners *owners, uint32_t ledger);

#endif
