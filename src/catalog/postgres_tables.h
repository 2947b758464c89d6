// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_POSTGRES_TABLES_H
#define TTP_CATALOG_POSTGRES_TABLES_H

/* What catalogs in PostgreSQL have besides the tables of catalog/tables.h: for catalog/engine.h. */

#include "catalog/database.h"

enum error_code postgres_complete_tables(struct database *database, struct error *error) MUST_CHECK;
enum error_code postgres_is_complete(struct database *database, bool *is_complete,
                                     struct error *error) MUST_CHECK;

#endif
