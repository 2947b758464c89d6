// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_LIST_H
#define TTP_DATABASE_POSTGRES_LIST_H

/*
 * A question whose rows are read in portions, by a cursor on the server: libpq reads an answer
 * whole. Outside of a transaction the server keeps all of it (WITH HOLD) until the list is closed.
 */

#include "database/postgres_session.h"

struct postgres_list {
    PGconn *connection; /* that it is open on; NULL: it is not open */
    unsigned number;    /* in its name */
    bool was_opened;
    bool is_over; /* there are no rows behind those of the last portion */
};

/* The first portion, by the statement `sql`. */
enum error_code postgres_list_open(struct postgres_list *list, struct database *database,
                                   const char *sql, const struct postgres_values *values,
                                   PGresult **portion, struct error *error) MUST_CHECK;
/* The next one. ERR_RETRY: the connection was lost, and the list with it. */
enum error_code postgres_list_next(struct postgres_list *list, struct database *database,
                                   PGresult **portion, struct error *error) MUST_CHECK;
void postgres_list_close(struct postgres_list *list, struct database *database);

#endif
