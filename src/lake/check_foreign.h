// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_CHECK_FOREIGN_H
#define TTP_LAKE_CHECK_FOREIGN_H

/* What others than this program did to the lake, as findings: rows that they added, hid or changed
 * are a problem, with the snapshots that did it; merged files, replaced files that still lie there,
 * tables and views of theirs are notes. */

#include "lake/findings.h"
#include "lake/foreign.h"

/* The delete files that are in use. Errors are those that end the whole check. */
enum error_code check_deletes(const char *root, const struct inventory *inventory,
                              struct findings *findings, struct error *error) MUST_CHECK;

/* ERR_NO_MEMORY. */
enum error_code check_foreign(const struct inventory *inventory, const struct foreign *foreign,
                              bool deep, struct findings *findings, struct error *error) MUST_CHECK;

#endif
