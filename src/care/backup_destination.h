// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_DESTINATION_H
#define TTP_CARE_BACKUP_DESTINATION_H

/* The folder that a lake is backed up into: what may be there, and what may not. */

#include "commit/lake_file.h"
#include "store/store.h"

enum destination_kind {
    DESTINATION_EMPTY,   /* nothing there, or what a backup left that died before its first file */
    DESTINATION_STARTED, /* a first backup of this lake that did not end: there is no catalog yet */
    DESTINATION_LAKE     /* a backup of this lake */
};

/* Where `path` leads, as an absolute path without links, whether or not it is there yet;
 * ERR_INVALID if it lies in the lake at `root`, holds it, is no folder, or lies in one that is not
 * there. */
enum error_code destination_find(const char *path, const char *root, char out[OS_PATH_BYTES],
                                 struct error *error) MUST_CHECK;

/* ERR_CONFLICT: another lake, something else than a lake, or one that was left in the middle of a
 * commit. `lake`: lake.json of the one that is backed up. */
enum error_code destination_look(const struct store *copy, const struct lake_file *lake,
                                 enum destination_kind *kind, struct error *error) MUST_CHECK;

/* ERR_CONFLICT if the backup at `former` has commits or snapshots that `lake`, the catalog of the
 * lake now, has not: a run went on in it, or the lake was put back from an older backup. */
enum error_code destination_check_older(const struct store *copy, struct catalog *former,
                                        struct catalog *lake, struct error *error) MUST_CHECK;

#endif
