// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_SQL_H
#define TTP_DATABASE_POSTGRES_SQL_H

/* The text of a statement as PostgreSQL takes it: one at a time, its values as $1, $2, … */

#include "util/buffer.h"

/* More than any statement of the catalog's has. */
#define POSTGRES_VALUES_MAX 128

struct postgres_sql {
    struct buffer text; /* ends in a NUL */
    /* $1 is the value numbers[0] of those that the statement was written for, counted from 1: each
     * that it names stands there once, since PostgreSQL wants to know the type of each. */
    int numbers[POSTGRES_VALUES_MAX];
    int count;
    int highest; /* of the numbers; 0: it takes none */
};

/* Of the first statement of `sql`; returns what comes behind it, "" after the last one. With
 * ERR_NO_MEMORY in *code it returns "". `out` must be initialised, and is released by its owner. */
const char *postgres_sql_translate(struct postgres_sql *out, const char *sql,
                                   enum error_code *code);
void postgres_sql_release(struct postgres_sql *sql);

#endif
