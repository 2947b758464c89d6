// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_NEWER_FILES_H
#define TTP_SINK_NEWER_FILES_H

/*
 * Files of this lake that its catalog does not know (docs/commit-protocol.md, invariant 17): a
 * catalog that was put back from a backup is older than the files beside it, and their rows would
 * be fetched a second time. Such a file names this lake, and a commit that the catalog does not
 * hold, or holds with other ledgers or rows. Files of others, and copies of the lake's own files,
 * are left to `verify`.
 */

#include "commit/lake_file.h"
#include "rows/partition.h"

/* The newest partition that the catalog knows, and all later ones: what a run goes on with.
 * ERR_CONFLICT, with the remedy, if there is such a file. */
enum error_code newer_files_check_newest(const struct store *store, const struct lake_file *lake,
                                         struct catalog *catalog, enum partitioning_scheme scheme,
                                         struct error *error) MUST_CHECK;
/* The partition that starts there. ERR_CONFLICT as above. */
enum error_code newer_files_check_partition(const struct store *store, const struct lake_file *lake,
                                            struct catalog *catalog,
                                            enum partitioning_scheme scheme, int64_t start_us,
                                            struct error *error) MUST_CHECK;

#endif
