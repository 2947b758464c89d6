// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_DATABASE_H
#define TTP_CATALOG_DATABASE_H

/*
 * SQLite with our manners: write transactions are always BEGIN IMMEDIATE, a failed one is always
 * rolled back, results become enum error_code, and the WAL and its index stay when the last
 * connection closes, so that users with read permission only can open the database at any time.
 *
 * Errors of all functions: ERR_RETRY (system_errno EBUSY: another writer holds the database;
 * ENOSPC: the disk is full), ERR_CORRUPT, ERR_CONFLICT (not writable), ERR_NO_MEMORY, ERR_IO.
 */

#include <stdbool.h>
#include <stdint.h>

#include "catalog/guard.h"
#include "os/file.h"
#include "util/error.h"

enum database_mode {
    DATABASE_READ,
    DATABASE_WRITE,
    DATABASE_CREATE, /* made if it is not there */
    DATABASE_COPY    /* as it, to be filled by database_copy alone */
};

struct database {
    struct sqlite3 *handle; /* NULL: closed; before its next use it is opened again */
    char *path;             /* owned */
    enum database_mode mode;
    struct guard guard; /* of `handle`, which knows its address: only database_take moves it */
};

/* ERR_NOT_FOUND if it is not there and `mode` does not create. On failure it is closed. */
enum error_code database_open(struct database *database, const char *path, enum database_mode mode,
                              struct error *error) MUST_CHECK;
void database_close(struct database *database);
/* Closes `database`, and puts the open one of `other` into its place. */
void database_take(struct database *database, struct database *other);

/* The path of a file that SQLite keeps beside the database: "-wal", "-shm", "-journal"; "" for its
 * own. ERR_LIMIT. */
enum error_code database_side_path(char out[OS_PATH_BYTES], const char *path, const char *suffix,
                                   struct error *error) MUST_CHECK;

/* Runs statements without results, separated by semicolons. */
enum error_code database_execute(struct database *database, const char *sql,
                                 struct error *error) MUST_CHECK;

enum error_code database_begin_write(struct database *database, struct error *error) MUST_CHECK;
enum error_code database_begin_read(struct database *database, struct error *error) MUST_CHECK;
/* Ends the transaction either way: COMMIT if `code` is OK, else ROLLBACK, keeping `error`. A COMMIT
 * that fails is rolled back too (by closing the database where SQLite has no memory to do it);
 * whether its changes may still appear after a crash is not known
 * then (docs/commit-protocol.md, invariant 12). */
enum error_code database_end(struct database *database, enum error_code code,
                             struct error *error) MUST_CHECK;

/* For catalog/query.c: the handle is there; and the error of the last call on it, as one of ours.
 */
enum error_code database_connect(struct database *database, struct error *error) MUST_CHECK;
enum error_code database_error(struct database *database, int result, struct error *error);

/* Makes `to` what `from` is, of one moment, in one transaction: who reads either is not disturbed,
 * and who writes to `from` neither, if it has a write-ahead log. What `to` held is gone. */
enum error_code database_copy(struct database *to, struct database *from,
                              struct error *error) MUST_CHECK;

#endif
