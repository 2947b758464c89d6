// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_CHECK_CLOSE_TIMES_H
#define TTP_LAKE_CHECK_CLOSE_TIMES_H

/*
 * Close times rise with the ledger number over the whole lake (equal ones are let pass): where they
 * fall, ledgers of two chains stand side by side. By the first and last ledgers of files and
 * commits, as the catalog knows them; what lies between is for `verify --deep` (check_rows.h).
 */

#include "catalog/catalog.h"
#include "lake/findings.h"

/* Adds what is wrong to the findings; which of the two chains is the right one is not known, so it
 * names no commit. */
enum error_code check_close_times(struct catalog *catalog, struct findings *findings,
                                  struct error *error) MUST_CHECK;

#endif
