// SPDX-License-Identifier: Apache-2.0
/* Commits: adding one in one transaction, and what can be asked about them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/commit_files.h"
#include "catalog/coverage.h"
#include "catalog/ducklake.h"
#include "catalog/handle.h"
#include "catalog/replacement.h"
#include "catalog/terms.h"
#include "catalog/doomed_list.h"
#include "util/json_text.h"
#include "os/clock.h"
#include "util/bytes.h"
#include "util/memory.h"

#define DIGEST_HEX_BYTES 33

/* Replacements have numbers among the commits'. */
enum error_code catalog_next_commit_no(struct catalog *catalog, uint64_t *commit_no,
                                       struct error *error)
{
    struct query query;
    bool there = false;
    *commit_no = 0;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_replacements", &there, error);
    if (code != OK)
        return code;
    query_begin(
        &query, &catalog->database,
        there ? "SELECT max(n) AS commit_no FROM (SELECT max(commit_no) AS n FROM ttp_commits "
                "UNION ALL SELECT max(commit_no) FROM ttp_replacements) AS highest"
              : "SELECT max(commit_no) AS commit_no FROM ttp_commits",
        NO_VALUES, error);
    int64_t highest = query_next(&query) ? query_counter(&query, 0) : 0; /* 0, too, if it is NULL */
    *commit_no = (uint64_t)highest + 1;
    return query_end(&query);
}

enum error_code catalog_take_commit_no(struct catalog *catalog, uint64_t *commit_no,
                                       struct error *error)
{
    int64_t taken = 0;
    if (!catalog->is_shared)
        return catalog_next_commit_no(catalog, commit_no, error);
    enum error_code code = database_query_int(
        &catalog->database,
        "UPDATE ttp_numbers SET commit_no = 1 + greatest(commit_no, (SELECT max(commit_no) FROM "
        "ttp_commits), (SELECT max(commit_no) FROM ttp_replacements)) RETURNING commit_no",
        NO_VALUES, &taken, error);
    *commit_no = (uint64_t)taken;
    return code;
}

enum error_code catalog_has_commit(struct catalog *catalog, uint64_t commit_no, bool *has,
                                   struct error *error)
{
    enum error_code code =
        database_has(&catalog->database, "SELECT 1 FROM ttp_commits WHERE commit_no = ?1",
                     BIND(sql_int(commit_no)), has, error);
    return code == OK && !*has ? catalog_has_replacement(catalog, commit_no, has, error) : code;
}

enum error_code catalog_find_commit(struct catalog *catalog, uint64_t commit_no, bool *found,
                                    struct ledger_range *range, int64_t *row_count,
                                    int64_t *dead_letter_count, struct error *error)
{
    struct query query;
    query_begin(&query, &catalog->database,
                "SELECT first_ledger, last_ledger, row_count, dead_letter_count FROM ttp_commits "
                "WHERE commit_no = ?1",
                BIND(sql_int(commit_no)), error);
    *found = query_next(&query);
    if (*found) {
        *range = query_range(&query, 0);
        *row_count = query_int(&query, 2);
        *dead_letter_count = query_int(&query, 3);
    }
    return query_end(&query);
}

enum error_code catalog_newest_close(struct catalog *catalog, int64_t *close_us,
                                     struct error *error)
{
    *close_us = 0;
    return database_query_int(&catalog->database, "SELECT max(last_close_us) FROM ttp_commits",
                              NO_VALUES, close_us, error);
}

enum error_code catalog_newest_before(struct catalog *catalog, int64_t before_us, uint32_t *ledger,
                                      struct error *error)
{
    struct query query;
    *ledger = 0;
    query_begin(&query, &catalog->database,
                "SELECT coalesce(max(last_ledger), 0) FROM ttp_commits WHERE last_close_us > 0 AND "
                "last_close_us < ?1 AND ended_us IS NULL",
                BIND(sql_int(before_us)), error);
    if (query_next(&query))
        *ledger = (uint32_t)query_int(&query, 0);
    return query_end(&query);
}

enum error_code catalog_path_is_known(struct catalog *catalog, const char *path, bool *known,
                                      struct error *error)
{
    enum error_code code =
        database_has(&catalog->database, "SELECT 1 FROM ttp_commit_files WHERE path = ?1",
                     BIND(sql_text(path)), known, error);
    return code == OK && !*known ? doomed_knows_path(&catalog->database, path, known, error) : code;
}

static uint64_t unconfirmed_ledgers(const struct catalog_commit *commit)
{
    uint64_t ledgers = 0;
    for (size_t i = 0; i < commit->unconfirmed_count; i++)
        ledgers += ledger_range_count(commit->unconfirmed[i]);
    return ledgers;
}

static int64_t size_of_files(const struct catalog_commit *commit)
{
    int64_t size_bytes = 0;
    for (size_t i = 0; i < commit->file_count; i++)
        size_bytes += commit->files[i].file_size_bytes;
    return size_bytes;
}

static enum error_code insert_commit(struct database *database, const struct catalog_commit *commit,
                                     int64_t snapshot_id, struct error *error)
{
    char chain[DIGEST_HEX_BYTES] = "", contents[CONTENTS_DIGEST_TEXT_BYTES] = "";
    if (commit->digest_ledger != 0) {
        hex_encode(bytes_view_of(commit->digest_chain, sizeof commit->digest_chain), chain);
        contents_digest_text(&commit->digest_contents, contents);
    }
    return database_run(
        database, "INSERT INTO ttp_commits VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL,NULL)",
        BIND(sql_int(commit->commit_no), sql_int(commit->range.first), sql_int(commit->range.last),
             sql_text(commit->reason), sql_text(commit->schema_version),
             sql_int_unless_zero(snapshot_id),
             sql_int(commit->file_count + commit->files_elsewhere), sql_int(commit->row_count),
             sql_int(size_of_files(commit)), sql_int(commit->dead_letter_count),
             sql_int(unconfirmed_ledgers(commit)), sql_int(commit->null_decimal_count),
             sql_int(commit->replaced_memo_count), sql_int(commit->digest_ledger), sql_text(chain),
             sql_text(contents), sql_int(commit->last_close_us), sql_int(commit->committed_us)),
        error);
}

static enum error_code insert_unconfirmed(struct database *database,
                                          const struct catalog_commit *commit, struct error *error)
{
    struct query query;
    query_prepare(&query, database, "INSERT INTO ttp_unconfirmed VALUES(?,?,?)", error);
    for (size_t i = 0; i < commit->unconfirmed_count; i++)
        query_run(&query, BIND(sql_int(commit->unconfirmed[i].first),
                               sql_int(commit->unconfirmed[i].last), sql_int(commit->commit_no)));
    return query_end(&query);
}

/* The stream's cursor, for people and tools that look at lake.snapshots(). */
static enum error_code extra_info(const struct catalog_commit *commit, struct buffer *out,
                                  struct error *error)
{
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:s, s:s}", "commit_no", (json_int_t)commit->commit_no, "first_ledger",
        (json_int_t)commit->range.first, "last_ledger", (json_int_t)commit->range.last, "reason",
        commit->reason, "schema_version", commit->schema_version);
    enum error_code code = json_text_dump(object, false, out, error);
    json_decref(object);
    if (code == OK && buffer_append_byte(out, '\0') != OK)
        code = error_no_memory(error, "a snapshot's description");
    return code;
}

/* What a commit asks the catalog before it changes it: all at once, and as early as it can be. */
struct commit_questions {
    struct query overlap, holes;
    bool is_shared; /* others commit, too */
    bool has_files; /* else the rest is not asked */
    struct ducklake_head_question head;
    struct ducklake_state_question state;
};

static void ask_all(struct catalog *catalog, const struct catalog_commit *commit,
                    struct commit_questions *questions, struct error *error)
{
    coverage_ask(&questions->overlap, &catalog->database, "ttp_coverage", commit->range, error);
    coverage_ask(&questions->holes, &catalog->database, "ttp_holes", commit->range, error);
    questions->is_shared = catalog->is_shared;
    questions->has_files = commit->file_count > 0;
    if (!questions->has_files)
        return;
    ducklake_ask_head(&questions->head, &catalog->database, error);
    ducklake_ask_state(&questions->state, &catalog->database, catalog->table_id,
                       catalog->partition_id, error);
}

/* The data files and the snapshot that holds them. */
static enum error_code add_snapshot(struct commit_questions *questions, enum error_code before,
                                    const struct catalog_commit *commit, int64_t *data_file_ids,
                                    int64_t *snapshot_id, struct error *error)
{
    struct database *database = questions->overlap.database;
    struct ducklake_head head = {0};
    char changes[48];
    char message[96];
    enum error_code code = ducklake_take_head(&questions->head, before, &head, error);
    code = ducklake_append_files(&questions->state, code, &head, commit->files, commit->file_count,
                                 data_file_ids, error);
    if (code != OK)
        return code;
    snprintf(changes, sizeof changes, "inserted_into_table:%" PRId64, head.table_id);
    snprintf(message, sizeof message, "ledgers %" PRIu32 " to %" PRIu32, commit->range.first,
             commit->range.last);
    struct buffer info;
    buffer_init(&info);
    code = extra_info(commit, &info, error);
    if (code == OK) {
        struct ducklake_change change = {changes, message, (const char *)info.data};
        code = ducklake_add_snapshot(database, &head, os_realtime_us(), &change, error);
    }
    *snapshot_id = head.snapshot_id;
    buffer_release(&info);
    return code;
}

/* Takes all answers in any case; adds everything unless something failed before. */
static enum error_code add_everything(struct commit_questions *questions, enum error_code before,
                                      const struct catalog_commit *commit, int64_t *data_file_ids,
                                      struct error *error)
{
    struct database *database = questions->overlap.database;
    int64_t snapshot_id = 0;
    enum error_code code = coverage_add(&questions->overlap, before, commit->range, error);
    if (code == ERR_INVALID && before == OK && questions->is_shared) {
        code = ERR_AGAIN; /* somebody else's commit, not our mistake */
        if (error != NULL)
            error->code = code;
    }
    query_check(&questions->holes, code);
    bool has_holes = query_next(&questions->holes);
    code = query_end(&questions->holes);
    if (code == OK && has_holes)
        code = coverage_subtract(database, "ttp_holes", commit->range, error);
    if (questions->has_files)
        code = add_snapshot(questions, code, commit, data_file_ids, &snapshot_id, error);
    if (code == OK)
        code = insert_commit(database, commit, snapshot_id, error);
    if (code == OK)
        code = commit_files_insert(database, commit, data_file_ids, error);
    if (code == OK)
        code = insert_unconfirmed(database, commit, error);
    if (code == OK && commit->dead_letters_path != NULL)
        code = commit_files_insert_letters(database, commit->commit_no, commit, error);
    return code;
}

enum error_code catalog_add_commit_if(struct catalog *catalog, const struct catalog_commit *commit,
                                      const struct catalog_terms *terms, struct error *error)
{
    struct commit_questions questions;
    int64_t *data_file_ids = mem_alloc(commit->file_count * sizeof *data_file_ids);
    if (data_file_ids == NULL)
        return error_no_memory(error, "a commit");
    enum error_code code = database_ask_to_write(&catalog->database, error);
    if (code == OK) {
        ask_all(catalog, commit, &questions, error);
        code = terms_hold(&catalog->database, terms, error);
        code = add_everything(&questions, code, commit, data_file_ids, error);
        code = database_end(&catalog->database, code, error);
    }
    mem_free(data_file_ids);
    return code;
}

enum error_code catalog_add_commit(struct catalog *catalog, const struct catalog_commit *commit,
                                   struct error *error)
{
    return catalog_add_commit_if(catalog, commit, NULL, error);
}

enum error_code catalog_settle_commit(struct catalog *catalog, uint64_t commit_no, bool *committed,
                                      struct error *error)
{
    enum error_code code = database_begin_settling(&catalog->database, error);
    if (code != OK)
        return code;
    code = catalog_has_commit(catalog, commit_no, committed, error);
    if (code == OK && !*committed)
        code = database_rule_out(&catalog->database, error);
    return database_end(&catalog->database, code, error);
}
