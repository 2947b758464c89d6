// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_FILE_DESCRIPTION_H
#define TTP_SINK_FILE_DESCRIPTION_H

/* What the catalog is told of a data file that is complete in staging, and the name that it gets.
 */

#include "catalog/catalog.h"
#include "sink/data_file.h"

/* Fills *out but for the path; everything it points to lies in `arena`. */
enum error_code file_description_make(const struct data_file *file,
                                      const struct data_file_setup *setup,
                                      enum partitioning_scheme scheme, struct arena *arena,
                                      struct catalog_file *out, struct error *error) MUST_CHECK;

/* The first free name of the file's series, with its folder: neither on disk nor ever used by the
 * lake, nor one of the `count` files that are named already. In `arena`. */
enum error_code file_description_name(const struct data_file *file, const struct store *store,
                                      struct catalog *catalog, enum partitioning_scheme scheme,
                                      const struct catalog_file *named, size_t count,
                                      const char *commit_uuid, struct arena *arena,
                                      const char **path, struct error *error) MUST_CHECK;

#endif
