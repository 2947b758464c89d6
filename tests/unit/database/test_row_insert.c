// SPDX-License-Identifier: Apache-2.0
#include "database/row_insert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "database/engines.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"

/* Three columns with values: 42 rows a statement. */
#define ROWS 100

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
    return database_execute(&database,
                            "CREATE TABLE t(id BIGINT PRIMARY KEY, name VARCHAR, size BIGINT, more "
                            "VARCHAR)",
                            &error) == OK
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

static enum error_code insert_rows(int64_t first, int64_t count, struct error *error)
{
    struct row_insert insert;
    row_insert_begin(&insert, &database, "t", 3, ",NULL", error);
    for (int64_t i = first; i < first + count; i++)
        row_insert_add(&insert,
                       BIND(sql_int(i), sql_text(i % 2 == 0 ? "even" : NULL), sql_int(2 * i)));
    return row_insert_end(&insert);
}

static int64_t number(const char *sql)
{
    int64_t value = -1;
    assert_int_equal(database_query_int(&database, sql, NO_VALUES, &value, NULL), OK);
    return value;
}

static void all_rows_come_in_however_many_a_statement_takes(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(insert_rows(0, 0, &error), OK);
    assert_int_equal(number("SELECT count(*) FROM t"), 0);
    assert_int_equal(insert_rows(0, ROWS, &error), OK);
    assert_int_equal(insert_rows(ROWS, 1, &error), OK);
    assert_int_equal(number("SELECT count(*) FROM t WHERE size = 2 * id AND more IS NULL"),
                     ROWS + 1);
    assert_int_equal(number("SELECT count(*) FROM t WHERE name = 'even' AND id % 2 = 0"),
                     ROWS / 2 + 1);
    assert_int_equal(number("SELECT count(*) FROM t WHERE name IS NULL"), ROWS / 2);
}

static void the_first_failure_stays(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(insert_rows(50, 1, &error), OK);
    assert_true(insert_rows(40, ROWS, &error) != OK);
    assert_int_equal(number("SELECT count(*) FROM t"), 1);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    struct error error;
    struct allocation_sweep sweep = {.step = 0};
    while (sweep_next(&sweep)) {
        assert_int_equal(database_execute(&database, "DELETE FROM t", NULL), OK);
        sweep_begin(&sweep);
        enum error_code code = insert_rows(0, ROWS, &error);
        if (sweep_end(&sweep, code))
            assert_int_equal(number("SELECT count(*) FROM t"), ROWS);
    }
    assert_true(sweep.failures > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_rows_come_in_however_many_a_statement_takes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_failure_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_failed_allocation_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
