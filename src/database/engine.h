// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_ENGINE_H
#define TTP_DATABASE_ENGINE_H

/*
 * What a database engine does for database/database.h and database/query.h, which say what each of
 * these means. Where engines differ, it is here: every statement of the catalog's is written so
 * that all of them take it, with the types of DuckLake's PostgreSQL tables and values as ?1, ?2, …
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct database;
struct query;
struct query_demand;
struct sql_values;

struct engine {
    /* Of the database's session, which is there; `connect` opens what is closed in it. */
    enum error_code (*connect)(struct database *database, struct error *error);
    void (*close)(struct database *database); /* frees the session, too */
    enum error_code (*execute)(struct database *database, const char *sql, struct error *error);
    /* It may be under way yet: `hold` waits for it, and for the answers of what was sent. */
    enum error_code (*begin)(struct database *database, bool writes, struct error *error);
    enum error_code (*hold)(struct database *database, struct error *error);
    enum error_code (*end)(struct database *database, enum error_code code, struct error *error);

    /* Of one statement: *rest gets what comes behind it. query->cursor is the engine's. */
    enum error_code (*prepare)(struct query *query, const char *sql, const char **rest);
    /* How many values the statement takes: the highest number in it. */
    int (*value_count)(const struct query *query);
    enum error_code (*bind)(struct query *query, struct sql_values values, int count);
    /* The question, which was not asked yet, has its rows read in portions. */
    void (*set_list)(struct query *query);
    /* Lets a question with its values be on its way. */
    enum error_code (*send)(struct query *query);
    /* *row: there is one, and the values are its. */
    enum error_code (*step)(struct query *query, bool *row);
    /* Runs a change that has its values; a failure may be told by a later call instead, by the end
     * of the transaction at the latest. */
    enum error_code (*change)(struct query *query);
    /* Runs one that has to give a row, inside a transaction that writes: without one it fails as
     * `unless` says, by a later call perhaps, and before the COMMIT in any case. */
    enum error_code (*demand)(struct query *query, const struct query_demand *unless);
    void (*release)(struct query *query);
    int (*column_count)(const struct query *query);
    const char *(*column_name)(const struct query *query, int column);
    bool (*is_null)(const struct query *query, int column);
    int64_t (*integer)(const struct query *query, int column);
    const char *(*text)(const struct query *query, int column);

    enum error_code (*create_table)(struct database *database, const char *sql,
                                    struct error *error);
    /* What the engine's catalogs have besides the tables of catalog/tables.h, once these are made.
     */
    enum error_code (*complete_tables)(struct database *database, struct error *error);
    /* Whether the catalog, of whichever version, has all that. */
    enum error_code (*is_complete)(struct database *database, bool *is_complete,
                                   struct error *error);
    enum error_code (*is_empty)(struct database *database, bool *empty, struct error *error);
    enum error_code (*has_table)(struct database *database, const char *name, bool *has,
                                 struct error *error);
    enum error_code (*has_column)(struct database *database, const char *table, const char *name,
                                  bool *has, struct error *error);
    /* After a change whose outcome is not known, before it is looked for: what a dead session left
     * can't come about any more, or is there to be found (docs/commit-protocol.md, invariant 12).
     */
    enum error_code (*begin_settling)(struct database *database, struct error *error);
    /* Where nothing was found: so that it stays so. Inside the transaction. */
    enum error_code (*rule_out)(struct database *database, struct error *error);
};

#endif
