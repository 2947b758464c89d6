// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_VALUES_H
#define TTP_CATALOG_VALUES_H

/* What the catalog keeps about its lake, as texts by key: the table ttp_lake. */

#include "database/database.h"

/* Sets a key of ttp_lake; inside a write transaction. */
enum error_code catalog_set_value(struct database *database, const char *key, const char *value,
                                  struct error *error) MUST_CHECK;

/* A value of ttp_lake, for the caller to mem_free; NULL if it is not there. */
enum error_code catalog_get_value(struct database *database, const char *key, char **value,
                                  struct error *error) MUST_CHECK;

#endif
