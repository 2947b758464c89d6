// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_OPEN_H
#define TTP_LAKE_OPEN_H

/* Finding a lake that is there, for commands that look at it without the writer's lock. */

#include "catalog/catalog.h"

/* Opens the catalog of the lake in `output_path` for reading; the caller closes it. ERR_NOT_FOUND
 * if there is no lake there, or one that is only being made, ERR_CORRUPT if its catalog is missing
 * or damaged. */
enum error_code lake_open_catalog(struct catalog **out, const char *output_path,
                                  struct error *error) MUST_CHECK;

/* ERR_NOT_FOUND, with the remedy, if the folder holds no lake, not even a damaged one. */
enum error_code lake_must_exist(const char *output_path, struct error *error) MUST_CHECK;

#endif
