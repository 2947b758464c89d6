// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_IDENTITY_H
#define TTP_CATALOG_IDENTITY_H

/*
 * Which DuckLake table is the lake's own. Others may write to the catalog: a table that is dropped
 * and made anew, renamed or moved has our table's name at best, and files added to it would be
 * looked for elsewhere. So id, UUID, name, path and schema are kept in ttp_lake when the table is
 * made, and each use of the table compares them with what is live. Catalogs of version 0.1.0 do not
 * keep them: there the table is always the first one of the first schema, its files directly under
 * data_path.
 */

#include "database/database.h"
#include "database/query.h"

/* The name that the table is made with. */
#define DUCKLAKE_SCHEMA_NAME "main"
#define DUCKLAKE_TABLE_NAME  "ttp_events"

/* Compares, and gives the table's id. ERR_CONFLICT, with what happened and the remedy, if the
 * lake's table is not live as it was made; ERR_CORRUPT if what is kept can't be read. */
enum error_code identity_check(struct database *database, int64_t *table_id,
                               struct error *error) MUST_CHECK;

/* The same in two parts: questions that may travel with others, and what their answers say. These
 * must be taken in any case, by which the questions end: after a failure before, which is returned
 * then, they are not looked at. */
struct identity_question {
    struct query kept, live;
};
void identity_ask(struct identity_question *question, struct database *database,
                  struct error *error);
enum error_code identity_take(struct identity_question *question, enum error_code before,
                              int64_t *table_id, struct error *error) MUST_CHECK;

/* Whether the catalog keeps its table's identity. */
enum error_code identity_is_kept(struct database *database, bool *kept,
                                 struct error *error) MUST_CHECK;

/* Keeps the identity of the live table, which is checked first. Inside a write transaction. */
enum error_code identity_keep(struct database *database, struct error *error) MUST_CHECK;

#endif
