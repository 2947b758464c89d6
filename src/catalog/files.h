// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_FILES_H
#define TTP_CATALOG_FILES_H

/* The files that a catalog is, as it lies in a lake's folder: for those who look whether it is
 * there, open it, or put a new one in its place (commit/exchange.h). */

#include <stddef.h>

#include "catalog/catalog.h"

/* All relative to the lake. */
#define LAKE_CATALOG "_lake/catalog.sqlite"
#define CATALOG_NEW  "_lake/catalog.sqlite.rebuilding"

/* The file itself, LAKE_CATALOG, then what lies beside it while it is used. */
#define CATALOG_PART_COUNT 4
extern const char *const catalog_parts[CATALOG_PART_COUNT];

/* ERR_CONFLICT if a process has the catalog at `path` open, be it damaged or not. This process must
 * not have it open. */
enum error_code catalog_refuse_if_open(const char *path, struct error *error) MUST_CHECK;

/* Removes what an interrupted exchange left under the new name. `root`: output_path. */
enum error_code catalog_discard_new(const char *root, struct error *error) MUST_CHECK;

/* Closes the catalog that was made as CATALOG_NEW, in every case, and makes it one file without a
 * write-ahead log. Its bytes are durable then; its name becomes so by the exchange. */
enum error_code catalog_seal_new(const char *root, struct catalog *catalog,
                                 struct error *error) MUST_CHECK;

/* The same of a catalog by its path, wherever it lies. */
enum error_code catalog_discard(const char *path, struct error *error) MUST_CHECK;
enum error_code catalog_seal(const char *path, struct catalog *catalog,
                             struct error *error) MUST_CHECK;

#endif
