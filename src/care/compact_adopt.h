// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_COMPACT_ADOPT_H
#define TTP_CARE_COMPACT_ADOPT_H

/* Files into which DuckDB merged those of commits, as inputs of a compaction. */

#include "care/compact_plan.h"
#include "lake/foreign.h"

/* Appends them: of groups whose files hold exactly the rows of their commits, of one schema
 * version. Files that can't be read, or whose rows are of several partitions, are passed over: they
 * stay what they are. ERR_NO_MEMORY. */
enum error_code compact_adopt(struct compact_plan *plan, const char *root,
                              const struct inventory *inventory, const struct foreign *foreign,
                              struct error *error) MUST_CHECK;

#endif
