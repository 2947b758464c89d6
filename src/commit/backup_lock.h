// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_BACKUP_LOCK_H
#define TTP_COMMIT_BACKUP_LOCK_H

/*
 * Deletion waits for a running backup (docs/commit-protocol.md, invariant 27). A backup reads the
 * catalog once and then, for as long as it takes, the files that this catalog names; a run may add
 * to the lake meanwhile, but nobody may take such a file away. So a backup holds a shared kernel
 * lock on _lake/backup from before it reads the catalog until it has its files, and whoever deletes
 * a file that any snapshot of the catalog named asks for the exclusive one first, without waiting.
 * (A retired file that moves into _lake/replaced beside a backup is found under either name.)
 *
 *     struct backup_lock lock;
 *     enum error_code code = backup_lock_delete(&lock, store, error);
 *     if (code == ERR_CONFLICT)
 *         … put the deletion off: `error` says what for, and the next call of the verb, or the
 *           run's next hour, tries again
 *     if (code == OK)
 *         … delete, and sync it
 *     backup_lock_release(&lock);
 *
 * What only the catalog changes needs no lock: a snapshot may end beside a backup, its files go
 * later. Keep it as short as the deletion: a backup that begins waits for it. The kernel lets go of
 * it when the process ends, however it ends; the file's text (pid, host, where to) only informs.
 *
 * A lake that several machines may write to has its catalog in PostgreSQL: there both take a lock
 * of the catalog, too (catalog/keeping.h). One on object storage with a SQLite catalog has the
 * lock's file beside that.
 */

#include "catalog/keeping.h"
#include "store/store.h"

struct backup_lock {
    struct os_file file;
    struct catalog_keeping *keeping; /* where the catalog is in PostgreSQL */
};

/* How long a backup waits for deletions to end before it gives up. */
#define BACKUP_LOCK_PATIENCE_US INT64_C(60000000)

void backup_lock_init(struct backup_lock *lock);
/* For a backup of the lake to `destination`; any number may run. ERR_CONFLICT if deletions don't
 * come to an end. Other errors as of os_file_open. On failure it is released. */
enum error_code backup_lock_share(struct backup_lock *lock, const struct store *store,
                                  const char *destination, struct error *error) MUST_CHECK;
/* For a deletion. ERR_CONFLICT, with a sentence that names the backup's process, while one runs:
 * the deletion is put off. On failure it is released. */
enum error_code backup_lock_delete(struct backup_lock *lock, const struct store *store,
                                   struct error *error) MUST_CHECK;
/* ERR_RETRY if a backup's lock was lost since: files may be gone. */
enum error_code backup_lock_check(const struct backup_lock *lock, struct error *error) MUST_CHECK;
void backup_lock_release(struct backup_lock *lock); /* idempotent */

#endif
