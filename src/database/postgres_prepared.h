// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_PREPARED_H
#define TTP_DATABASE_POSTGRES_PREPARED_H

/*
 * The statements that a connection keeps prepared, so that the server parses each once: those that
 * were sent before, by their text and the types of their values.
 */

#include "database/postgres_sql.h"

/* More than a run has that come back. */
#define POSTGRES_PREPARED_MAX 64

struct postgres_statement {
    char *sql; /* owned */
    int count;
    unsigned types[POSTGRES_VALUES_MAX]; /* each an Oid */
    unsigned number; /* its name on the server; 0: it was seen, and is not prepared */
};

struct postgres_prepared {
    size_t count;
    struct postgres_statement items[POSTGRES_PREPARED_MAX];
    unsigned newest_number; /* none is given twice: a name that failed may be there all the same */
};

#define POSTGRES_STATEMENT_NAME_BYTES 16

/* The statement if it was seen before, else NULL: it is from then on, where there is room. Without
 * `types` it is one that takes no parsing to speak of, as COMMIT, and is not kept. */
struct postgres_statement *postgres_prepared_see(struct postgres_prepared *prepared,
                                                 const char *sql, int count, const unsigned *types);
/* Gives it a name, for a server that has it under none. */
void postgres_prepared_number(struct postgres_prepared *prepared,
                              struct postgres_statement *statement);
void postgres_statement_name(const struct postgres_statement *statement,
                             char out[POSTGRES_STATEMENT_NAME_BYTES]);
/* The connection is gone, and all of them with it. */
void postgres_prepared_release(struct postgres_prepared *prepared);

#endif
