// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_VFS_H
#define TTP_CATALOG_VFS_H

/*
 * SQLite's file system (sqlite.org/vfs.html): a layer over the system's own that reports opens,
 * writes, syncs, truncations and deletions of named files to the hook of os/library_hook.h, before
 * and after, so that fault injection reaches the catalog too. Shared memory goes straight through.
 */

#define CATALOG_VFS_NAME "ttp"

/* Registers it with SQLite, once, after telling SQLite to take its memory where we take ours; a
 * SQLite result code. Thread-safe. */
int catalog_vfs_register(void);

#endif
