// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_HANDLE_H
#define TTP_CATALOG_HANDLE_H

/* What is behind a struct catalog: for the modules of this room only. */

#include "database/database.h"
#include "database/query.h"

struct catalog {
    struct database database;
    char *lake_id;
    char *schema_version;
    int64_t table_id;     /* the lake's own table: rows of others are told by it */
    int64_t partition_id; /* of our own partitioning; 0: none */
    bool in_read;         /* catalog_begin_read is open */
    bool is_shared;       /* others write to it, too */
    bool has_uploads;     /* this session has put a row into ttp_upload */
};

#endif
