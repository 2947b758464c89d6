// SPDX-License-Identifier: Apache-2.0
#include "catalog/coverage.h"

#include <stdio.h>
#include <string.h>

#include "database/query.h"

#define SQL_BYTES 512

void coverage_ask(struct query *query, struct database *database, const char *table,
                  struct ledger_range range, struct error *error)
{
    char sql[SQL_BYTES];
    snprintf(sql, sizeof sql,
             "SELECT first_ledger, last_ledger FROM %s WHERE first_ledger <= ?2 AND "
             "last_ledger >= ?1 LIMIT 1",
             table);
    query_begin_ahead(query, database, sql, BIND(sql_int(range.first), sql_int(range.last)), error);
}

static enum error_code refuse_overlap(struct query *query, struct ledger_range range,
                                      struct error *error)
{
    if (query_next(query))
        query_check(query, error_set(error, ERR_INVALID,
                                     "ledgers %u to %u overlap what the lake covers: %lld to %lld",
                                     range.first, range.last, (long long)query_int(query, 0),
                                     (long long)query_int(query, 1)));
    return query_end(query);
}

enum error_code coverage_add(struct query *overlap, enum error_code before,
                             struct ledger_range range, struct error *error)
{
    struct database *database = overlap->database;
    query_check(overlap, before);
    if (query_ok(overlap) && range.first > range.last)
        query_check(overlap, error_set(error, ERR_INVALID, "ledgers %u to %u are no range",
                                       range.first, range.last));
    enum error_code code = refuse_overlap(overlap, range, error);
    if (code != OK)
        return code;
    return database_run(
        database,
        "INSERT INTO ttp_coverage SELECT "
        "coalesce((SELECT first_ledger FROM ttp_coverage WHERE last_ledger = ?1 - 1), ?1), "
        "coalesce((SELECT last_ledger FROM ttp_coverage WHERE first_ledger = ?2 + 1), ?2) "
        "ON CONFLICT(first_ledger) DO UPDATE SET last_ledger = excluded.last_ledger;"
        "DELETE FROM ttp_coverage WHERE first_ledger = ?2 + 1",
        BIND(sql_int(range.first), sql_int(range.last)), error);
}

enum error_code coverage_subtract(struct database *database, const char *table,
                                  struct ledger_range range, struct error *error)
{
    const char *rest = strcmp(table, "ttp_holes") == 0         ? ", reason, recorded_us"
                       : strcmp(table, "ttp_unconfirmed") == 0 ? ", commit_no"
                                                               : "";
    char sql[SQL_BYTES];
    if (range.first > range.last)
        return OK;
    /* The part above the range becomes a row of its own, then rows are cut below or dropped. */
    snprintf(sql, sizeof sql,
             "INSERT INTO %s SELECT ?2 + 1, last_ledger%s FROM %s "
             "WHERE first_ledger <= ?2 AND last_ledger > ?2;"
             "DELETE FROM %s WHERE first_ledger >= ?1 AND first_ledger <= ?2;"
             "UPDATE %s SET last_ledger = ?1 - 1 WHERE first_ledger < ?1 AND last_ledger >= ?1",
             table, rest, table, table, table);
    return database_run(database, sql, BIND(sql_int(range.first), sql_int(range.last)), error);
}

/* Whether the newest range lies behind the one before it. */
static enum error_code check_order(const struct database *database, const char *table,
                                   const struct ledger_set *set, struct error *error)
{
    size_t count = set->count;
    if (count < 2 || set->ranges[count - 1].first > set->ranges[count - 2].last)
        return OK;
    return error_set(error, ERR_CORRUPT, "catalog %s is damaged: %s has ledger %u twice",
                     database->path, table, set->ranges[count - 1].first);
}

enum error_code coverage_load(struct database *database, const char *table,
                              struct ledger_range within, struct ledger_set *set,
                              struct error *error)
{
    struct query query;
    char sql[SQL_BYTES];
    set->count = 0;
    snprintf(sql, sizeof sql,
             "SELECT first_ledger, last_ledger FROM %s WHERE first_ledger <= ?2 AND "
             "last_ledger >= ?1 ORDER BY first_ledger",
             table);
    query_begin(&query, database, sql, BIND(sql_int(within.first), sql_int(within.last)), error);
    while (query_next(&query)) {
        struct ledger_range range = query_range(&query, 0);
        if (query_ok(&query))
            query_check(&query, ledger_set_append(set, range, error));
        if (query_ok(&query))
            query_check(&query, check_order(database, table, set, error));
    }
    enum error_code code = query_end(&query);
    if (code != OK)
        ledger_set_release(set);
    return code;
}
