// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_LAYOUT_H
#define TTP_STORE_LAYOUT_H

/* Where things of ours lie, relative to output_path (docs/commit-protocol.md). All in _lake lies
 * within the fence of os/fence.h. */

#include <stdbool.h>

#include "os/fence.h"

#define LAKE_FOLDER       OS_FENCED_FOLDER
#define LAKE_FILE         "_lake/lake.json"
#define LAKE_LOCK         "_lake/lock"
#define LAKE_BACKUP_LOCK  "_lake/backup"
#define LAKE_STAGING      "_lake/staging"
#define LAKE_INTENT       "_lake/staging/intent.json"
#define LAKE_DEAD_LETTERS "_lake/dead_letters"
/* Files that a copy of a lake holds, which lie outside of the lake itself. */
#define LAKE_EXTERNAL     "_lake/external"
#define LAKE_BACKUPS      "_lake/backups.json"
#define LAKE_BACKUPS_LOCK LAKE_BACKUPS ".lock"
#define LAKE_DAMAGED      "_lake/damaged"
/* Data files that left the lake, and that older snapshots still read. */
#define LAKE_REPLACED "_lake/replaced"
/* Where a start tries what the file system can do; gone when it is over. */
#define LAKE_PROBE_STAGED "_lake/staging/probe.inprogress"
#define LAKE_PROBE_FINAL  "_lake_probe"

#define LAKE_IN_PROGRESS_SUFFIX ".inprogress"
#define LAKE_DAMAGED_SUFFIX     ".damaged"

/* Whether a path relative to output_path is one of a data file: it ends in .parquet and lies
 * outside _lake. */
bool lake_is_data_path(const char *path);

#endif
