// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_VIEWS_H
#define TTP_CATALOG_VIEWS_H

/*
 * Two views of the lake's table that DuckDB users find in its schema (catalog/view_text.c): made
 * with the table, in lakes of before by their next run, and anew where one is missing. ttp_views
 * keeps what was made, each view's UUID and text. A view that is not as it was made is its user's,
 * as are tables, views and macros that have such a name: they are left alone.
 */

#include "database/database.h"
#include "catalog/records.h"

/* What is to be done over `table`, the live table of that id, which is the lake's. */
enum error_code views_look(struct database *database, int64_t table_id,
                           const struct catalog_table *table, struct catalog_views *views,
                           struct error *error) MUST_CHECK;
/* Whether there is anything to do. */
bool views_have_work(const struct catalog_views *views);

/* Does it, inside a write transaction: one snapshot, none if there is nothing to do. */
enum error_code views_make(struct database *database, const struct catalog_table *table,
                           struct catalog_views *views, struct error *error) MUST_CHECK;

#endif
