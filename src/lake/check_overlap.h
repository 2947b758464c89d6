// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_CHECK_OVERLAP_H
#define TTP_LAKE_CHECK_OVERLAP_H

/*
 * Checks that no ledger is in two commits. A later commit may take over ledgers that brought an
 * earlier one no event; the earlier one must then have no rows and no dead letters of them. The
 * walk over the files of such a commit collects which ledgers have rows.
 */

#include "walk/file_rows.h"
#include "lake/findings.h"
#include "lake/inventory.h"
#include "lake/ledger_owner.h"

struct overlap {
    const struct ledger_owners *owners; /* borrowed */
    bool *is_concerned;                 /* by commit: something of it was taken over */
    uint32_t *rows_of; /* by range that was taken over: a ledger that there are rows of; 0: none */
};

/* ERR_NO_MEMORY. Release in every case. */
enum error_code overlap_init(struct overlap *overlap, const struct inventory *inventory,
                             const struct ledger_owners *owners, struct error *error) MUST_CHECK;
void overlap_release(struct overlap *overlap);

/* Takes in what a file of the commit (its index) has; one thread at a time for a commit. */
void overlap_add(struct overlap *overlap, size_t commit, const struct file_rows *rows);

/* Adds what is wrong to the findings; errors are those that end the whole check. */
enum error_code check_overlap(const char *root, const struct inventory *inventory,
                              const struct overlap *overlap, struct findings *findings,
                              struct error *error) MUST_CHECK;

#endif
