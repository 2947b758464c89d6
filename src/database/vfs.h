// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_VFS_H
#define TTP_DATABASE_VFS_H

/*
 * SQLite's file system (sqlite.org/vfs.html): a layer over the system's own that reports opens,
 * writes, syncs, truncations and deletions of named files to the hook of os/library_hook.h, before
 * and after, so that fault injection reaches the catalog too. Shared memory goes straight through.
 *
 * It is a fence as well: SQLite reaches the databases that our code opens, their journal, log and
 * shared memory, and temporary files without a name. All else, such as a file that a crafted
 * rollback journal names as its super-journal (which SQLite deletes), is refused.
 */

#include <stdbool.h>

#include "os/file.h"

#define CATALOG_VFS_NAME "ttp"

/* Registers it with SQLite, once, after telling SQLite to take its memory where we take ours; a
 * SQLite result code. Thread-safe. */
int catalog_vfs_register(void);

/* Whether this thread's SQLite was refused a path since the last call, and which. */
bool catalog_vfs_take_refused(char out[OS_PATH_BYTES]);

#endif
