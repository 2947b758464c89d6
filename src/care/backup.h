// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_H
#define TTP_CARE_BACKUP_H

/*
 * A copy of a lake that is a lake: of one snapshot, while a run goes on. The catalog is copied
 * first, then the files that this copy of it names, and the catalog gets its name, or its new
 * contents, last. So at every moment, whatever fails, the destination holds what it held before or
 * all of the new; of a first backup no lake (its lake.json is there, and no catalog, which every
 * command says) or all of it. A next one copies only what is not there with the right size.
 *
 * Either end may be a folder or a place of an object store, its catalog a SQLite file or in
 * PostgreSQL: a lake moves from one to the other by a backup, with its files, their names, its
 * commits and its snapshots.
 *
 * What left the lake since the last backup stays, listed in the copy's catalog as files that
 * DuckDB may delete (ducklake_cleanup_old_files), until a backup with `mirror` removes it.
 */

#include "care/backup_report.h"

/* Takes the destination's lock; the lake's own is its run's. ERR_NOT_FOUND: there is no lake.
 * ERR_CONFLICT, ERR_INVALID: nothing may be written there (care/backup_destination.h), a run holds
 * it, or it can't be linked to. ERR_CORRUPT: a file of the lake is missing or damaged, by name. */
enum error_code backup_lake(const struct backup_options *options, struct backup_report *report,
                            struct error *error) MUST_CHECK;

#endif
