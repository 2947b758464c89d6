// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_ENGINES_H
#define TTP_CATALOG_ENGINES_H

/* Which engine a database has is decided here, where it is opened. */

#include "catalog/database.h"
#include "catalog/location.h"

/* ERR_NOT_FOUND if it is not there and `mode` does not create. On failure it is closed. */
enum error_code database_open_at(struct database *database, const struct catalog_location *where,
                                 enum database_mode mode, struct error *error) MUST_CHECK;
/* The same of a SQLite file. */
enum error_code database_open(struct database *database, const char *path, enum database_mode mode,
                              struct error *error) MUST_CHECK;

/* Makes `to` what `from` is, of one moment, in one transaction: who reads either is not disturbed,
 * and who writes to `from` neither, if that is no SQLite file without a write-ahead log. Of two
 * SQLite files all that `to` held is gone; else catalog/transfer.h says what stays. */
enum error_code database_copy(struct database *to, struct database *from,
                              struct error *error) MUST_CHECK;

#endif
