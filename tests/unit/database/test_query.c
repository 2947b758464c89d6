// SPDX-License-Identifier: Apache-2.0
#include "database/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "database/engines.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"
#include "util/memory.h"

static char folder[TEMP_PATH_BYTES];
static struct database database;

static int set_up(void **state)
{
    struct error error;
    (void)state;
    temp_folder_make(folder);
    if (database_open(&database, temp_path(folder, "catalog.sqlite"), DATABASE_CREATE, &error) !=
        OK)
        return -1;
    return database_execute(&database, "CREATE TABLE t(id BIGINT, name VARCHAR)", &error) == OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    database_close(&database);
    temp_folder_remove(folder);
    return 0;
}

static enum error_code add(int64_t id, const char *name)
{
    return database_run(&database, "INSERT INTO t VALUES(?1, ?2)",
                        BIND(sql_int(id), sql_text(name)), NULL);
}

static void values_come_back_as_they_were_bound(void **state)
{
    (void)state;
    struct query query;
    assert_int_equal(add(INT64_MIN, "O'Neil; DROP TABLE t"), OK);
    assert_int_equal(add(7, NULL), OK);
    assert_int_equal(database_run(&database, "INSERT INTO t VALUES(?1, ?2)",
                                  BIND(sql_int_unless_zero(0), sql_text("")), NULL),
                     OK);
    query_begin(&query, &database, "SELECT id, name FROM t ORDER BY rowid", NO_VALUES, NULL);
    assert_true(query_next(&query));
    assert_true(query_int(&query, 0) == INT64_MIN);
    assert_string_equal(query_text(&query, 1), "O'Neil; DROP TABLE t");
    assert_true(query_next(&query));
    assert_int_equal(query_int(&query, 0), 7);
    assert_true(query_is_null(&query, 1));
    assert_null(query_text(&query, 1));
    assert_true(query_next(&query));
    assert_true(query_is_null(&query, 0));
    assert_string_equal(query_text(&query, 1), "");
    assert_false(query_next(&query));
    assert_int_equal(query_end(&query), OK);
}

static void each_of_several_statements_takes_the_values_it_names(void **state)
{
    (void)state;
    int64_t sum = 0;
    assert_int_equal(database_run(&database,
                                  "INSERT INTO t VALUES(?1, 'a');"
                                  "INSERT INTO t VALUES(?3, ?2);"
                                  "DELETE FROM t WHERE id = ?1",
                                  BIND(sql_int(1), sql_text("b"), sql_int(20)), NULL),
                     OK);
    assert_int_equal(database_query_int(&database, "SELECT sum(id) FROM t", NO_VALUES, &sum, NULL),
                     OK);
    assert_int_equal(sum, 20);
}

static void the_statements_after_a_failed_one_do_not_run(void **state)
{
    (void)state;
    struct error error;
    bool has = true;
    assert_int_equal(database_run(&database,
                                  "INSERT INTO none VALUES(1);"
                                  "INSERT INTO t VALUES(1, 'a')",
                                  NO_VALUES, &error),
                     ERR_CORRUPT);
    assert_non_null(strstr(error.message, "no such table: none"));
    assert_int_equal(database_has(&database, "SELECT 1 FROM t", NO_VALUES, &has, NULL), OK);
    assert_false(has);
}

static void a_change_runs_again_with_other_values(void **state)
{
    (void)state;
    struct query query;
    char *names = NULL;
    query_prepare(&query, &database, "INSERT INTO t VALUES(?1, ?2)", NULL);
    for (int i = 0; i < 3; i++)
        query_run(&query, BIND(sql_int(i), sql_text(i == 1 ? "middle" : "end")));
    assert_int_equal(query_end(&query), OK);
    assert_int_equal(
        database_query_text(&database, "SELECT group_concat(name) FROM t", NO_VALUES, &names, NULL),
        OK);
    assert_string_equal(names, "end,middle,end");
    mem_free(names);
}

static void the_first_failure_stays_and_ends_the_rows(void **state)
{
    (void)state;
    struct query query;
    struct error error;
    assert_int_equal(add(-5, "a"), OK);
    assert_int_equal(add(6, "b"), OK);
    query_begin(&query, &database, "SELECT id AS next_id, name FROM t", NO_VALUES, &error);
    assert_true(query_next(&query));
    assert_int_equal(query_counter(&query, 0), 0);
    assert_false(query_ok(&query));
    query_check(&query, ERR_IO);
    assert_int_equal(query_range(&query, 0).last, 0);
    assert_false(query_next(&query));
    query_run(&query, NO_VALUES);
    assert_int_equal(query_end(&query), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "its counter next_id stands at -5"));
}

static void a_failure_of_the_callers_ends_the_rows(void **state)
{
    (void)state;
    struct query query;
    assert_int_equal(add(1, "a"), OK);
    assert_int_equal(add(2, "b"), OK);
    query_begin(&query, &database, "SELECT id FROM t", NO_VALUES, NULL);
    assert_true(query_next(&query));
    query_check(&query, OK);
    assert_true(query_next(&query));
    query_check(&query, ERR_LIMIT);
    assert_false(query_next(&query));
    assert_int_equal(query_end(&query), ERR_LIMIT);
}

static void what_is_no_range_of_ledgers_is_refused(void **state)
{
    (void)state;
    static const char *const strange[] = {"SELECT -1, 3", "SELECT 4, 3", "SELECT 1, 4294967296",
                                          "SELECT 'x', -1"};
    struct query query;
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        struct error error;
        query_begin(&query, &database, strange[i], NO_VALUES, &error);
        assert_true(query_next(&query));
        (void)query_range(&query, 0);
        assert_int_equal(query_end(&query), ERR_CORRUPT);
        assert_non_null(strstr(error.message, "are no range"));
    }
    query_begin(&query, &database, "SELECT 3, 4294967295", NO_VALUES, NULL);
    assert_true(query_next(&query));
    assert_int_equal(query_range(&query, 0).first, 3);
    assert_true(query_range(&query, 0).last == UINT32_MAX);
    assert_int_equal(query_end(&query), OK);
}

static void a_value_stays_where_there_is_none(void **state)
{
    (void)state;
    int64_t value = 42;
    char *text;
    assert_int_equal(
        database_query_int(&database, "SELECT max(id) FROM t", NO_VALUES, &value, NULL), OK);
    assert_int_equal(database_query_int(&database, "SELECT id FROM t WHERE id = ?1",
                                        BIND(sql_int(1)), &value, NULL),
                     OK);
    assert_int_equal(value, 42);
    assert_int_equal(
        database_query_text(&database, "SELECT max(name) FROM t", NO_VALUES, &text, NULL), OK);
    assert_null(text);
}

/* No allocation that fails passes for a value that is not there. */
static void each_failed_allocation_is_reported(void **state)
{
    (void)state;
    assert_int_equal(add(1, "a name"), OK);
    struct allocation_sweep sweep = {.may_keep = true}; /* SQLite keeps some for its next use */
    while (sweep_next(&sweep)) {
        char *text = NULL;
        sweep_begin(&sweep);
        enum error_code code =
            database_query_text(&database, "SELECT name FROM t WHERE id = ?1 AND name <> ?2",
                                BIND(sql_int(1), sql_text("x")), &text, NULL);
        if (sweep_end(&sweep, code))
            assert_string_equal(text, "a name");
        mem_free(text);
    }
    assert_true(sweep.failures > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* In a transaction, which it ends if there is nothing. */
static void a_demand_fails_as_it_says_where_it_finds_nothing(void **state)
{
    static const struct query_demand unless = {ERR_AGAIN, "seven is gone"};
    struct error error;
    (void)state;
    assert_int_equal(add(7, "seven"), OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(database_begin_write(&database, &error), OK);
        enum error_code code =
            database_demand(&database, "UPDATE t SET id = 8 WHERE id = ?1 RETURNING 1",
                            BIND(sql_int(7)), &unless, &error);
        assert_int_equal(code, round == 0 ? OK : ERR_AGAIN);
        assert_int_equal(database_end(&database, code, &error), round == 0 ? OK : ERR_AGAIN);
    }
    assert_string_equal(error.message, "seven is gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_come_back_as_they_were_bound),
        TEST(each_of_several_statements_takes_the_values_it_names),
        TEST(the_statements_after_a_failed_one_do_not_run),
        TEST(a_change_runs_again_with_other_values),
        TEST(the_first_failure_stays_and_ends_the_rows),
        TEST(a_failure_of_the_callers_ends_the_rows),
        TEST(what_is_no_range_of_ledgers_is_refused),
        TEST(a_value_stays_where_there_is_none),
        TEST(each_failed_allocation_is_reported),
        cmocka_unit_test_setup_teardown(a_demand_fails_as_it_says_where_it_finds_nothing, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
