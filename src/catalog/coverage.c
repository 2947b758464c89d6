// SPDX-License-Identifier: Apache-2.0
#include "catalog/coverage.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util/memory.h"

#define SQL_BYTES 512

/* Runs `format`, which names the table once or twice, with the range as parameters 1 and 2. */
static enum error_code run_on(struct database *database, const char *sql, struct ledger_range range,
                              struct error *error)
{
    struct statement statement;
    enum error_code code = statement_prepare(&statement, database, sql, error);
    if (code == OK) {
        statement_bind_int(&statement, 1, range.first);
        statement_bind_int(&statement, 2, range.last);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

static enum error_code refuse_overlap(struct database *database, struct ledger_range range,
                                      struct error *error)
{
    struct statement statement;
    bool row = false;
    enum error_code code =
        statement_prepare(&statement, database,
                          "SELECT first_ledger, last_ledger FROM ttp_coverage "
                          "WHERE first_ledger <= ?2 AND last_ledger >= ?1 LIMIT 1",
                          error);
    if (code == OK) {
        statement_bind_int(&statement, 1, range.first);
        statement_bind_int(&statement, 2, range.last);
        code = statement_step(&statement, &row, error);
    }
    if (code == OK && row)
        code = error_set(error, ERR_INVALID,
                         "ledgers %u to %u overlap what the lake covers: %lld to %lld", range.first,
                         range.last, (long long)statement_int(&statement, 0),
                         (long long)statement_int(&statement, 1));
    statement_release(&statement);
    return code;
}

enum error_code coverage_add(struct database *database, struct ledger_range range,
                             struct error *error)
{
    if (range.first > range.last)
        return error_set(error, ERR_INVALID, "ledgers %u to %u are no range", range.first,
                         range.last);
    enum error_code code = refuse_overlap(database, range, error);
    if (code == OK)
        code = run_on(database,
                      "INSERT INTO ttp_coverage SELECT "
                      "coalesce((SELECT first_ledger FROM ttp_coverage WHERE last_ledger = ?1 - "
                      "1), ?1), coalesce((SELECT last_ledger FROM ttp_coverage WHERE "
                      "first_ledger = ?2 + 1), ?2) "
                      "ON CONFLICT(first_ledger) DO UPDATE SET last_ledger = excluded.last_ledger",
                      range, error);
    if (code == OK)
        code = run_on(database, "DELETE FROM ttp_coverage WHERE first_ledger = ?2 + 1 AND ?1 <= ?2",
                      range, error);
    return code;
}

enum error_code coverage_subtract(struct database *database, const char *table,
                                  struct ledger_range range, struct error *error)
{
    bool is_coverage = strcmp(table, "ttp_coverage") == 0;
    const char *rest = is_coverage                       ? ""
                       : strcmp(table, "ttp_holes") == 0 ? ", reason, recorded_us"
                                                         : ", commit_no";
    char sql[SQL_BYTES];
    /* The part above the range becomes a row of its own, then rows are cut below or dropped. */
    snprintf(sql, sizeof sql,
             "INSERT INTO %s SELECT ?2 + 1, last_ledger%s FROM %s "
             "WHERE first_ledger <= ?2 AND last_ledger > ?2 AND ?1 <= ?2",
             table, rest, table);
    enum error_code code = run_on(database, sql, range, error);
    if (code == OK) {
        snprintf(sql, sizeof sql, "DELETE FROM %s WHERE first_ledger >= ?1 AND first_ledger <= ?2",
                 table);
        code = run_on(database, sql, range, error);
    }
    if (code == OK) {
        snprintf(sql, sizeof sql,
                 "UPDATE %s SET last_ledger = ?1 - 1 WHERE first_ledger < ?1 AND last_ledger >= ?1 "
                 "AND ?1 <= ?2",
                 table);
        code = run_on(database, sql, range, error);
    }
    return code;
}

enum error_code coverage_read_range(const struct statement *statement, int column,
                                    struct ledger_range *range, struct error *error)
{
    int64_t first = statement_int(statement, column), last = statement_int(statement, column + 1);
    if (first < 0 || last < first || last > UINT32_MAX)
        return error_set(error, ERR_CORRUPT,
                         "catalog %s is damaged: ledgers %lld to %lld are no range",
                         statement->database->path, (long long)first, (long long)last);
    *range = (struct ledger_range){(uint32_t)first, (uint32_t)last};
    return OK;
}

/* Whether the newest range lies behind the one before it. */
static enum error_code check_order(const struct database *database, const char *table,
                                   const struct ledger_range *ranges, size_t count,
                                   struct error *error)
{
    if (count < 2 || ranges[count - 1].first > ranges[count - 2].last)
        return OK;
    return error_set(error, ERR_CORRUPT, "catalog %s is damaged: %s has ledger %u twice",
                     database->path, table, ranges[count - 1].first);
}

enum error_code coverage_load(struct database *database, const char *table,
                              struct ledger_range within, struct ledger_range **ranges,
                              size_t *count, struct error *error)
{
    struct statement statement;
    char sql[SQL_BYTES];
    bool row = false;
    size_t capacity = 0;
    *ranges = NULL;
    *count = 0;
    snprintf(sql, sizeof sql,
             "SELECT first_ledger, last_ledger FROM %s WHERE first_ledger <= ?2 AND "
             "last_ledger >= ?1 ORDER BY first_ledger",
             table);
    enum error_code code = statement_prepare(&statement, database, sql, error);
    if (code == OK) {
        statement_bind_int(&statement, 1, within.first);
        statement_bind_int(&statement, 2, within.last);
    }
    while (code == OK && (code = statement_step(&statement, &row, error)) == OK && row) {
        if (*count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            struct ledger_range *grown = mem_realloc(*ranges, capacity * sizeof *grown);
            if (grown == NULL) {
                code = error_no_memory(error, "ledger ranges");
                break;
            }
            *ranges = grown;
        }
        code = coverage_read_range(&statement, 0, &(*ranges)[*count], error);
        if (code == OK)
            code = check_order(database, table, *ranges, ++*count, error);
    }
    statement_release(&statement);
    if (code != OK) {
        mem_free(*ranges);
        *ranges = NULL;
        *count = 0;
    }
    return code;
}

size_t coverage_gaps(struct ledger_range within, const struct ledger_range *ranges, size_t count,
                     struct ledger_range *gaps)
{
    size_t gap_count = 0;
    uint64_t next = within.first; /* the first ledger not looked at yet */
    for (size_t i = 0; i < count && next <= within.last; i++) {
        assert(i == 0 || ranges[i].first > ranges[i - 1].last);
        if (ranges[i].last < next)
            continue;
        if (ranges[i].first > within.last)
            break;
        if (ranges[i].first > next)
            gaps[gap_count++] = (struct ledger_range){(uint32_t)next, ranges[i].first - 1};
        next = (uint64_t)ranges[i].last + 1;
    }
    if (next <= within.last)
        gaps[gap_count++] = (struct ledger_range){(uint32_t)next, within.last};
    return gap_count;
}
