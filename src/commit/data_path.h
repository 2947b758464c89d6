// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_DATA_PATH_H
#define TTP_COMMIT_DATA_PATH_H

/* The path by which readers find the lake's files, as text and held against the folder where the
 * lake lies (catalog/place.h keeps it). */

#include "catalog/catalog.h"
#include "os/file.h"

/* data_path of a lake at `root`: `reader_data_path` if it is not "", without "//", "/./" and with
 * one slash at its end; of a lake on object storage it may be a URL. DuckDB compares paths as
 * texts, and takes files under another spelling for orphans. ERR_INVALID if it is not absolute or
 * has "..". */
enum error_code data_path_make(char out[OS_PATH_BYTES], const char *root,
                               const char *reader_data_path, struct error *error) MUST_CHECK;

#define DATA_PATH_WARNING_BYTES 4096
/* Tells in words, with the remedy, if the catalog names another place than where the lake lies,
 * and nobody wanted that; else "". `output_path` and `reader_data_path`: as configured. */
enum error_code data_path_warning(struct catalog *catalog, const char *output_path,
                                  const char *reader_data_path, char out[DATA_PATH_WARNING_BYTES],
                                  struct error *error) MUST_CHECK;

#endif
