// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_SQLITE_DATABASE_H
#define TTP_DATABASE_SQLITE_DATABASE_H

/*
 * SQLite as an engine of database/database.h: write transactions are always BEGIN IMMEDIATE, a
 * failed one is always rolled back, and the WAL and its index stay when the last connection closes,
 * so that users with read permission only can open the database at any time.
 */

#include "database/database.h"

/* The engine and session of a database that has its mode and path. On failure database_close. */
enum error_code sqlite_open(struct database *database, const char *path,
                            struct error *error) MUST_CHECK;
bool sqlite_is_engine_of(const struct database *database);
/* database_copy_file. */
enum error_code sqlite_copy(struct database *to, struct database *from,
                            struct error *error) MUST_CHECK;

#endif
