// SPDX-License-Identifier: Apache-2.0
/* The lake's views: made, made anew, replaced, and never over something of others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "catalog/others.h"
#include "catalog/catalog.h"
#include "support/catalog_fixture.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES];
static char database_path[TEMP_PATH_BYTES];
static struct catalog *catalog;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(database_path, sizeof database_path, "%s", temp_path(folder, "catalog.sqlite"));
    catalog = fixture_create(database_path, &fixture_table_1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_close(catalog);
    catalog = NULL;
    temp_folder_remove(folder);
    return 0;
}

static const char *ask(const char *sql)
{
    return fixture_query(database_path, sql);
}

static void change(const char *sql)
{
    fixture_change(database_path, sql);
}

static struct catalog_views make(const struct catalog_table *table)
{
    struct catalog_views views;
    if (catalog_make_views(catalog, table, &views, &error) != OK)
        fail_msg("%s", error.message);
    assert_string_equal(views.items[0].name, "transfers");
    assert_string_equal(views.items[1].name, "token_transfers_stream_v1");
    return views;
}

/* The newest snapshot, with its schema version and next ids. */
static const char *head(void)
{
    return ask("SELECT snapshot_id || ' ' || schema_version || ' ' || next_catalog_id || ' ' || "
               "next_file_id FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1");
}

static const char *changes(void)
{
    return ask("SELECT changes_made FROM ducklake_snapshot_changes ORDER BY snapshot_id DESC "
               "LIMIT 1");
}

/* A view ends, as by DROP VIEW. */
static void drop(const char *name)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO ducklake_snapshot SELECT max(snapshot_id) + 1, '2026-01-01 00:00:00+00', "
             "max(schema_version) + 1, max(next_catalog_id), max(next_file_id) FROM "
             "ducklake_snapshot; INSERT INTO ducklake_snapshot_changes SELECT max(snapshot_id), "
             "'dropped_view:3', NULL, NULL, NULL FROM ducklake_snapshot; UPDATE ducklake_view SET "
             "end_snapshot = (SELECT max(snapshot_id) FROM ducklake_snapshot) WHERE view_name = "
             "'%s'",
             name);
    change(sql);
}

static void a_new_lake_has_both_in_one_snapshot(void **state)
{
    (void)state;
    assert_string_equal(head(), "3 3 5 0");
    assert_string_equal(changes(), "created_view:\"main\".\"transfers\",created_view:\"main\"."
                                   "\"token_transfers_stream_v1\"");
    assert_string_equal(ask("SELECT group_concat(view_id || view_name || begin_snapshot || "
                            "coalesce(end_snapshot, '-') || schema_id || dialect || "
                            "column_aliases) FROM ducklake_view"),
                        "3transfers3-0duckdb,4token_transfers_stream_v13-0duckdb");
    assert_string_equal(ask("SELECT count(*) FROM ducklake_view v JOIN ttp_views o USING "
                            "(view_name, view_uuid, sql) WHERE text_version = 1"),
                        "2");
    assert_string_equal(ask("SELECT count(DISTINCT view_uuid) FROM ducklake_view"), "2");
    /* As DuckDB: that table is of tables. */
    assert_string_equal(ask("SELECT max(schema_version) FROM ducklake_schema_versions"), "2");
}

static void what_is_there_is_left_alone(void **state)
{
    (void)state;
    struct catalog_views views = make(&fixture_table_1);
    assert_int_equal(views.items[0].outcome, CATALOG_VIEW_KEPT);
    assert_int_equal(views.items[1].outcome, CATALOG_VIEW_KEPT);
    assert_string_equal(head(), "3 3 5 0");
}

static void a_lake_of_before_gets_them(void **state)
{
    (void)state;
    change("DELETE FROM ducklake_view; DROP TABLE ttp_views; DELETE FROM ducklake_snapshot WHERE "
           "snapshot_id = 3; DELETE FROM ducklake_snapshot_changes WHERE snapshot_id = 3");
    struct catalog_views views = make(&fixture_table_1);
    assert_int_equal(views.items[0].outcome, CATALOG_VIEW_MADE);
    assert_int_equal(views.items[1].outcome, CATALOG_VIEW_MADE);
    assert_string_equal(head(), "3 3 5 0");
    assert_string_equal(ask("SELECT count(*) FROM ttp_views"), "2");
}

static void one_that_was_dropped_is_made_again(void **state)
{
    (void)state;
    drop("transfers");
    struct catalog_views views = make(&fixture_table_1);
    assert_int_equal(views.items[0].outcome, CATALOG_VIEW_MADE);
    assert_int_equal(views.items[1].outcome, CATALOG_VIEW_KEPT);
    assert_string_equal(head(), "5 5 6 0");
    assert_string_equal(changes(), "created_view:\"main\".\"transfers\"");
    assert_string_equal(ask("SELECT count(*) FROM ttp_views o JOIN ducklake_view v USING "
                            "(view_name, view_uuid) WHERE v.end_snapshot IS NULL"),
                        "2");
}

/* `sql` gives the name `transfers` to something of others. */
static void assert_refused(const char *sql, const char *taken_by)
{
    change(sql);
    char before[64];
    snprintf(before, sizeof before, "%s", head());
    struct catalog_views views = make(&fixture_table_1);
    assert_int_equal(views.items[0].outcome, CATALOG_VIEW_REFUSED);
    assert_string_equal(views.items[0].taken_by, taken_by);
    assert_int_equal(views.items[1].outcome, CATALOG_VIEW_KEPT);
    assert_string_equal(head(), before);
}

static void a_table_of_others_keeps_its_name(void **state)
{
    (void)state;
    drop("transfers");
    assert_refused("INSERT INTO ducklake_table VALUES(9,'u',4,NULL,0,'Transfers','t/',1)", "table");
}

static void a_macro_of_others_keeps_its_name(void **state)
{
    (void)state;
    drop("transfers");
    assert_refused("INSERT INTO ducklake_macro VALUES(0,9,'transfers',4,NULL)", "macro");
}

static void a_view_of_others_keeps_its_name(void **state)
{
    (void)state;
    drop("transfers");
    assert_refused("INSERT INTO ducklake_view VALUES(9,'u',4,NULL,0,'TRANSFERS','duckdb',"
                   "'SELECT 1','')",
                   "view");
}

static void names_in_other_schemas_are_free(void **state)
{
    (void)state;
    drop("transfers");
    change("INSERT INTO ducklake_table VALUES(9,'u',4,NULL,7,'transfers','t/',1); INSERT INTO "
           "ducklake_view VALUES(10,'v',4,NULL,7,'transfers','duckdb','SELECT 1','')");
    assert_int_equal(make(&fixture_table_1).items[0].outcome, CATALOG_VIEW_MADE);
}

static void one_that_a_user_replaced_or_changed_is_the_users(void **state)
{
    (void)state;
    assert_refused("UPDATE ducklake_view SET sql = 'SELECT 1' WHERE view_name = 'transfers'",
                   "view");
    assert_refused("UPDATE ducklake_view SET sql = (SELECT sql FROM ttp_views WHERE view_name = "
                   "'transfers'), view_uuid = 'theirs' WHERE view_name = 'transfers'",
                   "view");
    /* Also when the lake evolves. */
    assert_int_equal(catalog_evolve(catalog, &fixture_table_2, 4, &error), OK);
    assert_string_equal(ask("SELECT view_uuid FROM ducklake_view WHERE view_name = 'transfers' AND "
                            "end_snapshot IS NULL"),
                        "theirs");
}

static enum error_code see(void *context, bool is_view, const char *schema, const char *name,
                           struct error *failure)
{
    char *seen = context;
    (void)failure;
    snprintf(seen + strlen(seen), 256 - strlen(seen), "%s %s.%s; ", is_view ? "view" : "table",
             schema, name);
    return OK;
}

static const char *others(void)
{
    static char seen[256];
    seen[0] = '\0';
    assert_int_equal(catalog_each_other_object(catalog, see, seen, &error), OK);
    return seen;
}

static void ours_are_none_of_others_until_a_user_changes_them(void **state)
{
    (void)state;
    assert_string_equal(others(), "");
    change("UPDATE ducklake_view SET view_name = 'mine' WHERE view_name = 'transfers'");
    assert_string_equal(others(), "view main.mine; ");
    (void)make(&fixture_table_1);
    assert_string_equal(others(), "view main.mine; ");
    assert_string_equal(ask("SELECT group_concat(view_name) FROM (SELECT view_name FROM "
                            "ducklake_view WHERE end_snapshot IS NULL ORDER BY 1)"),
                        "mine,token_transfers_stream_v1,transfers");
    change("DROP TABLE ttp_views");
    assert_string_equal(others(), "view main.mine; view main.token_transfers_stream_v1; view "
                                  "main.transfers; ");
}

static void evolution_replaces_what_changes_and_keeps_what_users_said_of_it(void **state)
{
    (void)state;
    change("INSERT INTO ducklake_tag VALUES(3,3,NULL,'comment','look here')");
    assert_string_equal(ask("SELECT instr(sql, 'CAST(NULL AS \"UINTEGER\") AS event_index') > 0 "
                            "FROM ducklake_view WHERE view_name = 'transfers'"),
                        "1");
    assert_int_equal(catalog_evolve(catalog, &fixture_table_2, 4, &error), OK);
    /* Of the columns that the other view has none is new in this table. */
    assert_string_equal(changes(), "dropped_view:3,created_view:\"main\".\"transfers\"");
    assert_string_equal(head(), "5 5 6 0");
    assert_string_equal(ask("SELECT group_concat(view_id || ':' || begin_snapshot || ':' || "
                            "coalesce(end_snapshot, '')) FROM ducklake_view"),
                        "3:3:5,4:3:,5:5:");
    assert_string_equal(ask("SELECT instr(sql, ', event_index AS event_index') > 0 FROM "
                            "ducklake_view WHERE view_id = 5"),
                        "1");
    assert_string_equal(ask("SELECT group_concat(object_id || ':' || begin_snapshot || ':' || "
                            "coalesce(end_snapshot, '') || value) FROM ducklake_tag"),
                        "3:3:5look here,5:5:look here");
    assert_int_equal(make(&fixture_table_2).items[0].outcome, CATALOG_VIEW_KEPT);
}

static void an_older_text_is_replaced_and_a_newer_one_stays(void **state)
{
    (void)state;
    change("UPDATE ttp_views SET text_version = 0, sql = 'SELECT 1'; UPDATE ducklake_view SET sql "
           "= 'SELECT 1'");
    assert_int_equal(make(&fixture_table_1).items[0].outcome, CATALOG_VIEW_REFUSED);
    change("UPDATE ttp_views SET text_version = 2");
    assert_int_equal(make(&fixture_table_1).items[0].outcome, CATALOG_VIEW_KEPT);
    change("UPDATE ttp_views SET text_version = 1");
    struct catalog_views views = make(&fixture_table_1);
    assert_int_equal(views.items[0].outcome, CATALOG_VIEW_REPLACED);
    assert_int_equal(views.items[1].outcome, CATALOG_VIEW_REPLACED);
    assert_string_equal(changes(), "dropped_view:3,dropped_view:4,created_view:\"main\"."
                                   "\"transfers\",created_view:\"main\"."
                                   "\"token_transfers_stream_v1\"");
}

static void who_writes_meanwhile_is_waited_for_only_if_there_is_something_to_do(void **state)
{
    (void)state;
    struct catalog_views views;
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(database_path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(catalog_make_views(catalog, &fixture_table_1, &views, &error), OK);
    assert_int_equal(sqlite3_exec(other,
                                  "UPDATE ducklake_view SET end_snapshot = 3; COMMIT; "
                                  "BEGIN IMMEDIATE",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(catalog_make_views(catalog, &fixture_table_1, &views, &error), ERR_RETRY);
    sqlite3_close(other);
    assert_string_equal(head(), "3 3 5 0");
    assert_int_equal(make(&fixture_table_1).items[1].outcome, CATALOG_VIEW_MADE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_lake_has_both_in_one_snapshot),
        TEST(what_is_there_is_left_alone),
        TEST(a_lake_of_before_gets_them),
        TEST(one_that_was_dropped_is_made_again),
        TEST(a_table_of_others_keeps_its_name),
        TEST(a_macro_of_others_keeps_its_name),
        TEST(a_view_of_others_keeps_its_name),
        TEST(names_in_other_schemas_are_free),
        TEST(one_that_a_user_replaced_or_changed_is_the_users),
        TEST(ours_are_none_of_others_until_a_user_changes_them),
        TEST(evolution_replaces_what_changes_and_keeps_what_users_said_of_it),
        TEST(an_older_text_is_replaced_and_a_newer_one_stays),
        TEST(who_writes_meanwhile_is_waited_for_only_if_there_is_something_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
