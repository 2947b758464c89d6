// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_SQLITE_SESSION_H
#define TTP_DATABASE_SQLITE_SESSION_H

/* A connection of SQLite's, and its errors as ours. */

#include "database/database.h"
#include "database/guard.h"
#include "os/file.h"

struct sqlite_session {
    struct sqlite3 *handle; /* NULL: closed; before its next use it is opened again */
    struct guard guard;     /* of `handle` */
};

struct sqlite_session *sqlite_session(const struct database *database);
/* The error of the last call on the session, as one of ours. */
enum error_code sqlite_error(struct database *database, int result, struct error *error);

/* The path of a file that SQLite keeps beside the database: "-wal", "-shm", "-journal"; "" for its
 * own. ERR_LIMIT. */
enum error_code database_side_path(char out[OS_PATH_BYTES], const char *path, const char *suffix,
                                   struct error *error) MUST_CHECK;

#endif
