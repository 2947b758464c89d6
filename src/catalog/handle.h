// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_HANDLE_H
#define TTP_CATALOG_HANDLE_H

/* What is behind a struct catalog: for the modules of this room only. */

#include "catalog/catalog.h"
#include "catalog/database.h"
#include "catalog/query.h"

struct catalog {
    struct database database;
    enum catalog_mode mode;
    char *lake_id;
    char *schema_version;
    int64_t table_id;     /* the lake's own table: rows of others are told by it */
    int64_t partition_id; /* of our own partitioning; 0: none */
    bool in_read;         /* catalog_begin_read is open */
};

/* Sets a key of ttp_lake; inside a write transaction. */
enum error_code catalog_set_value(struct database *database, const char *key, const char *value,
                                  struct error *error) MUST_CHECK;

/* A value of ttp_lake, for the caller to mem_free; NULL if it is not there. */
enum error_code catalog_get_value(struct database *database, const char *key, char **value,
                                  struct error *error) MUST_CHECK;

#endif
