// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_KEEPING_H
#define TTP_CATALOG_KEEPING_H

/*
 * That files which a catalog names are kept while somebody copies them (commit/backup_lock.h), told
 * to all machines that use the catalog: an advisory lock of a session of its own in PostgreSQL.
 * A SQLite file is one machine's, whose kernel has locks for that: there is nothing to take here.
 */

#include "database/location.h"
#include "util/error.h"

#define KEEPING_HOLDER_BYTES 128

struct catalog_keeping;

/* `shared`: to keep files, beside others who do; else to delete some, alone. Does not wait. On
 * success *out is the caller's to free, and NULL where nothing is to be taken. ERR_CONFLICT, with
 * who has it in `holder`: others have the lock. */
enum error_code catalog_keeping_take(struct catalog_keeping **out,
                                     const struct database_location *where, bool shared,
                                     char holder[KEEPING_HOLDER_BYTES],
                                     struct error *error) MUST_CHECK;
/* ERR_RETRY if it was lost since, with its connection. NULL is fine. */
enum error_code catalog_keeping_check(struct catalog_keeping *keeping,
                                      struct error *error) MUST_CHECK;
void catalog_keeping_free(struct catalog_keeping *keeping); /* NULL is fine */

#endif
