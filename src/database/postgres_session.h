// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_SESSION_H
#define TTP_DATABASE_POSTGRES_SESSION_H

/*
 * A connection to PostgreSQL. What it is asked within a transaction goes through libpq's pipeline:
 * a statement is sent and its answer read with that of the next question that has to be answered,
 * so that a transaction costs as many round trips as it stops to look at answers. The first failure
 * of a transaction stays, and is what each later call of it returns; only its end clears it.
 *
 * A session that writes holds the catalog, alone or beside others (docs/commit-protocol.md, "A
 * catalog in PostgreSQL"): an advisory lock of its connection keeps others out, and a row of
 * ttp_writer, with its random holder and an epoch that rises with each connection, is what each of
 * its transactions is fenced by.
 */

#include <libpq-fe.h>

#include "database/database.h"
#include "database/location.h"
#include "database/postgres_prepared.h"
#include "database/query.h"
#include "os/identity.h"

/* Statements between two looks at their answers: together these fill no socket's buffer. */
#define POSTGRES_PENDING_MAX 200

/* A statement whose answer was not read. */
struct postgres_pending {
    PGresult **answer;                   /* where it goes; NULL: nobody wants it */
    struct postgres_statement *prepares; /* NULL: it is run */
    bool is_fence;                       /* without a row it fails the transaction, */
    bool is_demand;                      /* and so does this, as `unless` says */
    struct query_demand unless;
};

struct postgres_session {
    PGconn *connection;      /* NULL: closed; before its next use it is opened again */
    char *conninfo, *schema; /* owned */
    char holder[OS_UUID_BYTES];
    char epoch[24];      /* in decimal; "": ttp_writer does not name us yet */
    bool is_shared;      /* others write, too */
    bool was_holder;     /* ttp_writer named this session once, */
    int64_t last_epoch;  /* and with this epoch at last */
    bool holds_lock;     /* the advisory one, of this connection */
    bool in_transaction; /* then the connection is in pipeline mode */
    bool is_demanding;   /* a fence or a demand was asked, and has not answered */
    unsigned open_lists; /* a bit for each of database/postgres_list.h */
    size_t pending_count;
    struct postgres_pending pending[POSTGRES_PENDING_MAX];
    struct postgres_prepared prepared;
    enum error_code code; /* the first failure of this transaction */
    struct error failure;
    uint64_t trips; /* answers waited for, for tests */
};

/* Values of a statement, in the text form. */
struct postgres_values {
    int count;
    const Oid *types;
    const char *const *texts;
};

struct postgres_session *postgres_session(const struct database *database);

/* Opens what is closed. ERR_RETRY: the server can't be reached, or has no room for us, just now. */
enum error_code postgres_connect(struct database *database, struct error *error) MUST_CHECK;
void postgres_hang_up(struct postgres_session *session);

/* Within a transaction: sends a statement. Its answer goes to *answer, which is NULL until then and
 * for the caller to PQclear, when it is read; NULL: nobody wants it. */
enum error_code postgres_send(struct database *database, const char *sql,
                              const struct postgres_values *values, PGresult **answer,
                              struct error *error) MUST_CHECK;
/* The same of a question that has no row if the session is fenced: whoever reads its answer is told
 * so by ERR_CONFLICT. */
enum error_code postgres_send_fence(struct database *database, const char *sql,
                                    const struct postgres_values *values,
                                    struct error *error) MUST_CHECK;
/* The same of any question: without a row the transaction fails as `unless` says. */
enum error_code postgres_send_demand(struct database *database, const char *sql,
                                     const struct postgres_values *values,
                                     const struct query_demand *unless,
                                     struct error *error) MUST_CHECK;
/* Nobody wants the answer any more that was to go there. */
void postgres_forget_answer(struct database *database, PGresult **answer);
/* Reads the answers of all that was sent. */
enum error_code postgres_drain(struct database *database, struct error *error) MUST_CHECK;
/* Sends a statement and reads its answer, in or outside of a transaction. */
enum error_code postgres_ask(struct database *database, const char *sql,
                             const struct postgres_values *values, PGresult **result,
                             struct error *error) MUST_CHECK;

#endif
