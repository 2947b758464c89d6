// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_PLACE_H
#define TTP_CATALOG_PLACE_H

/*
 * Where the lake's files are. The catalog names an absolute path by which readers find them
 * (data_path): the lake's own folder, or another name for it where readers run elsewhere
 * (reader_data_path). A copied, moved or restored lake names the place of the one it was made of:
 * DuckDB then reads, and cleans up, the files there. So the catalog also keeps where the lake lay
 * when data_path was set (lake_path): as long as it lies there, data_path is as it was wanted.
 */

#include "catalog/catalog.h"
#include "os/file.h"

/* What the catalog kept before catalog_set_place. */
struct catalog_place {
    bool data_path_changed;
    bool lay_elsewhere; /* or was never said to lie anywhere, by version 0.1.0 */
    char data_path[OS_PATH_BYTES];
};

/* What `before` would get. */
enum error_code catalog_compare_place(struct catalog *catalog, const char *data_path,
                                      const char *root, struct catalog_place *before,
                                      struct error *error) MUST_CHECK;

/* Sets data_path, and `root` as where the lake lies, if they differ from what is kept. */
enum error_code catalog_set_place(struct catalog *catalog, const char *data_path, const char *root,
                                  struct catalog_place *before, struct error *error) MUST_CHECK;

/* Where the lake lay when data_path was set, for the caller to mem_free; NULL: it was never said.
 */
enum error_code catalog_lake_path(struct catalog *catalog, char **lake_path,
                                  struct error *error) MUST_CHECK;

#endif
