// SPDX-License-Identifier: Apache-2.0
/* Taking whole commits, or what was never confirmed, out of the lake again. */
#include <inttypes.h>
#include <stdio.h>

#include "catalog/coverage.h"
#include "catalog/ducklake.h"
#include "catalog/handle.h"
#include "catalog/history.h"
#include "catalog/tables.h"
#include "os/clock.h"
#include "util/memory.h"

struct live_commit {
    uint64_t commit_no;
    struct catalog_range range;
};

/* Runs a statement with up to three integers bound to ?1, ?2 and ?3. */
static enum error_code run_with(struct database *database, const char *sql, const int64_t *values,
                                int value_count, struct error *error)
{
    struct statement statement;
    enum error_code code = statement_prepare(&statement, database, sql, error);
    for (int i = 0; code == OK && i < value_count; i++)
        statement_bind_int(&statement, i + 1, values[i]);
    if (code == OK)
        code = statement_run(&statement, error);
    statement_release(&statement);
    return code;
}

static enum error_code find_commit(struct database *database, uint64_t commit_no,
                                   struct live_commit *commit, bool *live, struct error *error)
{
    struct statement statement;
    bool row = false;
    *live = false;
    enum error_code code = statement_prepare(
        &statement, database,
        "SELECT first_ledger, last_ledger, ended_us IS NULL FROM ttp_commits WHERE commit_no = ?",
        error);
    if (code == OK) {
        statement_bind_int(&statement, 1, (int64_t)commit_no);
        code = statement_step(&statement, &row, error);
    }
    if (code == OK && !row)
        code = error_set(error, ERR_NOT_FOUND, "catalog %s has no commit %" PRIu64, database->path,
                         commit_no);
    if (code == OK) {
        *commit = (struct live_commit){
            commit_no,
            {(uint32_t)statement_int(&statement, 0), (uint32_t)statement_int(&statement, 1)}};
        *live = statement_int(&statement, 2) != 0;
    }
    statement_release(&statement);
    return code;
}

/* Rows of a file that DuckDB merged or rewrote lie in files that are no commit's: the commit can't
 * be taken out without them, and would be in the lake twice once it was fetched again. */
static enum error_code refuse_rewritten(struct database *database, uint64_t commit_no,
                                        struct error *error)
{
    struct statement statement;
    bool row = false;
    enum error_code code = statement_prepare(
        &statement, database,
        "SELECT f.path FROM ttp_commit_files f LEFT JOIN ducklake_data_file d ON d.data_file_id = "
        "f.data_file_id AND d.end_snapshot IS NULL WHERE f.commit_no = ? AND d.data_file_id IS "
        "NULL LIMIT 1",
        error);
    if (code == OK) {
        statement_bind_int(&statement, 1, (int64_t)commit_no);
        code = statement_step(&statement, &row, error);
    }
    if (code == OK && row)
        code = error_set(error, ERR_CONFLICT,
                         "commit %" PRIu64 " can't be taken out of the lake: DuckDB merged or "
                         "rewrote its file %s, and its rows lie in another one",
                         commit_no, statement_text(&statement, 0));
    statement_release(&statement);
    return code;
}

/* The commit's data files end with the snapshot after `head`; the table shrinks by them. */
static enum error_code end_files(struct database *database, const struct ducklake_head *head,
                                 uint64_t commit_no, struct error *error)
{
    int64_t values[] = {(int64_t)commit_no, head->snapshot_id + 1, head->table_id};
    enum error_code code = run_with(
        database,
        "UPDATE ducklake_table_stats SET record_count = record_count - coalesce((SELECT "
        "sum(d.record_count) FROM ducklake_data_file d JOIN ttp_commit_files f ON f.data_file_id = "
        "d.data_file_id WHERE f.commit_no = ?1 AND d.end_snapshot IS NULL), 0), file_size_bytes = "
        "file_size_bytes - coalesce((SELECT sum(d.file_size_bytes) FROM ducklake_data_file d JOIN "
        "ttp_commit_files f ON f.data_file_id = d.data_file_id WHERE f.commit_no = ?1 AND "
        "d.end_snapshot IS NULL), 0) WHERE table_id = ?3 AND ?2 > 0",
        values, 3, error);
    if (code == OK)
        code = run_with(database,
                        "UPDATE ducklake_data_file SET end_snapshot = ?2 WHERE end_snapshot IS "
                        "NULL AND data_file_id IN (SELECT data_file_id FROM ttp_commit_files WHERE "
                        "commit_no = ?1)",
                        values, 2, error);
    return code;
}

static enum error_code mark_ended(struct database *database, uint64_t commit_no, const char *reason,
                                  struct error *error)
{
    struct statement statement;
    enum error_code code = statement_prepare(
        &statement, database,
        "UPDATE ttp_commits SET ended_us = ?2, ended_reason = ?3 WHERE commit_no = ?1", error);
    if (code == OK) {
        statement_bind_int(&statement, 1, (int64_t)commit_no);
        statement_bind_int(&statement, 2, os_realtime_us());
        statement_bind_text(&statement, 3, reason);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

/* Ledgers that brought no event may have been fetched again by a later commit: they are covered by
 * that one, and stay. */
static enum error_code uncover_own(struct database *database, const struct live_commit *commit,
                                   struct error *error)
{
    struct statement statement;
    uint64_t next = commit->range.first; /* the first ledger not looked at yet */
    bool row = false;
    enum error_code code = statement_prepare(
        &statement, database,
        "SELECT first_ledger, last_ledger FROM ttp_commits WHERE ended_us IS NULL AND commit_no > "
        "?1 AND first_ledger <= ?3 AND last_ledger >= ?2 ORDER BY first_ledger",
        error);
    if (code == OK) {
        statement_bind_int(&statement, 1, (int64_t)commit->commit_no);
        statement_bind_int(&statement, 2, commit->range.first);
        statement_bind_int(&statement, 3, commit->range.last);
    }
    while (code == OK && (code = statement_step(&statement, &row, error)) == OK && row) {
        uint64_t first = (uint64_t)statement_int(&statement, 0);
        uint64_t last = (uint64_t)statement_int(&statement, 1);
        if (first > next)
            code = coverage_subtract(database, "ttp_coverage",
                                     (struct catalog_range){(uint32_t)next, (uint32_t)(first - 1)},
                                     error);
        next = last + 1 > next ? last + 1 : next;
    }
    statement_release(&statement);
    if (code == OK && next <= commit->range.last)
        code = coverage_subtract(database, "ttp_coverage",
                                 (struct catalog_range){(uint32_t)next, commit->range.last}, error);
    return code;
}

static enum error_code end_commit(struct database *database, const struct ducklake_head *head,
                                  const struct live_commit *commit, const char *reason,
                                  struct error *error)
{
    int64_t number = (int64_t)commit->commit_no;
    enum error_code code = refuse_rewritten(database, commit->commit_no, error);
    if (code == OK)
        code = end_files(database, head, commit->commit_no, error);
    if (code == OK)
        code = uncover_own(database, commit, error);
    if (code == OK)
        code = run_with(database, "DELETE FROM ttp_unconfirmed WHERE commit_no = ?1", &number, 1,
                        error);
    if (code == OK)
        code = run_with(database, "DELETE FROM ttp_dead_letters WHERE commit_no = ?1", &number, 1,
                        error);
    if (code == OK)
        code = database_execute(database, catalog_seam_table, error);
    int64_t range[] = {commit->range.first, commit->range.last};
    if (code == OK)
        code = run_with(database, "DELETE FROM ttp_seam_findings WHERE ledger BETWEEN ?1 AND ?2",
                        range, 2, error);
    if (code == OK)
        code = database_execute(database, catalog_unchecked_table, error);
    if (code == OK)
        code = run_with(database,
                        "DELETE FROM ttp_unchecked_seams WHERE first_ledger BETWEEN ?1 AND ?2",
                        range, 2, error);
    if (code == OK)
        code = mark_ended(database, commit->commit_no, reason, error);
    return code;
}

static enum error_code end_all(struct catalog *catalog, const uint64_t *commit_nos, size_t count,
                               const char *reason, struct error *error)
{
    struct database *database = &catalog->database;
    struct ducklake_head head = {0};
    size_t ended = 0;
    enum error_code code = ducklake_read_head(database, &head, error);
    for (size_t i = 0; code == OK && i < count; i++) {
        struct live_commit commit;
        bool live;
        code = find_commit(database, commit_nos[i], &commit, &live, error);
        if (code == OK && live) {
            code = end_commit(database, &head, &commit, reason, error);
            ended++;
        }
    }
    if (code != OK || ended == 0)
        return code;
    char changes[48];
    snprintf(changes, sizeof changes, "deleted_from_table:%" PRId64, head.table_id);
    struct ducklake_change change = {changes, reason, NULL};
    return ducklake_add_snapshot(database, &head, os_realtime_us(), &change, error);
}

enum error_code catalog_end_commits(struct catalog *catalog, const uint64_t *commit_nos,
                                    size_t count, const char *reason, struct error *error)
{
    enum error_code code = database_begin_write(&catalog->database, error);
    if (code != OK)
        return code;
    code = end_all(catalog, commit_nos, count, reason, error);
    return database_end(&catalog->database, code, error);
}

enum error_code catalog_uncover_unconfirmed(struct catalog *catalog, struct catalog_range within,
                                            struct error *error)
{
    struct database *database = &catalog->database;
    struct catalog_range *ranges = NULL;
    size_t count = 0;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = coverage_load(database, "ttp_unconfirmed", within, &ranges, &count, error);
    for (size_t i = 0; code == OK && i < count; i++) {
        struct catalog_range range = ranges[i];
        range.first = range.first < within.first ? within.first : range.first;
        range.last = range.last > within.last ? within.last : range.last;
        code = coverage_subtract(database, "ttp_coverage", range, error);
    }
    if (code == OK)
        code = coverage_subtract(database, "ttp_unconfirmed", within, error);
    mem_free(ranges);
    return database_end(database, code, error);
}

enum error_code catalog_path_is_ended(struct catalog *catalog, const char *path, bool *ended,
                                      struct error *error)
{
    struct statement statement;
    *ended = false;
    enum error_code code =
        statement_prepare(&statement, &catalog->database,
                          "SELECT 1 FROM ttp_commit_files f JOIN ttp_commits c ON c.commit_no = "
                          "f.commit_no WHERE f.path = ? AND c.ended_us IS NOT NULL",
                          error);
    if (code == OK) {
        statement_bind_text(&statement, 1, path);
        code = statement_step(&statement, ended, error);
    }
    statement_release(&statement);
    return code;
}
