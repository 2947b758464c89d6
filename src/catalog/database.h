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

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "catalog/guard.h"
#include "util/error.h"

enum database_mode {
    DATABASE_READ,
    DATABASE_WRITE,
    DATABASE_CREATE /* made if it is not there */
};

struct database {
    sqlite3 *handle; /* NULL: closed; before its next use it is opened again */
    char *path;      /* owned */
    enum database_mode mode;
    struct guard guard; /* of `handle`, which knows its address: an open database does not move */
};

/* ERR_NOT_FOUND if it is not there and `mode` does not create. On failure it is closed. */
enum error_code database_open(struct database *database, const char *path, enum database_mode mode,
                              struct error *error) MUST_CHECK;
void database_close(struct database *database);

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

/* The error of the last call on the handle, as one of ours. */
enum error_code database_error(struct database *database, int result, struct error *error);

/* One prepared statement. Binding cannot fail at once: the first failure is kept and comes back
 * from the next step. Texts and blobs are borrowed until then. */
struct statement {
    struct database *database;
    sqlite3_stmt *handle;
    int bind_result;
    int64_t ticks; /* what it has done since it began (catalog/guard.h) */
};

enum error_code statement_prepare(struct statement *statement, struct database *database,
                                  const char *sql, struct error *error) MUST_CHECK;
void statement_release(struct statement *statement);
/* Indices count from 1. */
void statement_bind_int(struct statement *statement, int index, int64_t value);
void statement_bind_text(struct statement *statement, int index, const char *text); /* NULL: NULL */
void statement_bind_null(struct statement *statement, int index);
/* *row: whether there is a row. After the last one the statement is ready to be bound again. */
enum error_code statement_step(struct statement *statement, bool *row,
                               struct error *error) MUST_CHECK;
/* Steps to the end, ignoring rows. */
enum error_code statement_run(struct statement *statement, struct error *error) MUST_CHECK;
/* Columns count from 0. Texts live until the next step; NULL where the value is NULL. */
int64_t statement_int(const struct statement *statement, int column);
const char *statement_text(const struct statement *statement, int column);
bool statement_is_null(const struct statement *statement, int column);
/* A number that is counted on from: ERR_CORRUPT if it lies below zero or leaves no room for that.
 */
enum error_code statement_counter(const struct statement *statement, int column, int64_t *value,
                                  struct error *error) MUST_CHECK;

/* The integer (or text, copied, for the caller to mem_free) of the first row's first column; *found
 * is false if there is no row or it is NULL. */
enum error_code database_query_int(struct database *database, const char *sql, int64_t *value,
                                   bool *found, struct error *error) MUST_CHECK;
enum error_code database_query_text(struct database *database, const char *sql, char **text,
                                    struct error *error) MUST_CHECK;

/* Some of our tables are made when something first belongs into them. */
enum error_code database_has_table(struct database *database, const char *name, bool *has,
                                   struct error *error) MUST_CHECK;

#endif
