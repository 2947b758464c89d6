// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_AMENDMENT_H
#define TTP_CATALOG_AMENDMENT_H

/* Amending a commit inside a transaction of this room's modules (catalog/records.h says what that
 * is). */

#include "database/query.h"
#include "catalog/records.h"

/* The commit becomes what `amendment` says, with the dead letters of `change`; the file of those
 * that it had leaves with the snapshot. ERR_CONFLICT if it is not what it was. */
enum error_code amendment_apply(struct database *database,
                                const struct catalog_amendment *amendment,
                                const struct catalog_commit *change, int64_t snapshot_id,
                                struct error *error) MUST_CHECK;

#endif
