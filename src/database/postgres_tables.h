// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_TABLES_H
#define TTP_DATABASE_POSTGRES_TABLES_H

/* What catalogs in PostgreSQL have besides the tables of catalog/tables.h: for database/engine.h.
 */

#include "database/database.h"

enum error_code postgres_complete_tables(struct database *database, struct error *error) MUST_CHECK;
enum error_code postgres_is_complete(struct database *database, bool *is_complete,
                                     struct error *error) MUST_CHECK;

#endif
