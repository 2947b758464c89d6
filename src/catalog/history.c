// SPDX-License-Identifier: Apache-2.0
#include "catalog/history.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/coverage.h"
#include "catalog/early_lists.h"
#include "catalog/handle.h"
#include "database/query.h"
#include "catalog/tables.h"
#include "os/clock.h"

#define COMMIT_COLUMNS                                                                             \
    "c.commit_no, c.first_ledger, c.last_ledger, c.reason, c.schema_version, c.file_count, "       \
    "c.row_count, c.size_bytes, c.dead_letter_count, c.unconfirmed_ledgers, "                      \
    "c.null_decimal_count, c.replaced_memo_count, c.digest_ledger, c.digest_chain, "               \
    "c.digest_contents, c.last_close_us, c.committed_us, c.ended_us IS NOT NULL, "                 \
    "c.ended_reason, d.path, d.checksum FROM ttp_commits c LEFT JOIN ttp_dead_letters d ON "       \
    "d.commit_no = c.commit_no "

/* On object storage the commit's digits stand behind the number. */
#define OBJECT_DIGITS 8

uint64_t catalog_dead_letters_number(const char *path)
{
    static const char prefix[] = "dead_letters/commit_";
    char *end;
    if (path == NULL || strncmp(path, prefix, sizeof prefix - 1) != 0 ||
        strspn(path + sizeof prefix - 1, "0123456789") == 0)
        return 0;
    uint64_t number = strtoull(path + sizeof prefix - 1, &end, 10);
    if (*end == '_' && strspn(end + 1, "0123456789abcdef") == OBJECT_DIGITS)
        end += 1 + OBJECT_DIGITS;
    return strcmp(end, ".jsonl") == 0 ? number : 0;
}

/* What every commit has. */
static enum error_code check_commit(const struct query *query,
                                    const struct catalog_commit_record *commit, struct error *error)
{
    if (commit->reason != NULL && commit->schema_version != NULL && commit->digest_chain != NULL &&
        commit->digest_contents != NULL && commit->file_count >= 0 && commit->row_count >= 0 &&
        commit->size_bytes >= 0 && commit->dead_letter_count >= 0)
        return OK;
    return error_set(error, ERR_CORRUPT,
                     "catalog %s is damaged: commit %llu lacks its reason, schema version or "
                     "digests, or has a count below zero",
                     query->database->path, (unsigned long long)commit->commit_no);
}

static struct catalog_commit_record read_commit(struct query *query)
{
    return (struct catalog_commit_record){
        .commit_no = (uint64_t)query_int(query, 0),
        .range = query_range(query, 1),
        .reason = query_text(query, 3),
        .schema_version = query_text(query, 4),
        .file_count = query_int(query, 5),
        .row_count = query_int(query, 6),
        .size_bytes = query_int(query, 7),
        .dead_letter_count = query_int(query, 8),
        .unconfirmed_ledgers = query_int(query, 9),
        .null_decimal_count = query_int(query, 10),
        .replaced_memo_count = query_int(query, 11),
        .digest_ledger = (uint32_t)query_int(query, 12),
        .digest_chain = query_text(query, 13),
        .digest_contents = query_text(query, 14),
        .last_close_us = query_int(query, 15),
        .committed_us = query_int(query, 16),
        .ended = query_int(query, 17) != 0,
        .ended_reason = query_text(query, 18),
        .dead_letters_path = query_text(query, 19),
        .dead_letters_checksum = query_checksum(query, 20),
    };
}

static enum error_code visit_commits(struct catalog *catalog, const char *sql,
                                     struct sql_values values, catalog_commit_visitor *visit,
                                     void *context, struct error *error)
{
    struct query query;
    query_begin_list(&query, &catalog->database, sql, values, error);
    while (query_next(&query)) {
        struct catalog_commit_record commit = read_commit(&query);
        if (query_ok(&query))
            query_check(&query, check_commit(&query, &commit, error));
        if (query_ok(&query))
            query_check(&query, visit(context, &commit, error));
    }
    return query_end(&query);
}

enum error_code catalog_each_commit(struct catalog *catalog, unsigned newest,
                                    catalog_commit_visitor *visit, void *context,
                                    struct error *error)
{
    return visit_commits(catalog,
                         newest > 0 ? "SELECT " COMMIT_COLUMNS "ORDER BY c.commit_no DESC LIMIT ?1"
                                    : "SELECT " COMMIT_COLUMNS "ORDER BY c.commit_no",
                         newest > 0 ? BIND(sql_int(newest)) : NO_VALUES, visit, context, error);
}

enum error_code catalog_each_early_commit(struct catalog *catalog, uint32_t ledger,
                                          catalog_commit_visitor *visit, void *context,
                                          struct error *error)
{
    return visit_commits(catalog,
                         "SELECT " COMMIT_COLUMNS "WHERE c.commit_no IN (" EARLY_SHARERS
                         ") AND c.ended_us IS NULL ORDER BY c.commit_no",
                         BIND(sql_int(catalog->table_id), sql_int(ledger)), visit, context, error);
}

enum error_code catalog_each_recorded_hole(struct catalog *catalog,
                                           catalog_recorded_hole_visitor *visit, void *context,
                                           struct error *error)
{
    struct query query;
    query_begin(&query, &catalog->database,
                "SELECT first_ledger, last_ledger, reason, recorded_us FROM ttp_holes "
                "ORDER BY first_ledger",
                NO_VALUES, error);
    while (query_next(&query)) {
        struct ledger_range range = query_range(&query, 0);
        if (query_ok(&query))
            query_check(&query,
                        visit(context, range, query_text(&query, 2), query_int(&query, 3), error));
    }
    return query_end(&query);
}

enum error_code catalog_record_hole(struct catalog *catalog, struct ledger_range range,
                                    const char *reason, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = coverage_subtract(database, "ttp_holes", range, error);
    if (code == OK)
        code = database_run(database, "INSERT INTO ttp_holes VALUES(?,?,?,?)",
                            BIND(sql_int(range.first), sql_int(range.last), sql_text(reason),
                                 sql_int(os_realtime_us())),
                            error);
    return database_end(database, code, error);
}

enum error_code catalog_add_seam_finding(struct catalog *catalog, uint32_t ledger,
                                         struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_execute(database, catalog_seam_table, error);
    if (code == OK)
        code = database_run(
            database,
            "INSERT INTO ttp_seam_findings VALUES(?1, 1, ?2, ?2) ON CONFLICT"
            "(ledger) DO UPDATE SET times = ttp_seam_findings.times + 1, last_seen_us = ?2",
            BIND(sql_int(ledger), sql_int(os_realtime_us())), error);
    return database_end(database, code, error);
}

enum error_code catalog_each_seam_finding(struct catalog *catalog, catalog_seam_visitor *visit,
                                          void *context, struct error *error)
{
    struct query query;
    bool is_there = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_seam_findings", &is_there, error);
    if (code != OK || !is_there)
        return code;
    query_begin(&query, &catalog->database,
                "SELECT ledger, times, first_seen_us, last_seen_us FROM ttp_seam_findings ORDER BY "
                "ledger",
                NO_VALUES, error);
    while (query_next(&query)) {
        struct catalog_seam_finding finding = {.ledger = (uint32_t)query_int(&query, 0),
                                               .times = (uint64_t)query_int(&query, 1),
                                               .first_seen_us = query_int(&query, 2),
                                               .last_seen_us = query_int(&query, 3)};
        query_check(&query, visit(context, &finding, error));
    }
    return query_end(&query);
}

#define NOTHING_LANDED                                                                             \
    "NOT EXISTS (SELECT 1 FROM ttp_coverage c WHERE c.last_ledger >= u.first_ledger AND "          \
    "(u.last_ledger = 0 OR c.first_ledger <= u.last_ledger))"

enum error_code catalog_forget_unlanded_seams(struct catalog *catalog, struct error *error)
{
    struct database *database = &catalog->database;
    bool is_there = false;
    int64_t count = 0;
    enum error_code code = database_has_table(database, "ttp_unchecked_seams", &is_there, error);
    if (code == OK && is_there)
        code = database_query_int(
            database, "SELECT count(*) FROM ttp_unchecked_seams u WHERE " NOTHING_LANDED, NO_VALUES,
            &count, error);
    if (code != OK || count == 0)
        return code;
    code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_execute(database, "DELETE FROM ttp_unchecked_seams AS u WHERE " NOTHING_LANDED,
                            error);
    return database_end(database, code, error);
}

enum error_code catalog_add_unchecked_seam(struct catalog *catalog,
                                           const struct catalog_unchecked_seam *seam,
                                           struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_execute(database, catalog_unchecked_table, error);
    if (code == OK)
        code = database_run(
            database,
            "INSERT INTO ttp_unchecked_seams VALUES(?,?,?,?,?) ON CONFLICT(first_ledger) DO UPDATE "
            "SET last_ledger = excluded.last_ledger, below = excluded.below, above = "
            "excluded.above, recorded_us = excluded.recorded_us",
            BIND(sql_int(seam->range.first), sql_int(seam->range.last), sql_int(seam->below),
                 sql_int(seam->above), sql_int(os_realtime_us())),
            error);
    return database_end(database, code, error);
}

enum error_code catalog_each_unchecked_seam(struct catalog *catalog,
                                            catalog_unchecked_visitor *visit, void *context,
                                            struct error *error)
{
    struct query query;
    bool is_there = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_unchecked_seams", &is_there, error);
    if (code != OK || !is_there)
        return code;
    query_begin(&query, &catalog->database,
                "SELECT first_ledger, last_ledger, below, above, recorded_us FROM "
                "ttp_unchecked_seams u WHERE NOT " NOTHING_LANDED " ORDER BY first_ledger",
                NO_VALUES, error);
    while (query_next(&query)) {
        const struct catalog_unchecked_seam seam = {
            .range = {(uint32_t)query_int(&query, 0), (uint32_t)query_int(&query, 1)},
            .below = (uint32_t)query_int(&query, 2),
            .above = (uint32_t)query_int(&query, 3),
            .recorded_us = query_int(&query, 4)};
        query_check(&query, visit(context, &seam, error));
    }
    return query_end(&query);
}

enum error_code catalog_begin_read(struct catalog *catalog, struct error *error)
{
    enum error_code code = database_begin_read(&catalog->database, error);
    catalog->in_read = code == OK;
    return code;
}

void catalog_end_read(struct catalog *catalog)
{
    struct error ignored; /* nothing was written: there is nothing to lose */
    if (catalog->in_read)
        (void)!database_end(&catalog->database, OK, &ignored);
    catalog->in_read = false;
}
