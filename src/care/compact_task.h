// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_COMPACT_TASK_H
#define TTP_CARE_COMPACT_TASK_H

/*
 * One task of a plan: the rows of its files, in order of ledger and event, go into new ones, which
 * take their place. The files are read twice: first their ledgers, events and checksums, so that
 * nothing is moved that is damaged or not as the catalog says, then all of them. It takes the
 * memory of a page and a dictionary a column beside that of the file that is written.
 */

#include "care/compact_plan.h"
#include "sink/replacement.h"

/* ERR_CORRUPT: a file is damaged, missing, or holds other rows than the catalog says: all stay as
 * they are, for `verify`. ERR_CONFLICT: somebody changed one of them meanwhile. ERR_LIMIT: rows of
 * too many commits. */
enum error_code compact_task_run(const struct replacement_setup *setup,
                                 const struct compact_plan *plan, const struct compact_task *task,
                                 struct replacement_report *report, struct error *error) MUST_CHECK;

#endif
