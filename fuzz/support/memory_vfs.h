// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_MEMORY_VFS_H
#define TTP_FUZZ_MEMORY_VFS_H

/*
 * SQLite's files in memory: a default VFS that goes to the system's until it is told to switch. One
 * process and one connection a file, so locks always succeed; the WAL's index is there.
 */

#include <stdbool.h>

#include "util/bytes.h"

/* Registers it as the default; before any other VFS is laid over the default. */
void memory_vfs_register(void);

/* From now on all files are in memory (and none are at first), or the system's again. */
void memory_vfs_switch(bool to_memory);

/* The file of that name holds `content`; its WAL and index are gone. Nobody has it open. */
void memory_vfs_set(const char *path, struct bytes_view content);

/* What it holds, until it is changed; nothing if there is no such file. */
struct bytes_view memory_vfs_get(const char *path);

#endif
