// SPDX-License-Identifier: Apache-2.0
/*
 * What expires is decided by reading, then done by ids: so a dry run takes the same decisions.
 *
 * A row with a begin and an end is needed as long as a snapshot is left that is neither before the
 * one nor behind the other. What DuckDB keeps, rows of columns and partitionings that ended of a
 * table that did not, and changes in the catalog itself, is kept.
 */
#include "catalog/expiry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/ducklake.h"
#include "catalog/expiry_apply.h"
#include "catalog/retired.h"
#include "catalog/table_paths.h"
#include "catalog/handle.h"
#include "os/clock.h"
#include "util/text.h"

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "what expires");
}

static void plan_init(struct expiry_plan *plan, struct catalog *catalog)
{
    *plan = (struct expiry_plan){.database = &catalog->database};
    arena_init(&plan->arena, 0);
}

static void plan_release(struct expiry_plan *plan)
{
    buffer_release(&plan->ending);
    buffer_release(&plan->staying);
    buffer_release(&plan->tables);
    buffer_release(&plan->files);
    buffer_release(&plan->deletes);
    buffer_release(&plan->doomed);
    buffer_release(&plan->unlisted);
    arena_release(&plan->arena);
}

static enum error_code append_id(struct buffer *list, int64_t id, struct error *error)
{
    return buffer_append(list, &id, sizeof id) == OK ? OK : no_memory(error);
}

/* ---- snapshots ---- */

/* One of which the time can't be read stays. */
static enum error_code choose_snapshots(struct expiry_plan *plan, struct catalog_expiry *expiry,
                                        int64_t newest, struct error *error)
{
    struct query query;
    query_begin_list(
        &query, plan->database,
        "SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id", NO_VALUES,
        error);
    while (query_next(&query)) {
        int64_t id = query_int(&query, 0), time_us = 0;
        const char *time = query_text(&query, 1);
        bool is_read = time != NULL && text_parse_rfc3339(bytes_view_text(time), &time_us);
        bool ends = is_read && time_us < expiry->before_us && id != newest;
        query_check(&query, append_id(ends ? &plan->ending : &plan->staying, id, error));
        if (!ends && expiry->snapshots_left++ == 0) {
            expiry->oldest_snapshot = plan->oldest_snapshot = id;
            expiry->oldest_us = is_read ? time_us : 0;
        }
    }
    expiry->snapshots = LIST_COUNT(&plan->ending, int64_t);
    return query_end(&query);
}

/* Whether a snapshot that stays sees what begins with one snapshot and ends with another. */
static bool is_needed(const struct expiry_plan *plan, int64_t begin, int64_t end)
{
    size_t low = 0, high = LIST_COUNT(&plan->staying, int64_t);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (*LIST_AT(&plan->staying, int64_t, middle) < begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low < LIST_COUNT(&plan->staying, int64_t) &&
           *LIST_AT(&plan->staying, int64_t, low) < end;
}

static bool row_is_needed(const struct expiry_plan *plan, const struct query *query, int column)
{
    return query_is_null(query, column + 1) ||
           is_needed(plan, query_int(query, column), query_int(query, column + 1));
}

/* ---- what they alone needed ---- */

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static bool has_id(const struct buffer *list, int64_t id)
{
    return list->size_bytes > 0 &&
           bsearch(&id, list->data, LIST_COUNT(list, int64_t), sizeof id, compare_ids) != NULL;
}

/* A table of which no row is needed; one that was altered has several. */
static enum error_code choose_tables(struct expiry_plan *plan, struct error *error)
{
    struct query query;
    int64_t previous = 0;
    bool needed = true;
    query_begin(&query, plan->database,
                "SELECT table_id, begin_snapshot, end_snapshot FROM ducklake_table ORDER BY "
                "table_id",
                NO_VALUES, error);
    while (query_next(&query)) {
        int64_t id = query_int(&query, 0);
        if (!needed && id != previous)
            query_check(&query, append_id(&plan->tables, previous, error));
        needed = (needed && id == previous) || row_is_needed(plan, &query, 1);
        previous = id;
    }
    if (query_ok(&query) && !needed)
        query_check(&query, append_id(&plan->tables, previous, error));
    return query_end(&query);
}

static enum error_code add_file(struct expiry_plan *plan, const struct query *query,
                                struct buffer *list, struct error *error)
{
    const char *path = query_text(query, 4);
    struct expiry_file file = {.id = query_int(query, 0),
                               .is_absolute = query_int(query, 5) != 0,
                               .is_own = query_int(query, 6) != 0};
    if (path == NULL)
        return error_set(error, ERR_CORRUPT, "catalog %s: the file %" PRId64 " has no path",
                         query->database->path, file.id);
    file.path = arena_copy_text(&plan->arena, bytes_view_text(path));
    return file.path != NULL && buffer_append(list, &file, sizeof file) == OK ? OK
                                                                              : no_memory(error);
}

/* The lake's own: moved away when it left, or taken out of it by a repair. Its name may be another
 * file's by now, or that of nothing. */
#define IS_OF_ENDED_COMMIT                                                                         \
    "EXISTS (SELECT 1 FROM ttp_commit_files o JOIN ttp_commits k ON k.commit_no = o.commit_no "    \
    "WHERE o.data_file_id = f.data_file_id AND k.ended_us IS NOT NULL)"
#define IS_SET_ASIDE "EXISTS (SELECT 1 FROM ttp_set_aside a WHERE a.path = f.path)"
#define IS_RETIRED                                                                                 \
    "EXISTS (SELECT 1 FROM ttp_retired r WHERE r.data_file_id = f.data_file_id AND f.path = "      \
    "" RETIRED_KEPT("r") ")"

static enum error_code choose_files(struct expiry_plan *plan, struct error *error)
{
    struct query query;
    char sql[2048];
    snprintf(sql, sizeof sql,
             TABLE_PATHS
             "SELECT f.data_file_id, f.begin_snapshot, f.end_snapshot, f.table_id, " FULL_PATH(
                 "f") ", " IS_OF_ENDED_COMMIT " OR %s OR %s FROM ducklake_data_file f LEFT "
                      "JOIN t ON t.table_id = f.table_id WHERE f.end_snapshot IS NOT NULL OR "
                      "coalesce(f.table_id <> ?1, TRUE) ORDER BY f.data_file_id",
             plan->has_aside ? IS_SET_ASIDE : "FALSE", plan->has_retired ? IS_RETIRED : "FALSE");
    query_begin_list(&query, plan->database, sql, BIND(sql_int(plan->table_id)), error);
    while (query_next(&query)) {
        if (row_is_needed(plan, &query, 1) && !has_id(&plan->tables, query_int(&query, 3)))
            continue;
        query_check(&query, add_file(plan, &query, &plan->files, error));
    }
    return query_end(&query);
}

static int compare_files(const void *a, const void *b)
{
    int64_t left = ((const struct expiry_file *)a)->id, right = ((const struct expiry_file *)b)->id;
    return left < right ? -1 : left > right;
}

static const struct expiry_file *find_file(const struct expiry_plan *plan, int64_t id)
{
    struct expiry_file wanted = {.id = id};
    return plan->files.size_bytes == 0
               ? NULL
               : bsearch(&wanted, plan->files.data, LIST_COUNT(&plan->files, struct expiry_file),
                         sizeof wanted, compare_files);
}

/* Those that end, and those of files that go. */
static enum error_code choose_deletes(struct expiry_plan *plan, struct error *error)
{
    struct query query;
    query_begin_list(
        &query, plan->database,
        TABLE_PATHS
        "SELECT f.delete_file_id, f.begin_snapshot, f.end_snapshot, "
        "f.table_id, " FULL_PATH("f") ", 0, f.data_file_id FROM ducklake_delete_file f LEFT JOIN t "
                                      "ON t.table_id = f.table_id ORDER BY f.delete_file_id",
        NO_VALUES, error);
    while (query_next(&query)) {
        if (row_is_needed(plan, &query, 1) && !has_id(&plan->tables, query_int(&query, 3)) &&
            find_file(plan, query_int(&query, 7)) == NULL)
            continue;
        query_check(&query, add_file(plan, &query, &plan->deletes, error));
    }
    return query_end(&query);
}

/* ---- files of the lake that nothing needs any more ---- */

static enum error_code add_doomed(struct expiry_plan *plan, const char *path, int64_t size_bytes,
                                  struct error *error)
{
    struct catalog_doomed file = {arena_copy_text(&plan->arena, bytes_view_text(path)), size_bytes};
    return file.path != NULL && buffer_append(&plan->doomed, &file, sizeof file) == OK
               ? OK
               : no_memory(error);
}

/* Retired ones whose row goes now, or went when DuckDB expired snapshots. What is on its list then
 * is DuckDB's. */
static enum error_code look_at_retired(struct expiry_plan *plan, const struct query *query,
                                       struct error *error)
{
    const char *path = query_text(query, 0), *kept = query_text(query, 1);
    bool is_data = !query_is_null(query, 4);
    bool there = query_int(query, 5) != 0, is_scheduled = query_int(query, 6) != 0;
    if (path == NULL || kept == NULL)
        return OK;
    if (is_data ? there && find_file(plan, query_int(query, 4)) == NULL
                : query_int(query, 3) > plan->oldest_snapshot)
        return OK;
    const char *unlisted = arena_copy_text(&plan->arena, bytes_view_text(path));
    if (unlisted == NULL || buffer_append(&plan->unlisted, &unlisted, sizeof unlisted) != OK)
        return no_memory(error);
    return is_scheduled ? OK : add_doomed(plan, kept, query_int(query, 2), error);
}

static enum error_code choose_retired(struct expiry_plan *plan, struct error *error)
{
    struct query query;
    if (!plan->has_retired)
        return OK;
    query_begin_list(
        &query, plan->database,
        "SELECT path, kept, size_bytes, snapshot_id, data_file_id, EXISTS (SELECT 1 FROM "
        "ducklake_data_file d WHERE d.data_file_id = r.data_file_id), kept IN (SELECT path "
        "FROM ducklake_files_scheduled_for_deletion WHERE path_is_relative) FROM "
        "(SELECT i.*, " RETIRED_KEPT("i") " AS kept FROM ttp_retired i) r WHERE is_moved <> 0 "
                                          "ORDER BY path",
        NO_VALUES, error);
    while (query_next(&query))
        query_check(&query, look_at_retired(plan, &query, error));
    return query_end(&query);
}

static enum error_code choose_set_aside(struct expiry_plan *plan, struct error *error)
{
    struct query query;
    if (!plan->has_aside)
        return OK;
    query_begin_list(&query, plan->database,
                     "SELECT kept_path, size_bytes FROM ttp_set_aside WHERE snapshot_id <= ?1 AND "
                     "kept_path <> ''",
                     BIND(sql_int(plan->oldest_snapshot)), error);
    while (query_next(&query))
        query_check(&query, add_doomed(plan, query_text(&query, 0), query_int(&query, 1), error));
    return query_end(&query);
}

/* ---- all of it ---- */

static enum error_code make_plan(struct expiry_plan *plan, int64_t older_than_us,
                                 struct catalog_expiry *expiry, struct error *error)
{
    struct ducklake_head head = {0};
    int64_t now_us = os_realtime_us();
    enum error_code code = ducklake_read_head(plan->database, &head, error);
    plan->table_id = head.table_id;
    expiry->before_us = (head.snapshot_us < now_us ? head.snapshot_us : now_us) - older_than_us;
    if (code == OK)
        code = database_has_table(plan->database, "ttp_retired", &plan->has_retired, error);
    if (code == OK)
        code = database_has_table(plan->database, "ttp_set_aside", &plan->has_aside, error);
    if (code == OK)
        code = choose_snapshots(plan, expiry, head.snapshot_id, error);
    if (code == OK)
        code = choose_tables(plan, error);
    if (code == OK)
        code = choose_files(plan, error);
    if (code == OK)
        code = choose_deletes(plan, error);
    if (code == OK)
        code = choose_retired(plan, error);
    return code == OK ? choose_set_aside(plan, error) : code;
}

static void count(const struct expiry_plan *plan, struct catalog_expiry *expiry)
{
    expiry->scheduled = LIST_COUNT(&plan->deletes, struct expiry_file);
    for (size_t i = 0; i < LIST_COUNT(&plan->files, struct expiry_file); i++)
        expiry->scheduled += !LIST_AT(&plan->files, struct expiry_file, i)->is_own;
    expiry->files = LIST_COUNT(&plan->doomed, struct catalog_doomed);
    for (size_t i = 0; i < expiry->files; i++)
        expiry->bytes += (uint64_t)LIST_AT(&plan->doomed, struct catalog_doomed, i)->size_bytes;
}

enum error_code catalog_expire(struct catalog *catalog, int64_t older_than_us, bool dry_run,
                               struct catalog_expiry *expiry, struct error *error)
{
    struct database *database = &catalog->database;
    struct expiry_plan plan;
    *expiry = (struct catalog_expiry){0};
    enum error_code code = (dry_run ? database_begin_read : database_begin_write)(database, error);
    if (code != OK)
        return code;
    plan_init(&plan, catalog);
    code = make_plan(&plan, older_than_us, expiry, error);
    if (code == OK && !dry_run)
        code = expiry_apply(&plan, error);
    code = database_end(database, code, error);
    if (code == OK)
        count(&plan, expiry);
    plan_release(&plan);
    return code;
}
