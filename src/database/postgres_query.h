// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_QUERY_H
#define TTP_DATABASE_POSTGRES_QUERY_H

/* What PostgreSQL does for database/engine.h with statements and tables. */

#include "database/query.h"

enum error_code postgres_prepare(struct query *query, const char *sql,
                                 const char **rest) MUST_CHECK;
void postgres_release(struct query *query);
int postgres_value_count(const struct query *query);
enum error_code postgres_bind(struct query *query, struct sql_values values, int count) MUST_CHECK;
void postgres_set_list(struct query *query);
enum error_code postgres_send_question(struct query *query) MUST_CHECK;
enum error_code postgres_step(struct query *query, bool *row) MUST_CHECK;
enum error_code postgres_change(struct query *query) MUST_CHECK;
enum error_code postgres_demand(struct query *query, const struct query_demand *unless) MUST_CHECK;
int postgres_column_count(const struct query *query);
const char *postgres_column_name(const struct query *query, int column);
bool postgres_is_null(const struct query *query, int column);
int64_t postgres_integer(const struct query *query, int column);
const char *postgres_text(const struct query *query, int column);
enum error_code postgres_is_empty(struct database *database, bool *empty,
                                  struct error *error) MUST_CHECK;
enum error_code postgres_has_table(struct database *database, const char *name, bool *has,
                                   struct error *error) MUST_CHECK;
enum error_code postgres_has_column(struct database *database, const char *table, const char *name,
                                    bool *has, struct error *error) MUST_CHECK;

#endif
