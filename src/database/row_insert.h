// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_ROW_INSERT_H
#define TTP_DATABASE_ROW_INSERT_H

/* Rows that are put into a table by as few statements as they fit in: each costs an engine about as
 * much as a few rows do, and a lake has sixteen rows of statistics a file. */

#include "database/query.h"

/* What PostgreSQL's statements may take (database/postgres_sql.h), and more than a row has. */
#define ROW_INSERT_VALUES_MAX 128

struct row_insert {
    struct database *database;
    const char *table;
    int columns;      /* that have values, the first ones of the table */
    const char *rest; /* of each row: ",NULL" … */
    struct sql_value values[ROW_INSERT_VALUES_MAX];
    int count;
    const char *tail; /* of each statement, which gives rows then; NULL: none */
    size_t returned;  /* rows that were given */
    enum error_code code;
    struct error *error;
};

void row_insert_begin(struct row_insert *insert, struct database *database, const char *table,
                      int columns, const char *rest, struct error *error);
/* Each statement ends with `tail`, " ON CONFLICT … RETURNING …", and the rows that it gives are
 * counted in `returned`. */
void row_insert_return(struct row_insert *insert, const char *tail);
/* Texts are borrowed until row_insert_end. After a failure it does nothing. */
void row_insert_add(struct row_insert *insert, struct sql_values row);
enum error_code row_insert_end(struct row_insert *insert) MUST_CHECK;

#endif
