// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_LAKE_FOLDER_H
#define TTP_SINK_LAKE_FOLDER_H

/* A lake's folder held for writing: locked, checked, recovered, with its catalog open. */

#include "commit/lake_file.h"
#include "commit/ownership.h"
#include "rows/schema.h"
#include "sink/sink_options.h"

struct lake_folder {
    struct store store; /* its root is output_path, absolute */
    struct ownership ownership;
    struct lake_file file; /* lake.json as it stands */
    struct catalog *catalog;
};

/* Everything sink_open promises about the lake; a catalog that another program holds is waited for
 * at `obstacle`. On failure the folder is closed. */
enum error_code lake_folder_open(struct lake_folder *folder, const struct sink_options *options,
                                 const struct row_schema *schema, struct obstacle *obstacle,
                                 struct error *error) MUST_CHECK;
void lake_folder_close(struct lake_folder *folder); /* idempotent after open */

#endif
