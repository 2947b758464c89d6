// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_DATABASE_H
#define TTP_DATABASE_DATABASE_H

/*
 * A connection to the catalog's database, whichever engine it has (database/engine.h). What is
 * asked of it is in database/query.h.
 *
 * Errors of all functions: ERR_RETRY (system_errno EBUSY: another writer holds the database, or it
 * can't be reached just now; ENOSPC: it has no room), ERR_CORRUPT, ERR_CONFLICT (not writable, or
 * somebody else writes to it), ERR_NO_MEMORY, ERR_IO (system_errno ECONNABORTED: of a COMMIT whose
 * outcome is not known).
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum database_mode {
    DATABASE_READ,
    DATABASE_WRITE,
    DATABASE_CREATE, /* made if it is not there */
    DATABASE_BESIDE, /* PostgreSQL: changes of single statements, beside the one who writes */
    DATABASE_COPY    /* as it, to be filled from another alone (catalog/copy.c) */
};

struct database {
    const struct engine *engine; /* NULL: closed */
    void *session;               /* the engine's */
    char *path;                  /* owned; what messages call it */
    enum database_mode mode;
    bool lost_commit; /* the last COMMIT was sent, and the connection lost before its answer */
};

void database_close(struct database *database);

/* Runs statements without results, separated by semicolons. */
enum error_code database_execute(struct database *database, const char *sql,
                                 struct error *error) MUST_CHECK;

enum error_code database_begin_write(struct database *database, struct error *error) MUST_CHECK;
/* The same in two parts, for questions that travel with it (query_begin_ahead): the catalog is held
 * from the second on. Whoever ended the first well calls database_end, whatever the second says. */
enum error_code database_ask_to_write(struct database *database, struct error *error) MUST_CHECK;
enum error_code database_hold(struct database *database, struct error *error) MUST_CHECK;
enum error_code database_begin_read(struct database *database, struct error *error) MUST_CHECK;
/* Ends the transaction either way: COMMIT if `code` is OK, else ROLLBACK, keeping `error`. A COMMIT
 * that fails is rolled back too (by closing the session where that can't be done); whether its
 * changes may still appear is not known then (docs/commit-protocol.md, invariant 12). */
enum error_code database_end(struct database *database, enum error_code code,
                             struct error *error) MUST_CHECK;

/* A write transaction that waits for what a dead session of ours may still do, and keeps it from
 * doing anything later; and, inside it, makes sure that a change that was not found never appears
 * (docs/commit-protocol.md, invariant 12). */
enum error_code database_begin_settling(struct database *database, struct error *error) MUST_CHECK;
enum error_code database_rule_out(struct database *database, struct error *error) MUST_CHECK;

/* For database/query.c: the session is open. */
enum error_code database_connect(struct database *database, struct error *error) MUST_CHECK;

#endif
