// SPDX-License-Identifier: Apache-2.0
#include "catalog/views.h"

#include <inttypes.h>
#include <string.h>

#include "catalog/ducklake.h"
#include "catalog/identity.h"
#include "database/query.h"
#include "catalog/tables.h"
#include "catalog/view_text.h"
#include "os/clock.h"
#include "os/identity.h"

/* What is to be done about each view, found out before anything is written. */
struct plan {
    int64_t schema_id;
    struct {
        struct buffer text;  /* as it should be; ends in a NUL */
        int64_t replaced_id; /* the view_id of our own that it takes the place of; 0: none */
    } views[CATALOG_VIEW_COUNT];
};

static void plan_release(struct plan *plan)
{
    for (size_t i = 0; i < CATALOG_VIEW_COUNT; i++)
        buffer_release(&plan->views[i].text);
}

static bool is_work(enum catalog_view_outcome outcome)
{
    return outcome == CATALOG_VIEW_MADE || outcome == CATALOG_VIEW_REPLACED;
}

bool views_have_work(const struct catalog_views *views)
{
    for (size_t i = 0; i < CATALOG_VIEW_COUNT; i++)
        if (is_work(views->items[i].outcome))
            return true;
    return false;
}

/* A table or macro that has the name: then *taken_by says which. DuckLake's names have no case. */
static enum error_code find_other(struct database *database, int64_t schema_id, const char *name,
                                  const char **taken_by, struct error *error)
{
    struct query query;
    *taken_by = NULL;
    query_begin(&query, database,
                "SELECT 0 FROM ducklake_table WHERE schema_id = ?1 AND lower(table_name) = ?2 AND "
                "end_snapshot IS NULL UNION ALL SELECT 1 FROM ducklake_macro WHERE schema_id = ?1 "
                "AND lower(macro_name) = ?2 AND end_snapshot IS NULL LIMIT 1",
                BIND(sql_int(schema_id), sql_text(name)), error);
    if (query_next(&query))
        *taken_by = query_int(&query, 0) == 0 ? "table" : "macro";
    return query_end(&query);
}

/* The version of the text of a view that is as we made it; 0 of any other. */
static enum error_code own_version(struct database *database, const char *name, const char *uuid,
                                   const char *text, int64_t *version, struct error *error)
{
    bool is_there = false;
    *version = 0;
    enum error_code code = database_has_table(database, "ttp_views", &is_there, error);
    if (code != OK || !is_there)
        return code;
    return database_query_int(database,
                              "SELECT text_version FROM ttp_views WHERE view_name = ?1 AND "
                              "view_uuid = ?2 AND \"sql\" = ?3",
                              BIND(sql_text(name), sql_text(uuid), sql_text(text)), version, error);
}

/* One of another version is replaced by a newer text only, so that two versions of this program
 * that take turns at a lake don't undo each other's. */
static enum catalog_view_outcome compare(const char *text, const char *wanted, int64_t version)
{
    if (version == 0)
        return CATALOG_VIEW_REFUSED;
    bool is_older = version < VIEW_TEXT_VERSION;
    bool differs = version == VIEW_TEXT_VERSION && strcmp(text, wanted) != 0;
    return is_older || differs ? CATALOG_VIEW_REPLACED : CATALOG_VIEW_KEPT;
}

/* `index` is that of the view. */
static enum error_code plan_view(struct database *database, struct plan *plan, size_t index,
                                 struct catalog_views *views, struct error *error)
{
    const char *name = view_texts[index].name, *taken_by;
    enum catalog_view_outcome outcome = CATALOG_VIEW_MADE;
    int64_t version = 0;
    struct query query;
    enum error_code code = find_other(database, plan->schema_id, name, &taken_by, error);
    if (code != OK)
        return code;
    query_begin(&query, database,
                "SELECT view_id, view_name, coalesce(CAST(view_uuid AS VARCHAR), ''), "
                "coalesce(\"sql\", '') FROM "
                "ducklake_view WHERE schema_id = ?1 AND lower(view_name) = ?2 AND end_snapshot IS "
                "NULL",
                BIND(sql_int(plan->schema_id), sql_text(name)), error);
    if (query_next(&query)) {
        const char *text = query_text(&query, 3);
        query_check(&query, own_version(database, query_text(&query, 1), query_text(&query, 2),
                                        text, &version, error));
        if (query_ok(&query))
            outcome = compare(text, (const char *)plan->views[index].text.data, version);
        plan->views[index].replaced_id = query_int(&query, 0);
        taken_by = taken_by == NULL ? "view" : taken_by;
    } else if (taken_by != NULL) {
        outcome = CATALOG_VIEW_REFUSED;
    }
    views->items[index].name = name;
    views->items[index].outcome = outcome;
    views->items[index].taken_by = outcome == CATALOG_VIEW_REFUSED ? taken_by : NULL;
    return query_end(&query);
}

static enum error_code make_plan(struct database *database, const struct catalog_table *table,
                                 int64_t table_id, struct plan *plan, struct catalog_views *views,
                                 struct error *error)
{
    *plan = (struct plan){0};
    *views = (struct catalog_views){0};
    enum error_code code = database_query_int(
        database,
        "SELECT schema_id FROM ducklake_table WHERE table_id = ?1 AND end_snapshot IS NULL",
        BIND(sql_int(table_id)), &plan->schema_id, error);
    for (size_t i = 0; code == OK && i < CATALOG_VIEW_COUNT; i++) {
        code = view_text_make(&view_texts[i], table, &plan->views[i].text, error);
        if (code == OK)
            code = plan_view(database, plan, i, views, error);
    }
    return code;
}

/* ---- writing ---- */

/* What users said about a view (COMMENT ON) is said of the one that takes its place. */
static enum error_code end_view(struct database *database, int64_t view_id, int64_t successor_id,
                                int64_t snapshot_id, struct error *error)
{
    enum error_code code =
        database_run(database,
                     "INSERT INTO ducklake_tag SELECT ?2, ?3, NULL, \"key\", \"value\" FROM "
                     "ducklake_tag WHERE object_id = ?1 AND end_snapshot IS NULL",
                     BIND(sql_int(view_id), sql_int(successor_id), sql_int(snapshot_id)), error);
    return code == OK
               ? database_run(database,
                              "UPDATE ducklake_view SET end_snapshot = ?2 WHERE view_id = ?1 AND "
                              "end_snapshot IS NULL; UPDATE ducklake_tag SET end_snapshot = ?2 "
                              "WHERE object_id = ?1 AND end_snapshot IS NULL",
                              BIND(sql_int(view_id), sql_int(snapshot_id)), error)
               : code;
}

static enum error_code insert_view(struct database *database, int64_t view_id, int64_t snapshot_id,
                                   int64_t schema_id, const char *name, const char *text,
                                   struct error *error)
{
    char uuid[OS_UUID_BYTES];
    enum error_code code = os_uuid(uuid, error);
    if (code == OK)
        code =
            database_run(database, "INSERT INTO ducklake_view VALUES(?,?,?,NULL,?,?,'duckdb',?,'')",
                         BIND(sql_int(view_id), sql_text(uuid), sql_int(snapshot_id),
                              sql_int(schema_id), sql_text(name), sql_text(text)),
                         error);
    if (code == OK)
        code = database_run(
            database,
            "INSERT INTO ttp_views VALUES(?,?,?,?) ON CONFLICT(view_name) DO UPDATE SET view_uuid "
            "= "
            "excluded.view_uuid, text_version = excluded.text_version, \"sql\" = excluded.\"sql\"",
            BIND(sql_text(name), sql_text(uuid), sql_int(VIEW_TEXT_VERSION), sql_text(text)),
            error);
    return code;
}

/* All that ends comes first, as DuckDB writes it. */
static enum error_code describe(const struct plan *plan, const struct catalog_views *views,
                                struct buffer *changes, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < CATALOG_VIEW_COUNT; i++)
        if (views->items[i].outcome == CATALOG_VIEW_REPLACED)
            code = buffer_append_format(changes, "%sdropped_view:%" PRId64,
                                        changes->size_bytes == 0 ? "" : ",",
                                        plan->views[i].replaced_id);
    for (size_t i = 0; code == OK && i < CATALOG_VIEW_COUNT; i++)
        if (views->items[i].outcome == CATALOG_VIEW_REPLACED ||
            views->items[i].outcome == CATALOG_VIEW_MADE)
            code =
                buffer_append_format(changes, "%screated_view:\"" DUCKLAKE_SCHEMA_NAME "\".\"%s\"",
                                     changes->size_bytes == 0 ? "" : ",", views->items[i].name);
    if (code == OK)
        code = buffer_append_byte(changes, '\0');
    return code == OK ? OK : error_no_memory(error, "a snapshot's description");
}

static enum error_code add_snapshot(struct database *database, struct ducklake_head *head,
                                    const struct plan *plan, const struct catalog_views *views,
                                    struct error *error)
{
    struct buffer changes;
    buffer_init(&changes);
    enum error_code code = describe(plan, views, &changes, error);
    if (code == OK) {
        struct ducklake_change change = {(const char *)changes.data, NULL, NULL};
        code = ducklake_add_snapshot(database, head, os_realtime_us(), &change, error);
    }
    buffer_release(&changes);
    return code;
}

static enum error_code write_views(struct database *database, struct ducklake_head *head,
                                   const struct plan *plan, const struct catalog_views *views,
                                   struct error *error)
{
    int64_t view_id = head->next_catalog_id;
    for (size_t i = 0; i < CATALOG_VIEW_COUNT; i++)
        head->next_catalog_id += is_work(views->items[i].outcome);
    head->schema_version++;
    enum error_code code = add_snapshot(database, head, plan, views, error);
    if (code == OK)
        code = database_execute(database, catalog_views_table, error);
    for (size_t i = 0; code == OK && i < CATALOG_VIEW_COUNT; i++) {
        enum catalog_view_outcome outcome = views->items[i].outcome;
        if (!is_work(outcome))
            continue;
        if (outcome == CATALOG_VIEW_REPLACED)
            code =
                end_view(database, plan->views[i].replaced_id, view_id, head->snapshot_id, error);
        if (code == OK)
            code = insert_view(database, view_id++, head->snapshot_id, plan->schema_id,
                               views->items[i].name, (const char *)plan->views[i].text.data, error);
    }
    return code;
}

enum error_code views_make(struct database *database, const struct catalog_table *table,
                           struct catalog_views *views, struct error *error)
{
    struct ducklake_head head = {0};
    struct plan plan = {0};
    enum error_code code = ducklake_read_head(database, &head, error);
    if (code == OK)
        code = make_plan(database, table, head.table_id, &plan, views, error);
    if (code == OK && views_have_work(views))
        code = write_views(database, &head, &plan, views, error);
    plan_release(&plan);
    return code;
}

enum error_code views_look(struct database *database, int64_t table_id,
                           const struct catalog_table *table, struct catalog_views *views,
                           struct error *error)
{
    struct plan plan = {0};
    enum error_code code = make_plan(database, table, table_id, &plan, views, error);
    plan_release(&plan);
    return code;
}
