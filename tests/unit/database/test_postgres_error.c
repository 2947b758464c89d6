// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void each_state_has_its_consequence(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        enum error_code code;
        int system_errno;
    } cases[] = {
        {NULL, ERR_RETRY, EBUSY},    {"", ERR_RETRY, EBUSY},      {"08006", ERR_RETRY, EBUSY},
        {"23505", ERR_RETRY, EBUSY}, {"40001", ERR_RETRY, EBUSY}, {"40P01", ERR_RETRY, EBUSY},
        {"55P03", ERR_RETRY, EBUSY}, {"25P03", ERR_RETRY, EBUSY}, {"25006", ERR_RETRY, EBUSY},
        {"57P01", ERR_RETRY, EBUSY}, {"57P03", ERR_RETRY, EBUSY}, {"57014", ERR_RETRY, EBUSY},
        {"53300", ERR_RETRY, EBUSY}, {"53200", ERR_RETRY, EBUSY}, {"53100", ERR_RETRY, ENOSPC},
        {"23P01", ERR_AGAIN, 0},     {"42501", ERR_CONFLICT, 0},  {"28P01", ERR_CONFLICT, 0},
        {"28000", ERR_CONFLICT, 0},  {"3D000", ERR_CONFLICT, 0},  {"3F000", ERR_CONFLICT, 0},
        {"57P04", ERR_CONFLICT, 0},  {"42P01", ERR_CORRUPT, 0},   {"22P02", ERR_CORRUPT, 0},
        {"23502", ERR_CORRUPT, 0},   {"XX001", ERR_CORRUPT, 0},   {"58030", ERR_IO, 0},
        {"0A000", ERR_IO, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        error_clear(&error);
        assert_int_equal(
            postgres_error_set(&error, "postgres:dbname=lake", cases[i].state, "words"),
            cases[i].code);
        assert_int_equal(error.code, cases[i].code);
        assert_int_equal(error.system_errno, cases[i].system_errno);
        assert_non_null(strstr(error.message, "postgres:dbname=lake"));
        assert_non_null(strstr(error.message, "words"));
        if (cases[i].state != NULL)
            assert_non_null(strstr(error.message, cases[i].state));
    }
}

static void the_servers_words_become_one_line(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(postgres_error_set(&error, "c", "57P01",
                                        "FATAL:  57P01: going\nDETAIL:  down\n"
                                        "LOCATION:  f, a.c:1\n"),
                     ERR_RETRY);
    assert_null(strchr(error.message, '\n'));
    assert_null(strstr(error.message, "a.c"));
}

static void a_failed_connection_tells_its_state(void **state)
{
    (void)state;
    char found[6];
    postgres_find_state("connection to server at \"h\", port 1 failed: FATAL:  28P01: password "
                        "authentication failed for user \"u\"\nLOCATION:  auth_failed, auth.c:326",
                        found);
    assert_string_equal(found, "28P01");
    postgres_find_state("connection to server failed: Connection refused", found);
    assert_string_equal(found, "");
    postgres_find_state("FATAL:  the words: 28P01", found);
    assert_string_equal(found, "");
    postgres_find_state("x:  ", found);
    assert_string_equal(found, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_has_its_consequence),
        cmocka_unit_test(the_servers_words_become_one_line),
        cmocka_unit_test(a_failed_connection_tells_its_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
