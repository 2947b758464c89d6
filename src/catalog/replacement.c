// SPDX-License-Identifier: Apache-2.0
#include "catalog/replacement.h"

#include <inttypes.h>
#include <stdio.h>

#include "catalog/amendment.h"
#include "catalog/commit_files.h"
#include "catalog/terms.h"
#include "catalog/ducklake.h"
#include "catalog/early_lists.h"
#include "catalog/handle.h"
#include "catalog/inlined.h"
#include "database/query.h"
#include "catalog/retired.h"
#include "os/clock.h"
#include "util/memory.h"

/* Files that leave by the same statements: preparing these costs more than doing them. */
#define TOGETHER_MAX 64
#define IDS_BYTES    (TOGETHER_MAX * (sizeof "-9223372036854775808" + 1))
#define LIVE_BYTES   (IDS_BYTES + 160)
#define SQL_BYTES    (LIVE_BYTES + 64)

/* Some of the data files that leave, for statements: their ids in parentheses, and those of them
 * that are live ones of the table ?3. */
struct leaving {
    const int64_t *files;
    size_t count;
    char ids[IDS_BYTES], live[LIVE_BYTES];
};

static void leaving_take(struct leaving *leaving, const int64_t *files, size_t count)
{
    size_t length = 0;
    leaving->files = files;
    leaving->count = count < TOGETHER_MAX ? count : TOGETHER_MAX;
    for (size_t i = 0; i < leaving->count; i++)
        length += (size_t)snprintf(leaving->ids + length, sizeof leaving->ids - length,
                                   "%c%" PRId64, i == 0 ? '(' : ',', files[i]);
    snprintf(leaving->ids + length, sizeof leaving->ids - length, ")");
    snprintf(leaving->live, sizeof leaving->live,
             "(SELECT data_file_id FROM ducklake_data_file WHERE table_id = ?3 AND end_snapshot IS "
             "NULL AND path_is_relative AND data_file_id IN %s)",
             leaving->ids);
}

/* One of them that is not live any more, or has hidden rows, which the catalog lists in `name` if
 * that is no "": *found. */
static enum error_code find_changed(struct database *database, const struct leaving *leaving,
                                    struct sql_values values, const char *name, bool *found,
                                    struct error *error)
{
    char sql[SQL_BYTES];
    int64_t live = 0;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s f", leaving->live);
    enum error_code code = database_query_int(database, sql, values, &live, error);
    *found = live != (int64_t)leaving->count;
    snprintf(sql, sizeof sql,
             "SELECT 1 FROM ducklake_delete_file WHERE end_snapshot IS NULL AND data_file_id IN %s",
             leaving->ids);
    if (code == OK && !*found)
        code = database_has(database, sql, NO_VALUES, found, error);
    snprintf(sql, sizeof sql, "SELECT 1 FROM \"%s\" WHERE file_id IN %s", name, leaving->ids);
    if (code == OK && !*found && name[0] != '\0')
        code = database_has(database, sql, NO_VALUES, found, error);
    return code;
}

/* Files that somebody ended, or hid rows of, since they were read may not be replaced. */
static enum error_code check_leaving(struct database *database, const struct leaving *leaving,
                                     struct sql_values values, const char *name,
                                     struct error *error)
{
    bool found;
    enum error_code code = find_changed(database, leaving, values, name, &found, error);
    if (code != OK || !found)
        return code;
    for (size_t i = 0; code == OK && i < leaving->count; i++) {
        struct leaving one;
        leaving_take(&one, &leaving->files[i], 1);
        code = find_changed(database, &one, values, name, &found, error);
        if (code == OK && found)
            code = error_set(error, ERR_CONFLICT,
                             "catalog %s: somebody changed data file %" PRId64
                             " before its rows could be put into another file: it stays as it is",
                             database->path, leaving->files[i]);
    }
    return code;
}

static enum error_code end_files(struct database *database, const struct ducklake_head *head,
                                 const struct catalog_replacement *replacement, struct error *error)
{
    struct sql_values values =
        BIND(sql_int(0), sql_int(head->snapshot_id + 1), sql_int(head->table_id));
    char name[INLINED_NAME_BYTES];
    enum error_code code = inlined_delete_table(database, head->table_id, name, error);
    for (size_t i = 0; code == OK && i < replacement->ended_count; i += TOGETHER_MAX) {
        struct leaving leaving;
        leaving_take(&leaving, &replacement->ended[i], replacement->ended_count - i);
        code = check_leaving(database, &leaving, values, name, error);
        if (code == OK)
            code = retired_list_files(database, leaving.live, values, replacement->in_place, error);
        if (code == OK)
            code = ducklake_end_files(database, leaving.live, values, error);
    }
    return code == OK ? retired_name_files(database, error) : code;
}

/* Where no row is new it is a change that DuckDB knows as its own merging of files: whoever deletes
 * rows meanwhile is told of the conflict. */
static enum error_code add_snapshot(struct database *database, struct ducklake_head *head,
                                    const struct catalog_commit *change, bool has_new_rows,
                                    struct error *error)
{
    char changes[96], message[128];
    if (has_new_rows)
        snprintf(changes, sizeof changes,
                 "inserted_into_table:%" PRId64 ",deleted_from_table:%" PRId64, head->table_id,
                 head->table_id);
    else
        snprintf(changes, sizeof changes, "merge_adjacent:%" PRId64, head->table_id);
    snprintf(message, sizeof message, "%.40s: ledgers %" PRIu32 " to %" PRIu32, change->reason,
             change->range.first, change->range.last);
    struct ducklake_change snapshot = {changes, message, NULL};
    return ducklake_add_snapshot(database, head, os_realtime_us(), &snapshot, error);
}

static enum error_code insert_members(struct database *database,
                                      const struct catalog_replacement *replacement,
                                      const int64_t *data_file_ids, struct error *error)
{
    struct query query;
    query_prepare(&query, database, "INSERT INTO ttp_file_commits VALUES(?,?,?)", error);
    for (size_t i = 0; i < replacement->member_count; i++) {
        const struct catalog_member *member = &replacement->members[i];
        query_run(&query, BIND(sql_int(data_file_ids[member->file]), sql_int(member->commit_no),
                               sql_int(member->record_count)));
    }
    return query_end(&query);
}

static enum error_code insert_replacement(struct database *database,
                                          const struct catalog_commit *change, int64_t snapshot_id,
                                          struct error *error)
{
    int64_t size_bytes = 0;
    for (size_t i = 0; i < change->file_count; i++)
        size_bytes += change->files[i].file_size_bytes;
    return database_run(
        database, "INSERT INTO ttp_replacements VALUES(?,?,?,?,?,?,?,?,?)",
        BIND(sql_int(change->commit_no), sql_text(change->reason), sql_int(change->range.first),
             sql_int(change->range.last), sql_int(change->file_count), sql_int(change->row_count),
             sql_int(size_bytes), sql_int(snapshot_id), sql_int(change->committed_us)),
        error);
}

static enum error_code replace(struct catalog *catalog, const struct catalog_commit *change,
                               const struct catalog_replacement *replacement,
                               int64_t *data_file_ids, struct error *error)
{
    struct database *database = &catalog->database;
    struct ducklake_head head = {0};
    enum error_code code = ducklake_read_head(database, &head, error);
    if (code == OK)
        code = end_files(database, &head, replacement, error);
    if (code == OK && replacement->amendment != NULL)
        code =
            amendment_apply(database, replacement->amendment, change, head.snapshot_id + 1, error);
    if (code == OK) {
        struct ducklake_state_question question;
        ducklake_ask_state(&question, database, head.table_id, catalog->partition_id, error);
        code = ducklake_append_files(&question, OK, &head, change->files, change->file_count,
                                     data_file_ids, error);
    }
    if (code == OK)
        code = add_snapshot(database, &head, change, replacement->amendment != NULL, error);
    if (code == OK)
        code = insert_replacement(database, change, head.snapshot_id, error);
    if (code == OK)
        code = commit_files_insert(database, change, data_file_ids, error);
    return code == OK ? insert_members(database, replacement, data_file_ids, error) : code;
}

enum error_code catalog_replace_if(struct catalog *catalog, const struct catalog_commit *change,
                                   const struct catalog_replacement *replacement,
                                   const struct catalog_terms *terms, struct error *error)
{
    int64_t *data_file_ids = mem_alloc(change->file_count * sizeof *data_file_ids);
    if (data_file_ids == NULL)
        return error_no_memory(error, "a replacement");
    enum error_code code = database_ask_to_write(&catalog->database, error);
    if (code == OK) {
        code = terms_hold(&catalog->database, terms, error);
        if (code == OK)
            code = replace(catalog, change, replacement, data_file_ids, error);
        code = database_end(&catalog->database, code, error);
    }
    mem_free(data_file_ids);
    return code;
}

#define SHARES                                                                                     \
    "SELECT s.data_file_id, s.commit_no, s.record_count, c.first_ledger, c.last_ledger FROM "      \
    "ttp_file_commits s JOIN ducklake_data_file d ON d.data_file_id = s.data_file_id AND "         \
    "d.table_id = ?1 AND d.end_snapshot IS NULL JOIN ttp_commits c ON c.commit_no = s.commit_no "  \
    "AND c.ended_us IS NULL "
#define IN_ORDER "ORDER BY s.commit_no, s.data_file_id"

static enum error_code visit_shares(struct catalog *catalog, const char *sql,
                                    struct sql_values values, catalog_share_visitor *visit,
                                    void *context, struct error *error)
{
    struct query query;
    query_begin_list(&query, &catalog->database, sql, values, error);
    while (query_next(&query)) {
        struct catalog_share share = {.data_file_id = query_int(&query, 0),
                                      .commit_no = (uint64_t)query_int(&query, 1),
                                      .record_count = query_counter(&query, 2),
                                      .range = query_range(&query, 3)};
        if (query_ok(&query))
            query_check(&query, visit(context, &share, error));
    }
    return query_end(&query);
}

enum error_code catalog_each_share(struct catalog *catalog, catalog_share_visitor *visit,
                                   void *context, struct error *error)
{
    bool there = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_file_commits", &there, error);
    return code == OK && there
               ? visit_shares(catalog, SHARES IN_ORDER, BIND(sql_int(catalog->table_id)), visit,
                              context, error)
               : code;
}

enum error_code catalog_each_early_share(struct catalog *catalog, uint32_t ledger,
                                         catalog_share_visitor *visit, void *context,
                                         struct error *error)
{
    return visit_shares(catalog, SHARES "WHERE s.data_file_id IN (" EARLY_FILES ") " IN_ORDER,
                        BIND(sql_int(catalog->table_id), sql_int(ledger)), visit, context, error);
}

enum error_code catalog_has_replacement(struct catalog *catalog, uint64_t commit_no, bool *has,
                                        struct error *error)
{
    bool there = false;
    *has = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_replacements", &there, error);
    return code == OK && there ? database_has(&catalog->database,
                                              "SELECT 1 FROM ttp_replacements WHERE commit_no = ?1",
                                              BIND(sql_int(commit_no)), has, error)
                               : code;
}
