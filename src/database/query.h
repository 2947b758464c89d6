// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_QUERY_H
#define TTP_DATABASE_QUERY_H

/*
 * Statements with their values and their rows, for room `catalog` and this one. Errors are those of
 * database/database.h. A change:
 *
 *     database_run(database, "DELETE FROM t WHERE id = ?1", BIND(sql_int(id)), error)
 *
 * A question. Its first failure stays: of the statement, of a value that is not what a catalog may
 * hold, or one that the caller hands over. After it there are no more rows, and every function here
 * does nothing, so that one look at the end is enough:
 *
 *     struct query query;
 *     query_begin(&query, database, "SELECT id, name FROM t", NO_VALUES, error);
 *     while (query_next(&query)) {
 *         struct thing thing = {query_int(&query, 0), query_text(&query, 1)};
 *         query_check(&query, visit(context, &thing, error));
 *     }
 *     return query_end(&query);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "database/database.h"
#include "util/error.h"
#include "util/ledgers.h"

struct sql_value {
    enum { SQL_NULL, SQL_INT, SQL_BOOL, SQL_TEXT } kind;
    int64_t number;
    const char *text; /* borrowed until the query's next values, or its end */
};

/* The values of ?1, ?2, … in order, as many as the statements have. */
struct sql_values {
    const struct sql_value *items;
    int count;
};

static inline struct sql_value sql_int(int64_t number)
{
    return (struct sql_value){.kind = SQL_INT, .number = number};
}

/* For a column that is a boolean, as path_is_relative and nulls_allowed are. */
static inline struct sql_value sql_bool(bool value)
{
    return (struct sql_value){.kind = SQL_BOOL, .number = value};
}

static inline struct sql_value sql_text(const char *text)
{
    return (struct sql_value){.kind = text == NULL ? SQL_NULL : SQL_TEXT, .text = text};
}

static inline struct sql_value sql_int_unless_zero(int64_t number) /* then NULL */
{
    return (struct sql_value){.kind = number == 0 ? SQL_NULL : SQL_INT, .number = number};
}

#define NO_VALUES ((struct sql_values){NULL, 0})
#define BIND(...)                                                                                  \
    ((struct sql_values){(const struct sql_value[]){__VA_ARGS__},                                  \
                         sizeof((const struct sql_value[]){__VA_ARGS__}) /                         \
                             sizeof(struct sql_value)})

struct query {
    struct database *database;
    void *cursor;        /* the engine's */
    struct error *error; /* may be NULL */
    enum error_code code;
    int64_t ticks; /* what it has done since it got its values (database/guard.h) */
};

/* Both leave a query that query_end must end. With query_prepare it gets its values later. */
void query_begin(struct query *query, struct database *database, const char *sql,
                 struct sql_values values, struct error *error);
void query_prepare(struct query *query, struct database *database, const char *sql,
                   struct error *error);
/* query_begin for a question with more rows the larger the lake is: they are read in portions, so
 * that their number does not show in the memory. */
void query_begin_list(struct query *query, struct database *database, const char *sql,
                      struct sql_values values, struct error *error);
/* query_begin for a question whose rows are looked at later: where the catalog is elsewhere, those
 * of one transaction travel together. What it asks about may not change before its first row. */
void query_begin_ahead(struct query *query, struct database *database, const char *sql,
                       struct sql_values values, struct error *error);
/* Begins again with other values. */
void query_bind(struct query *query, struct sql_values values);
/* Runs a change with other values. */
void query_run(struct query *query, struct sql_values values);
/* Whether there is another row. */
bool query_next(struct query *query);
bool query_ok(const struct query *query);
/* A failure of the caller's while it looks at a row. */
void query_check(struct query *query, enum error_code code);
/* Says again what it said where it was ended before. */
enum error_code query_end(struct query *query) MUST_CHECK;

/* The row's values; columns count from 0. Texts live until the next row, and are NULL where the
 * value is. */
int64_t query_int(const struct query *query, int column);
const char *query_text(const struct query *query, int column);
bool query_is_null(const struct query *query, int column);
/* A copy for the caller to mem_free. */
char *query_copy_text(struct query *query, int column);
/* A number that is counted on from: not below zero, and with room for that. */
int64_t query_counter(struct query *query, int column);
/* Two columns: a first and a last ledger. */
struct ledger_range query_range(struct query *query, int column);
/* A checksum in hexadecimal; 0 if it is NULL. */
uint64_t query_checksum(const struct query *query, int column);

/* Of a question that has had a row. */
int query_column_count(const struct query *query);
const char *query_column_name(const struct query *query, int column);

/* Runs all the statements of `sql`, separated by semicolons, each with the same values. */
enum error_code database_run(struct database *database, const char *sql, struct sql_values values,
                             struct error *error) MUST_CHECK;
/* What a transaction fails with where a demand of it finds nothing. */
struct query_demand {
    enum error_code code;
    const char *words; /* a literal */
};
/* Inside a transaction that writes: runs a statement that has to give a row. Its failure may be
 * told by a later call of the transaction, by database_hold where it was made before it. */
enum error_code database_demand(struct database *database, const char *sql,
                                struct sql_values values, const struct query_demand *unless,
                                struct error *error) MUST_CHECK;
/* Whether there is a row. */
enum error_code database_has(struct database *database, const char *sql, struct sql_values values,
                             bool *has, struct error *error) MUST_CHECK;
/* The integer (or text, copied, for the caller to mem_free) of the first row's first column. It
 * stays as it was (a text: NULL) if there is no row or it is NULL. */
enum error_code database_query_int(struct database *database, const char *sql,
                                   struct sql_values values, int64_t *value,
                                   struct error *error) MUST_CHECK;
enum error_code database_query_text(struct database *database, const char *sql,
                                    struct sql_values values, char **text,
                                    struct error *error) MUST_CHECK;

/* Makes a table of catalog/tables.h. */
enum error_code database_create_table(struct database *database, const char *sql,
                                      struct error *error) MUST_CHECK;
/* Once all of them are made, in the same transaction: what catalogs of this engine have besides. */
enum error_code database_complete_tables(struct database *database, struct error *error) MUST_CHECK;
/* Whether a catalog that is there has them, or is no catalog at all. */
enum error_code database_is_complete(struct database *database, bool *is_complete,
                                     struct error *error) MUST_CHECK;
/* What the database itself knows about its tables. Some of ours are made when something first
 * belongs into them. */
enum error_code database_is_empty(struct database *database, bool *empty,
                                  struct error *error) MUST_CHECK;
enum error_code database_has_table(struct database *database, const char *name, bool *has,
                                   struct error *error) MUST_CHECK;
enum error_code database_has_column(struct database *database, const char *table, const char *name,
                                    bool *has, struct error *error) MUST_CHECK;

#endif
