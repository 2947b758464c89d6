// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_RETIREMENT_H
#define TTP_COMMIT_RETIREMENT_H

/*
 * Files that leave the lake while older snapshots still read them (docs/commit-protocol.md, "Files
 * that leave"), and what lake.json says of pruned ledgers.
 *
 * The catalog's transaction decides that a file left; what must be done to the file then is listed
 * in the catalog by the same transaction, and done after it: at once, or by the next writer's
 * recovery. So there is no moment at which a death leaves something that nobody knows of.
 */

#include "commit/backup_lock.h"
#include "commit/lake_file.h"
#include "catalog/care.h"

/* Where a file is kept that lay at `path`. ERR_CORRUPT if no data file of the lake can have lain
 * there: only a catalog that somebody made says so. */
enum error_code retirement_kept_path(const char *path, char out[OS_PATH_BYTES],
                                     struct error *error) MUST_CHECK;

/* Whether files that leave stay where they are until they are deleted: their names are no other
 * file's, ever, and can't be changed. */
bool retirement_in_place(const struct store *store);

/* Before anything of this lake is pruned, replaced or retired for the first time: programs that
 * know only the first layout are kept away from it by lake.json and by the catalog. */
enum error_code retirement_begin(const struct store *store, struct lake_file *lake,
                                 struct catalog *catalog, struct error *error) MUST_CHECK;

/* Moves the files that left and lie where they were: those that repair took out to _lake/damaged,
 * those that older snapshots read, while no backup runs, to _lake/replaced. One that is gone, or
 * has another size, is left alone and logged: it is missing to older snapshots only; what can't
 * be moved is logged and stays listed. Running it again continues. */
enum error_code retirement_finish(const struct store *store, struct catalog *catalog,
                                  struct error *error) MUST_CHECK;

/* Before files that any snapshot named are moved: no backup begins until the lock is released.
 * While one runs, which copies them from where they are, *may_move is false, and the log says that
 * they stay there for now: they stay listed, and the next writer moves them. */
enum error_code retirement_lock_out_backups(struct backup_lock *lock, const struct store *store,
                                            bool *may_move, struct error *error) MUST_CHECK;

/* Moves a file that was taken out to _lake/damaged, and records where it lies. *was_there: it was.
 * Backups are locked out. */
enum error_code retirement_set_aside(const struct store *store, struct catalog *catalog,
                                     const char *path, bool *was_there,
                                     struct error *error) MUST_CHECK;

/* Makes lake.json say of pruned ledgers what the catalog says; `lake` is what it says now. */
enum error_code retirement_keep_pruned(const struct store *store, struct lake_file *lake,
                                       struct catalog *catalog, struct error *error) MUST_CHECK;

#endif
