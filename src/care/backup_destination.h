// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_DESTINATION_H
#define TTP_CARE_BACKUP_DESTINATION_H

/* The place that a lake is backed up into, a folder or one of an object store, and its catalog's:
 * what may be there, and what may not. */

#include "commit/lake_file.h"
#include "store/store.h"

enum destination_kind {
    DESTINATION_EMPTY,   /* nothing there, or what a backup left that died before its first file */
    DESTINATION_STARTED, /* a first backup of this lake that did not end: there is no catalog yet */
    DESTINATION_LAKE     /* a backup of this lake */
};

struct destination {
    enum destination_kind kind;
    /* Where its catalog is, as the options say it (database/location.h); "": in the folder. */
    char catalog[DATABASE_LOCATION_BYTES], schema[DATABASE_SCHEMA_BYTES];
    bool catalog_is_in_folder;
};

/* Where `path` leads, as an absolute path without links, or as an object store's address, whether
 * or not it is there yet; ERR_INVALID if it lies in the lake at `root`, holds it, is no folder, or
 * lies in one that is not there. */
enum error_code destination_find(const char *path, const char *root, char out[OS_PATH_BYTES],
                                 struct error *error) MUST_CHECK;

/* Says where the catalog of the copy at `root` is to be, as it is wanted; ERR_INVALID, with the
 * remedy, if it can't be there. `root` and `destination` are borrowed until destination_forget. */
enum error_code destination_place(struct destination *destination, const char *root,
                                  const char *catalog, const char *schema,
                                  struct error *error) MUST_CHECK;
void destination_forget(void);

/* Whether an object store can be reached at all: ERR_INVALID with the remedy where it can't be, as
 * long as that is (a wrong bucket or key). */
enum error_code destination_reach(const struct store *copy, struct error *error) MUST_CHECK;

/* ERR_CONFLICT: another lake, something else than a lake, one whose catalog is elsewhere than
 * wanted, or one that was left in the middle of a commit. `lake`: lake.json of the one that is
 * backed up. */
enum error_code destination_look(struct destination *destination, const struct store *copy,
                                 const struct lake_file *lake, struct error *error) MUST_CHECK;

/* ERR_CONFLICT if the backup at `former` has commits or snapshots that `lake`, the catalog of the
 * lake now, has not: a run went on in it, or the lake was put back from an older backup. */
enum error_code destination_check_older(const struct store *copy, struct catalog *former,
                                        struct catalog *lake, struct error *error) MUST_CHECK;

#endif
