// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_prepared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

static const unsigned none[] = {0};
static const unsigned numbers[] = {20, 20};
static const unsigned texts[] = {20, 0};

static void a_statement_is_kept_from_its_second_time_on(void **state)
{
    (void)state;
    struct postgres_prepared prepared = {0};
    char name[POSTGRES_STATEMENT_NAME_BYTES];
    assert_null(postgres_prepared_see(&prepared, "SELECT 1", 0, none));
    struct postgres_statement *again = postgres_prepared_see(&prepared, "SELECT 1", 0, none);
    assert_non_null(again);
    assert_int_equal(again->number, 0);
    postgres_prepared_number(&prepared, again);
    postgres_statement_name(again, name);
    assert_string_equal(name, "ttp1");
    assert_ptr_equal(postgres_prepared_see(&prepared, "SELECT 1", 0, none), again);
    postgres_prepared_release(&prepared);
    assert_null(postgres_prepared_see(&prepared, "SELECT 1", 0, none));
    postgres_prepared_release(&prepared);
}

static void the_types_of_its_values_are_a_part_of_it(void **state)
{
    (void)state;
    struct postgres_prepared prepared = {0};
    assert_null(postgres_prepared_see(&prepared, "SELECT $1, $2", 2, numbers));
    assert_null(postgres_prepared_see(&prepared, "SELECT $1, $2", 2, texts));
    assert_ptr_not_equal(postgres_prepared_see(&prepared, "SELECT $1, $2", 2, numbers),
                         postgres_prepared_see(&prepared, "SELECT $1, $2", 2, texts));
    postgres_prepared_release(&prepared);
}

static void without_types_nothing_is_kept(void **state)
{
    (void)state;
    struct postgres_prepared prepared = {0};
    assert_null(postgres_prepared_see(&prepared, "COMMIT", 0, NULL));
    assert_null(postgres_prepared_see(&prepared, "COMMIT", 0, NULL));
    postgres_prepared_release(&prepared);
}

static void a_name_that_was_given_is_not_given_again(void **state)
{
    (void)state;
    struct postgres_prepared prepared = {0};
    (void)postgres_prepared_see(&prepared, "SELECT 1", 0, none);
    struct postgres_statement *statement = postgres_prepared_see(&prepared, "SELECT 1", 0, none);
    assert_non_null(statement);
    postgres_prepared_number(&prepared, statement);
    statement->number = 0; /* the server did not get it, as far as is known */
    postgres_prepared_number(&prepared, statement);
    assert_int_equal(statement->number, 2);
    postgres_prepared_release(&prepared);
}

static void what_there_is_no_room_for_is_new_each_time(void **state)
{
    (void)state;
    struct postgres_prepared prepared = {0};
    char sql[32];
    for (int i = 0; i < POSTGRES_PREPARED_MAX + 2; i++) {
        snprintf(sql, sizeof sql, "SELECT %d", i);
        assert_null(postgres_prepared_see(&prepared, sql, 0, none));
    }
    assert_null(postgres_prepared_see(&prepared, sql, 0, none));
    assert_non_null(postgres_prepared_see(&prepared, "SELECT 0", 0, none));
    postgres_prepared_release(&prepared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_is_kept_from_its_second_time_on),
        cmocka_unit_test(the_types_of_its_values_are_a_part_of_it),
        cmocka_unit_test(without_types_nothing_is_kept),
        cmocka_unit_test(a_name_that_was_given_is_not_given_again),
        cmocka_unit_test(what_there_is_no_room_for_is_new_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
