// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_ERROR_H
#define TTP_DATABASE_POSTGRES_ERROR_H

/* What a failure of PostgreSQL's asks for, by its SQLSTATE (postgresql.org/docs/15/
 * errcodes-appendix.html); never by its words, which have the server's language. */

#include "util/error.h"

enum postgres_remedy {
    POSTGRES_AGAIN,   /* ERR_RETRY, EBUSY: again from BEGIN, what was staged is untouched */
    POSTGRES_WAIT,    /* ERR_RETRY, EBUSY: the server lacks connections or memory */
    POSTGRES_SPACE,   /* ERR_RETRY, ENOSPC */
    POSTGRES_FENCED,  /* ERR_AGAIN: the ledgers are somebody else's by now */
    POSTGRES_REFUSED, /* ERR_CONFLICT: somebody has to grant or to set something */
    POSTGRES_DAMAGED, /* ERR_CORRUPT: tables or values that are not a lake's */
    POSTGRES_FAILED   /* ERR_IO */
};

/* NULL: a connection was not made or was lost, without a word from the server. */
enum postgres_remedy postgres_remedy_of(const char *sqlstate);
/* The whole sentence. `name` is what messages call the catalog, `words` are the server's. */
enum error_code postgres_error_set(struct error *error, const char *name, const char *sqlstate,
                                   const char *words);
/* Another process took the catalog over. */
enum error_code postgres_error_fenced(struct error *error, const char *name);
/* A connection that fails has no field with the state: finds it in the verbose message,
 * "FATAL:  28P01: …". `out` gets "" where there is none. */
void postgres_find_state(const char *message, char out[6]);

#endif
