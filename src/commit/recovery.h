// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_RECOVERY_H
#define TTP_COMMIT_RECOVERY_H

/*
 * What every writer of a lake does first, under the lock: finishes or undoes the commit that a
 * crash left, and empties staging (docs/commit-protocol.md, "Recovery"). It touches only what the
 * intent and _lake/staging name, and nothing by an intent that no commit of this lake can have
 * made.
 */

#include "commit/publication.h"
#include "commit/recovery_report.h"

/* ERR_CORRUPT: the intent can't be read, is of another lake, or names what is not its commit's.
 * ERR_RETRY: the disk is full, or another writer holds the catalog. Running it again continues. */
enum error_code recovery_run(const struct store *store, struct catalog *catalog,
                             const struct intent_guard *guard, struct recovery_report *report,
                             struct error *error) MUST_CHECK;

#endif
