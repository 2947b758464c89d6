// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_LAKE_RECOVERY_H
#define TTP_SINK_LAKE_RECOVERY_H

/* recovery_run (commit/recovery.h) with what it must know of data files: the paths that a lake's
 * scheme makes, and what a file's footer says about its commit. */

#include "commit/lake_file.h"
#include "commit/recovery.h"

/* `lake`: its lake.json, which is made to agree with the catalog. As recovery_run, and what left
 * the lake is where it is kept then, or is deleted; ERR_CORRUPT for a scheme that nobody knows,
 * too. */
enum error_code lake_recover(const struct store *store, struct lake_file *lake,
                             struct catalog *catalog, struct recovery_report *report,
                             struct error *error) MUST_CHECK;

#endif
