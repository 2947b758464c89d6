// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_ENGINES_H
#define TTP_DATABASE_ENGINES_H

/* Which engine a database has is decided here, where it is opened. */

#include "database/database.h"
#include "database/location.h"

/* ERR_NOT_FOUND if it is not there and `mode` does not create. On failure it is closed. */
enum error_code database_open_at(struct database *database, const struct database_location *where,
                                 enum database_mode mode, struct error *error) MUST_CHECK;
/* The same of a SQLite file. */
enum error_code database_open(struct database *database, const char *path, enum database_mode mode,
                              struct error *error) MUST_CHECK;

/* A SQLite file, not tables of a server. */
bool database_is_file(const struct database *database);
/* Makes the file `to` what the file `from` is, of one moment, by SQLite's backup
 * (sqlite.org/c3ref/backup_finish.html). All that `to` held is gone. */
enum error_code database_copy_file(struct database *to, struct database *from,
                                   struct error *error) MUST_CHECK;

#endif
