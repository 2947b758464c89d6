// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_POSTGRES_DATABASE_H
#define TTP_CATALOG_POSTGRES_DATABASE_H

/* PostgreSQL as an engine of catalog/database.h. */

#include "catalog/database.h"
#include "catalog/location.h"

/* The engine and session of a database that has its mode and path. A mode that creates makes the
 * schema if it is not there. On failure database_close. */
enum error_code postgres_open(struct database *database, const struct catalog_location *where,
                              struct error *error) MUST_CHECK;

#endif
