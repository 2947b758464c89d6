// SPDX-License-Identifier: Apache-2.0
#include "database/location.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void what_names_a_place_has_no_fault(void **state)
{
    (void)state;
    assert_null(database_location_fault("", ""));
    assert_null(database_location_fault("sqlite:/var/lib/lake.sqlite", ""));
    assert_null(database_location_fault("postgres:host=db dbname=lake", "one"));
    assert_null(database_location_fault("postgres:service=lake", ""));
    assert_null(database_location_fault("postgres://ttp@db:5432/lake", ""));
    assert_null(database_location_fault("postgresql://db/lake", ""));
}

static void assert_fault(const char *catalog, const char *schema, const char *words)
{
    const char *fault = database_location_fault(catalog, schema);
    assert_non_null(fault);
    if (strstr(fault, words) == NULL)
        fail_msg("'%s' is not in: %s", words, fault);
}

static void what_names_none_is_told(void **state)
{
    (void)state;
    assert_fault("lake.sqlite", "", "sqlite:PATH");
    assert_fault("sqlite:", "", "sqlite:PATH");
    assert_fault("postgres:nonsense", "", "connection string");
    assert_fault("postgres:colour=blue", "", "connection string");
    assert_fault("", "one", "--catalog postgres:");
    assert_fault("sqlite:/lake", "one", "--catalog postgres:");
    assert_fault("postgres:dbname=lake", "One\"", "a-z");
}

static void a_password_is_refused_in_each_form(void **state)
{
    (void)state;
    assert_fault("postgres:dbname=lake password=x", "", "PGPASSFILE");
    assert_fault("postgres://ttp:x@db/lake", "", "PGPASSFILE");
    assert_fault("postgres://db/lake?sslpassword=x", "", "PGPASSFILE");
}

static void the_parts_are_what_they_name(void **state)
{
    (void)state;
    struct database_location where = database_location_parse("sqlite:/a/b", "");
    assert_string_equal(where.path, "/a/b");
    assert_null(where.conninfo);
    where = database_location_parse("postgres:dbname=lake", "one");
    assert_null(where.path);
    assert_string_equal(where.conninfo, "dbname=lake");
    assert_string_equal(where.schema, "one");
    where = database_location_parse("postgres://db/lake", "");
    assert_string_equal(where.conninfo, "postgres://db/lake");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_names_a_place_has_no_fault),
        cmocka_unit_test(what_names_none_is_told),
        cmocka_unit_test(a_password_is_refused_in_each_form),
        cmocka_unit_test(the_parts_are_what_they_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
