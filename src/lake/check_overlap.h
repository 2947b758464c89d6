// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_CHECK_OVERLAP_H
#define TTP_LAKE_CHECK_OVERLAP_H

/*
 * No ledger in two commits: where a later commit took ledgers over that had brought no event to an
 * earlier one, the earlier one has neither rows nor dead letters of them. Reads files of such
 * commits only, and of them the ledger numbers.
 */

#include "lake/findings.h"
#include "lake/inventory.h"

/* `file_is_bad` (per live file) are left out. Adds what is wrong to the findings; errors are those
 * that end the whole check. */
enum error_code check_overlap(const char *root, const struct inventory *inventory,
                              const bool *file_is_bad, struct findings *findings,
                              struct error *error) MUST_CHECK;

#endif
