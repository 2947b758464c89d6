// SPDX-License-Identifier: Apache-2.0
#include "catalog/history.h"

#include <stdlib.h>

#include "catalog/coverage.h"
#include "catalog/handle.h"
#include "catalog/tables.h"
#include "os/clock.h"

#define COMMIT_COLUMNS                                                                             \
    "c.commit_no, c.first_ledger, c.last_ledger, c.reason, c.schema_version, c.file_count, "       \
    "c.row_count, c.size_bytes, c.dead_letter_count, c.unconfirmed_ledgers, "                      \
    "c.null_decimal_count, c.replaced_memo_count, c.digest_ledger, c.digest_chain, "               \
    "c.digest_contents, c.last_close_us, c.committed_us, c.ended_us IS NOT NULL, "                 \
    "c.ended_reason, d.path, d.checksum FROM ttp_commits c LEFT JOIN ttp_dead_letters d ON "       \
    "d.commit_no = c.commit_no "

static uint64_t parse_checksum(const char *text)
{
    return text == NULL ? 0 : strtoull(text, NULL, 16);
}

/* What every commit has. */
static enum error_code check_commit(const struct statement *statement,
                                    const struct catalog_commit_record *commit, struct error *error)
{
    if (commit->reason != NULL && commit->schema_version != NULL && commit->digest_chain != NULL &&
        commit->digest_contents != NULL && commit->file_count >= 0 && commit->row_count >= 0 &&
        commit->size_bytes >= 0 && commit->dead_letter_count >= 0)
        return OK;
    return error_set(error, ERR_CORRUPT,
                     "catalog %s is damaged: commit %llu lacks its reason, schema version or "
                     "digests, or has a count below zero",
                     statement->database->path, (unsigned long long)commit->commit_no);
}

static enum error_code read_commit(const struct statement *statement,
                                   struct catalog_commit_record *commit, struct error *error)
{
    struct ledger_range range;
    enum error_code code = coverage_read_range(statement, 1, &range, error);
    if (code != OK)
        return code;
    *commit = (struct catalog_commit_record){
        .commit_no = (uint64_t)statement_int(statement, 0),
        .range = range,
        .reason = statement_text(statement, 3),
        .schema_version = statement_text(statement, 4),
        .file_count = statement_int(statement, 5),
        .row_count = statement_int(statement, 6),
        .size_bytes = statement_int(statement, 7),
        .dead_letter_count = statement_int(statement, 8),
        .unconfirmed_ledgers = statement_int(statement, 9),
        .null_decimal_count = statement_int(statement, 10),
        .replaced_memo_count = statement_int(statement, 11),
        .digest_ledger = (uint32_t)statement_int(statement, 12),
        .digest_chain = statement_text(statement, 13),
        .digest_contents = statement_text(statement, 14),
        .last_close_us = statement_int(statement, 15),
        .committed_us = statement_int(statement, 16),
        .ended = statement_int(statement, 17) != 0,
        .ended_reason = statement_text(statement, 18),
        .dead_letters_path = statement_text(statement, 19),
        .dead_letters_checksum = parse_checksum(statement_text(statement, 20)),
    };
    return check_commit(statement, commit, error);
}

enum error_code catalog_each_commit(struct catalog *catalog, unsigned newest,
                                    catalog_commit_visitor *visit, void *context,
                                    struct error *error)
{
    struct statement statement;
    bool row = false;
    enum error_code code =
        statement_prepare(&statement, &catalog->database,
                          newest > 0 ? "SELECT " COMMIT_COLUMNS "ORDER BY c.commit_no DESC LIMIT ?"
                                     : "SELECT " COMMIT_COLUMNS "ORDER BY c.commit_no",
                          error);
    if (code == OK && newest > 0)
        statement_bind_int(&statement, 1, newest);
    while (code == OK && (code = statement_step(&statement, &row, error)) == OK && row) {
        struct catalog_commit_record commit;
        code = read_commit(&statement, &commit, error);
        if (code == OK)
            code = visit(context, &commit, error);
    }
    statement_release(&statement);
    return code;
}

enum error_code catalog_each_hole(struct catalog *catalog, catalog_hole_visitor *visit,
                                  void *context, struct error *error)
{
    struct statement statement;
    bool row = false;
    enum error_code code =
        statement_prepare(&statement, &catalog->database,
                          "SELECT first_ledger, last_ledger, reason, recorded_us FROM ttp_holes "
                          "ORDER BY first_ledger",
                          error);
    while (code == OK && (code = statement_step(&statement, &row, error)) == OK && row) {
        struct ledger_range range;
        code = coverage_read_range(&statement, 0, &range, error);
        if (code == OK)
            code = visit(context, range, statement_text(&statement, 2),
                         statement_int(&statement, 3), error);
    }
    statement_release(&statement);
    return code;
}

static enum error_code insert_hole(struct database *database, struct ledger_range range,
                                   const char *reason, struct error *error)
{
    struct statement statement;
    enum error_code code =
        statement_prepare(&statement, database, "INSERT INTO ttp_holes VALUES(?,?,?,?)", error);
    if (code == OK) {
        statement_bind_int(&statement, 1, range.first);
        statement_bind_int(&statement, 2, range.last);
        statement_bind_text(&statement, 3, reason);
        statement_bind_int(&statement, 4, os_realtime_us());
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

enum error_code catalog_add_hole(struct catalog *catalog, struct ledger_range range,
                                 const char *reason, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = coverage_subtract(database, "ttp_holes", range, error);
    if (code == OK)
        code = insert_hole(database, range, reason, error);
    return database_end(database, code, error);
}

enum error_code catalog_add_seam_finding(struct catalog *catalog, uint32_t ledger,
                                         struct error *error)
{
    struct database *database = &catalog->database;
    struct statement statement;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_execute(database, catalog_seam_table, error);
    if (code == OK) {
        code = statement_prepare(&statement, database,
                                 "INSERT INTO ttp_seam_findings VALUES(?1, 1, ?2, ?2) ON CONFLICT"
                                 "(ledger) DO UPDATE SET times = times + 1, last_seen_us = ?2",
                                 error);
        if (code == OK) {
            statement_bind_int(&statement, 1, ledger);
            statement_bind_int(&statement, 2, os_realtime_us());
            code = statement_run(&statement, error);
        }
        statement_release(&statement);
    }
    return database_end(database, code, error);
}

enum error_code catalog_each_seam_finding(struct catalog *catalog, catalog_seam_visitor *visit,
                                          void *context, struct error *error)
{
    struct statement statement;
    bool row = false;
    bool is_there = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_seam_findings", &is_there, error);
    if (code != OK || !is_there)
        return code;
    code = statement_prepare(&statement, &catalog->database,
                             "SELECT ledger, times, first_seen_us, last_seen_us FROM "
                             "ttp_seam_findings ORDER BY ledger",
                             error);
    while (code == OK && (code = statement_step(&statement, &row, error)) == OK && row) {
        struct catalog_seam_finding finding = {.ledger = (uint32_t)statement_int(&statement, 0),
                                               .times = (uint64_t)statement_int(&statement, 1),
                                               .first_seen_us = statement_int(&statement, 2),
                                               .last_seen_us = statement_int(&statement, 3)};
        code = visit(context, &finding, error);
    }
    statement_release(&statement);
    return code;
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
            database, "SELECT count(*) FROM ttp_unchecked_seams u WHERE " NOTHING_LANDED, &count,
            &is_there, error);
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
    struct statement statement;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_execute(database, catalog_unchecked_table, error);
    if (code == OK) {
        code = statement_prepare(&statement, database,
                                 "INSERT OR REPLACE INTO ttp_unchecked_seams VALUES(?,?,?,?,?)",
                                 error);
        if (code == OK) {
            statement_bind_int(&statement, 1, seam->range.first);
            statement_bind_int(&statement, 2, seam->range.last);
            statement_bind_int(&statement, 3, seam->below);
            statement_bind_int(&statement, 4, seam->above);
            statement_bind_int(&statement, 5, os_realtime_us());
            code = statement_run(&statement, error);
        }
        statement_release(&statement);
    }
    return database_end(database, code, error);
}

enum error_code catalog_each_unchecked_seam(struct catalog *catalog,
                                            catalog_unchecked_visitor *visit, void *context,
                                            struct error *error)
{
    struct statement statement;
    bool row = false;
    bool is_there = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_unchecked_seams", &is_there, error);
    if (code != OK || !is_there)
        return code;
    code = statement_prepare(&statement, &catalog->database,
                             "SELECT first_ledger, last_ledger, below, above, recorded_us FROM "
                             "ttp_unchecked_seams u WHERE NOT " NOTHING_LANDED
                             " ORDER BY first_ledger",
                             error);
    while (code == OK && (code = statement_step(&statement, &row, error)) == OK && row) {
        const struct catalog_unchecked_seam seam = {
            .range = {(uint32_t)statement_int(&statement, 0),
                      (uint32_t)statement_int(&statement, 1)},
            .below = (uint32_t)statement_int(&statement, 2),
            .above = (uint32_t)statement_int(&statement, 3),
            .recorded_us = statement_int(&statement, 4)};
        code = visit(context, &seam, error);
    }
    statement_release(&statement);
    return code;
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
