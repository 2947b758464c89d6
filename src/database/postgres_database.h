// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_DATABASE_H
#define TTP_DATABASE_POSTGRES_DATABASE_H

/* PostgreSQL as an engine of database/database.h. */

#include "database/database.h"
#include "database/location.h"

/* The engine and session of a database that has its mode and path. A mode that creates makes the
 * schema if it is not there. On failure database_close. */
enum error_code postgres_open(struct database *database, const struct database_location *where,
                              struct error *error) MUST_CHECK;

#endif
