// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static struct postgres_sql out;

static int set_up(void **state)
{
    (void)state;
    buffer_init(&out.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    postgres_sql_release(&out);
    return 0;
}

/* The text of the first statement; *rest gets what comes behind it. */
static const char *translate(const char *sql, const char **rest)
{
    enum error_code code;
    *rest = postgres_sql_translate(&out, sql, &code);
    assert_int_equal(code, OK);
    return (const char *)out.text.data;
}

static void numbered_values_become_dollars_in_the_order_of_their_use(void **state)
{
    (void)state;
    const char *rest;
    assert_string_equal(translate("SELECT ?2 + ?1, ?2", &rest), "SELECT $1 + $2, $1");
    assert_int_equal(out.count, 2);
    assert_int_equal(out.numbers[0], 2);
    assert_int_equal(out.numbers[1], 1);
    assert_int_equal(out.highest, 2);
    assert_string_equal(rest, "");
}

static void a_bare_question_mark_is_the_next_value(void **state)
{
    (void)state;
    const char *rest;
    assert_string_equal(translate("INSERT INTO t VALUES(?,?,NULL,?)", &rest),
                        "INSERT INTO t VALUES($1,$2,NULL,$3)");
    assert_int_equal(out.highest, 3);
}

static void a_value_that_is_not_named_is_not_handed_over(void **state)
{
    (void)state;
    const char *rest;
    assert_string_equal(translate("DELETE FROM t WHERE a = ?3", &rest),
                        "DELETE FROM t WHERE a = $1");
    assert_int_equal(out.count, 1);
    assert_int_equal(out.numbers[0], 3);
    assert_int_equal(out.highest, 3);
}

static void what_is_in_quotes_stays(void **state)
{
    (void)state;
    const char *rest;
    assert_string_equal(translate("SELECT 'a?;''?1' || \"b?;\" || ?1", &rest),
                        "SELECT 'a?;''?1' || \"b?;\" || $1");
    assert_int_equal(out.count, 1);
    assert_string_equal(rest, "");
}

static void statements_come_one_at_a_time(void **state)
{
    (void)state;
    const char *rest;
    assert_string_equal(translate("DELETE FROM a WHERE x = ?2; DELETE FROM b;", &rest),
                        "DELETE FROM a WHERE x = $1");
    assert_string_equal(translate(rest, &rest), "DELETE FROM b");
    assert_int_equal(out.count, 0);
    assert_int_equal(out.highest, 0);
    assert_string_equal(rest, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(numbered_values_become_dollars_in_the_order_of_their_use),
        TEST(a_bare_question_mark_is_the_next_value),
        TEST(a_value_that_is_not_named_is_not_handed_over),
        TEST(what_is_in_quotes_stays),
        TEST(statements_come_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
