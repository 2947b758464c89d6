// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_ASIDE_H
#define TTP_DATABASE_POSTGRES_ASIDE_H

#include <stddef.h>

#include "database/database.h"

/* Inside a transaction of PostgreSQL's: moves the catalog's tables, DuckLake's and ours, into a new
 * schema of their own, whose name `kept` gets; "": there are none. Nothing is dropped. */
enum error_code postgres_set_aside(struct database *database, char *kept, size_t kept_bytes,
                                   struct error *error) MUST_CHECK;

#endif
