// SPDX-License-Identifier: Apache-2.0
/* Taking whole commits, or what was never confirmed, out of the lake again. */
#include <inttypes.h>
#include <stdio.h>

#include "catalog/care.h"
#include "catalog/coverage.h"
#include "catalog/doomed_list.h"
#include "catalog/ducklake.h"
#include "catalog/handle.h"
#include "catalog/history.h"
#include "catalog/inlined.h"
#include "database/query.h"
#include "catalog/retired.h"
#include "catalog/tables.h"
#include "os/clock.h"
#include "util/memory.h"

struct live_commit {
    uint64_t commit_no;
    struct ledger_range range;
};

static enum error_code find_commit(struct database *database, uint64_t commit_no,
                                   struct live_commit *commit, bool *live, struct error *error)
{
    struct query query;
    query_begin(
        &query, database,
        "SELECT first_ledger, last_ledger, ended_us IS NULL FROM ttp_commits WHERE commit_no = ?1",
        BIND(sql_int(commit_no)), error);
    *commit = (struct live_commit){.commit_no = commit_no};
    *live = false;
    if (query_next(&query)) {
        commit->range = query_range(&query, 0);
        *live = query_int(&query, 2) != 0;
    } else if (query_ok(&query)) {
        query_check(&query, error_set(error, ERR_NOT_FOUND, "catalog %s has no commit %" PRIu64,
                                      database->path, commit_no));
    }
    return query_end(&query);
}

/* What is taken out, and the snapshot after `head` that it ends with. */
struct removal {
    struct database *database;
    const struct ducklake_head *head;
    int64_t longest;      /* last_ledger - first_ledger of any live commit, at most */
    int64_t ended;        /* commits, data files and inlined rows */
    int64_t inlined_rows; /* of them */
    bool prunes, in_place;
    struct ledger_set uncovered;
};

/* Live data files of the table (?3): those of the commit ?1, or the one with the id ?1. */
#define LIVE_FILES(condition)                                                                      \
    "(SELECT data_file_id FROM ducklake_data_file WHERE table_id = ?3 AND end_snapshot IS NULL "   \
    "AND data_file_id " condition ")"
#define OF_COMMIT LIVE_FILES("IN (SELECT data_file_id FROM ttp_commit_files WHERE commit_no = ?1)")
#define WITH_ID   LIVE_FILES("= ?1")

/* The deletes in the catalog itself on such files. Older snapshots lose nothing by it: the files
 * are moved away. */
static enum error_code drop_inlined_deletes(const struct removal *removal, const char *live_files,
                                            struct sql_values values, struct error *error)
{
    char name[INLINED_NAME_BYTES], sql[INLINED_NAME_BYTES + 512];
    enum error_code code =
        inlined_delete_table(removal->database, removal->head->table_id, name, error);
    if (code != OK || name[0] == '\0')
        return code;
    snprintf(sql, sizeof sql, "DELETE FROM \"%s\" WHERE file_id IN %s", name, live_files);
    return database_run(removal->database, sql, values, error);
}

/* Ends the data files of a commit, or the one with the id. */
static enum error_code end_files(struct removal *removal, int64_t key, bool is_commit,
                                 struct error *error)
{
    struct sql_values values = BIND(sql_int(key), sql_int(removal->head->snapshot_id + 1),
                                    sql_int(removal->head->table_id));
    const char *live_files = is_commit ? OF_COMMIT : WITH_ID;
    enum error_code code =
        removal->prunes
            ? retired_list_files(removal->database, live_files, values, removal->in_place, error)
            : aside_list_files(removal->database, live_files, values, error);
    if (code == OK && !removal->prunes)
        code = drop_inlined_deletes(removal, live_files, values, error);
    if (code != OK)
        return code;
    return ducklake_end_files(removal->database, live_files, values, error);
}

struct inlined_removal {
    struct removal *removal;
    struct ledger_range ledgers;
};

/* Rows without a ledger go with the widest range. */
static enum error_code end_inlined_table(void *context, const char *name, bool has_ledgers,
                                         struct error *error)
{
    const struct inlined_removal *inlined = context;
    struct removal *removal = inlined->removal;
    char condition[128], sql[INLINED_NAME_BYTES + 512];
    bool all = inlined->ledgers.first == 0 && inlined->ledgers.last == UINT32_MAX;
    int64_t rows = 0;
    if (!all && !has_ledgers)
        return OK;
    if (all)
        snprintf(condition, sizeof condition, "end_snapshot IS NULL");
    else
        snprintf(condition, sizeof condition,
                 "end_snapshot IS NULL AND CAST(ledger_sequence AS BIGINT) BETWEEN %" PRIu32
                 " AND %" PRIu32,
                 inlined->ledgers.first, inlined->ledgers.last);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\" WHERE %s", name, condition);
    enum error_code code = database_query_int(removal->database, sql, NO_VALUES, &rows, error);
    snprintf(sql, sizeof sql, "UPDATE \"%s\" SET end_snapshot = ?1 WHERE %s", name, condition);
    if (code == OK && rows > 0)
        code = database_run(removal->database, sql, BIND(sql_int(removal->head->snapshot_id + 1)),
                            error);
    removal->inlined_rows += rows;
    removal->ended += rows > 0;
    return code;
}

/* Rows that lie in the catalog itself. */
static enum error_code end_inlined(struct removal *removal, const struct ledger_range *ranges,
                                   size_t count, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count; i++) {
        struct inlined_removal inlined = {removal, ranges[i]};
        code = inlined_each_table(removal->database, removal->head->table_id, end_inlined_table,
                                  &inlined, error);
    }
    if (code == OK && removal->inlined_rows > 0)
        code = database_run(
            removal->database,
            "UPDATE ducklake_table_stats SET record_count = CASE WHEN record_count > ?1 "
            "THEN record_count - ?1 ELSE 0 END WHERE table_id = ?2",
            BIND(sql_int(removal->inlined_rows), sql_int(removal->head->table_id)), error);
    return code;
}

static enum error_code uncover(struct removal *removal, struct ledger_range range,
                               struct error *error)
{
    enum error_code code = coverage_subtract(removal->database, "ttp_coverage", range, error);
    return code == OK ? ledger_set_append(&removal->uncovered, range, error) : code;
}

/* Ledgers that brought no event may have been fetched again by a later commit: they are covered by
 * that one, and stay. A commit that overlaps begins no further below than the longest is long: so
 * the index finds it without a look at all that begin below. */
static enum error_code uncover_own(struct removal *removal, const struct live_commit *commit,
                                   struct error *error)
{
    struct database *database = removal->database;
    struct query query;
    struct ledger_range rest = commit->range; /* not looked at yet */
    bool all_seen = false;
    query_begin(
        &query, database,
        "SELECT first_ledger, last_ledger FROM ttp_commits WHERE ended_us IS NULL AND commit_no > "
        "?1 AND first_ledger BETWEEN ?2 - ?4 AND ?3 AND last_ledger >= ?2 ORDER BY first_ledger",
        BIND(sql_int(commit->commit_no), sql_int(commit->range.first), sql_int(commit->range.last),
             sql_int(removal->longest)),
        error);
    while (!all_seen && query_next(&query)) {
        struct ledger_range later = query_range(&query, 0);
        if (query_ok(&query) && later.first > rest.first)
            query_check(&query, uncover(removal, (struct ledger_range){rest.first, later.first - 1},
                                        error));
        all_seen = later.last >= rest.last;
        if (!all_seen && later.last >= rest.first)
            rest.first = later.last + 1;
    }
    enum error_code code = query_end(&query);
    if (code == OK && !all_seen)
        code = uncover(removal, rest, error);
    return code;
}

static enum error_code end_commit(struct removal *removal, const struct live_commit *commit,
                                  const char *reason, struct error *error)
{
    struct database *database = removal->database;
    enum error_code code = end_files(removal, (int64_t)commit->commit_no, true, error);
    if (code == OK)
        code = (removal->prunes ? retired_list_dead_letters : aside_list_dead_letters)(
            database, (int64_t)commit->commit_no, removal->head->snapshot_id + 1, error);
    if (code == OK)
        code = uncover_own(removal, commit, error);
    if (code == OK)
        code = database_execute(database, catalog_seam_table, error);
    if (code == OK)
        code = database_execute(database, catalog_unchecked_table, error);
    if (code == OK)
        code = database_run(
            database,
            "DELETE FROM ttp_unconfirmed WHERE commit_no = ?1;"
            "DELETE FROM ttp_dead_letters WHERE commit_no = ?1;"
            "DELETE FROM ttp_seam_findings WHERE ledger BETWEEN ?2 AND ?3;"
            "DELETE FROM ttp_unchecked_seams WHERE first_ledger BETWEEN ?2 AND ?3;"
            "UPDATE ttp_commits SET ended_us = ?4, ended_reason = ?5 WHERE commit_no = ?1",
            BIND(sql_int(commit->commit_no), sql_int(commit->range.first),
                 sql_int(commit->range.last), sql_int(os_realtime_us()), sql_text(reason)),
            error);
    removal->ended++;
    return code;
}

/* Of the commits that may reach into what is taken out: those above it begin behind it. */
static enum error_code find_longest(struct removal *removal, const struct catalog_removal *wanted,
                                    struct error *error)
{
    enum error_code code = OK;
    uint32_t newest = 0;
    for (size_t i = 0; code == OK && i < wanted->commit_count; i++) {
        struct live_commit commit;
        bool live;
        code = find_commit(removal->database, wanted->commit_nos[i], &commit, &live, error);
        if (code == OK && commit.range.last > newest)
            newest = commit.range.last;
    }
    return code == OK ? database_query_int(
                            removal->database,
                            "SELECT coalesce(max(last_ledger - first_ledger), 0) FROM ttp_commits "
                            "WHERE ended_us IS NULL AND first_ledger <= ?1",
                            BIND(sql_int(newest)), &removal->longest, error)
                      : code;
}

static enum error_code end_all(struct removal *removal, const struct catalog_removal *wanted,
                               struct error *error)
{
    enum error_code code = find_longest(removal, wanted, error);
    for (size_t i = 0; code == OK && i < wanted->commit_count; i++) {
        struct live_commit commit;
        bool live;
        code = find_commit(removal->database, wanted->commit_nos[i], &commit, &live, error);
        if (code == OK && live)
            code = end_commit(removal, &commit, wanted->reason, error);
    }
    for (size_t i = 0; code == OK && i < wanted->data_file_count; i++, removal->ended++)
        code = end_files(removal, wanted->data_file_ids[i], false, error);
    if (code == OK)
        code = end_inlined(removal, wanted->inlined, wanted->inlined_count, error);
    if (code == OK && wanted->prunes)
        code = retired_name_files(removal->database, error);
    return code == OK && wanted->prunes
               ? care_add_pruned(removal->database, &removal->uncovered, error)
               : code;
}

/* The snapshot that all of it ends with. */
static enum error_code add_snapshot(struct database *database, struct ducklake_head *head,
                                    bool has_inlined, const char *reason, struct error *error)
{
    char changes[96];
    snprintf(changes, sizeof changes, "deleted_from_table:%" PRId64, head->table_id);
    if (has_inlined)
        snprintf(changes, sizeof changes, "deleted_from_table:%" PRId64 ",inlined_delete:%" PRId64,
                 head->table_id, head->table_id);
    struct ducklake_change change = {changes, reason, NULL};
    return ducklake_add_snapshot(database, head, os_realtime_us(), &change, error);
}

static enum error_code take_out(struct database *database, const struct catalog_removal *wanted,
                                int64_t *snapshot_id, struct error *error)
{
    struct ducklake_head head = {0};
    struct removal removal = {.database = database,
                              .head = &head,
                              .prunes = wanted->prunes,
                              .in_place = wanted->in_place};
    enum error_code code = ducklake_read_head(database, &head, error);
    if (code == OK && wanted->decided_at >= 0 && head.snapshot_id != wanted->decided_at)
        code = error_set(error, ERR_RETRY,
                         "somebody changed the catalog %s meanwhile (snapshot %" PRId64
                         "): nothing was taken out; run the command again",
                         database->path, head.snapshot_id);
    if (code == OK)
        code = end_all(&removal, wanted, error);
    ledger_set_release(&removal.uncovered);
    if (code != OK || removal.ended == 0)
        return code;
    code = add_snapshot(database, &head, removal.inlined_rows > 0, wanted->reason, error);
    *snapshot_id = head.snapshot_id;
    return code;
}

enum error_code catalog_take_out(struct catalog *catalog, const struct catalog_removal *removal,
                                 int64_t *snapshot_id, struct error *error)
{
    *snapshot_id = 0;
    enum error_code code = database_begin_write(&catalog->database, error);
    if (code != OK)
        return code;
    code = take_out(&catalog->database, removal, snapshot_id, error);
    return database_end(&catalog->database, code, error);
}

enum error_code catalog_uncover_unconfirmed(struct catalog *catalog, struct ledger_range within,
                                            struct error *error)
{
    struct database *database = &catalog->database;
    struct ledger_set unconfirmed = {0};
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = coverage_load(database, "ttp_unconfirmed", within, &unconfirmed, error);
    for (size_t i = 0; code == OK && i < unconfirmed.count; i++) {
        struct ledger_range range = unconfirmed.ranges[i];
        range.first = range.first < within.first ? within.first : range.first;
        range.last = range.last > within.last ? within.last : range.last;
        code = coverage_subtract(database, "ttp_coverage", range, error);
    }
    if (code == OK)
        code = coverage_subtract(database, "ttp_unconfirmed", within, error);
    ledger_set_release(&unconfirmed);
    return database_end(database, code, error);
}

enum error_code catalog_path_is_taken_out(struct catalog *catalog, const char *path,
                                          bool *taken_out, struct error *error)
{
    bool is_kept = false;
    enum error_code code = database_has(
        &catalog->database,
        "SELECT 1 FROM ttp_commit_files f JOIN ttp_commits c ON c.commit_no = f.commit_no WHERE "
        "f.path = ?1 AND c.ended_us IS NOT NULL UNION ALL SELECT 1 FROM ducklake_data_file d JOIN "
        "ducklake_snapshot_changes h ON h.snapshot_id = d.end_snapshot WHERE d.path = ?1 AND "
        "d.path_is_relative AND d.table_id = ?2 AND h.commit_message LIKE "
        "'" CATALOG_TAKEN_OUT_PREFIX "%'",
        BIND(sql_text(path), sql_int(catalog->table_id)), taken_out, error);
    if (code == OK && *taken_out)
        code = retired_has_path(&catalog->database, path, &is_kept, error);
    *taken_out = *taken_out && !is_kept;
    return code;
}
