// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_INLINED_H
#define TTP_CATALOG_INLINED_H

/* The tables in which DuckDB keeps small changes of the lake's table: they come and go. For the
 * modules of this room only. */

#include "database/database.h"

#define INLINED_NAME_BYTES 96

/* A table of inlined rows: its columns are those of one schema version. */
typedef enum error_code inlined_table_visitor(void *context, const char *name, bool has_ledgers,
                                              struct error *error);
/* Names that are not DuckDB's own are passed over. */
enum error_code inlined_each_table(struct database *database, int64_t table_id,
                                   inlined_table_visitor *visit, void *context,
                                   struct error *error) MUST_CHECK;

/* The table of inlined deletes, (file_id, row_id, begin_snapshot); "" if there is none. */
enum error_code inlined_delete_table(struct database *database, int64_t table_id,
                                     char name[INLINED_NAME_BYTES], struct error *error) MUST_CHECK;

#endif
