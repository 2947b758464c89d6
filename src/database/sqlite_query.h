// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_SQLITE_QUERY_H
#define TTP_DATABASE_SQLITE_QUERY_H

/* What SQLite does for database/engine.h with statements and tables. */

#include "database/query.h"

enum error_code sqlite_prepare(struct query *query, const char *sql, const char **rest) MUST_CHECK;
void sqlite_release(struct query *query);
int sqlite_value_count(const struct query *query);
enum error_code sqlite_bind(struct query *query, struct sql_values values, int count) MUST_CHECK;
void sqlite_set_list(struct query *query);
enum error_code sqlite_send(struct query *query) MUST_CHECK;
enum error_code sqlite_step(struct query *query, bool *row) MUST_CHECK;
enum error_code sqlite_change(struct query *query) MUST_CHECK;
enum error_code sqlite_demand(struct query *query, const struct query_demand *unless) MUST_CHECK;
int sqlite_column_count(const struct query *query);
const char *sqlite_column_name(const struct query *query, int column);
bool sqlite_is_null(const struct query *query, int column);
int64_t sqlite_integer(const struct query *query, int column);
const char *sqlite_text(const struct query *query, int column);
enum error_code sqlite_create_table(struct database *database, const char *sql,
                                    struct error *error) MUST_CHECK;
enum error_code sqlite_is_empty(struct database *database, bool *empty,
                                struct error *error) MUST_CHECK;
enum error_code sqlite_has_table(struct database *database, const char *name, bool *has,
                                 struct error *error) MUST_CHECK;
enum error_code sqlite_has_column(struct database *database, const char *table, const char *name,
                                  bool *has, struct error *error) MUST_CHECK;
enum error_code sqlite_complete_tables(struct database *database, struct error *error) MUST_CHECK;
enum error_code sqlite_is_complete(struct database *database, bool *is_complete,
                                   struct error *error) MUST_CHECK;

#endif
