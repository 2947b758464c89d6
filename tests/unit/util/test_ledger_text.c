// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "util/ledger_text.h"

static void ledger_numbers_may_be_written_short(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint32_t ledger;
    } good[] = {{"0", 0},          {"16000000", 16000000},    {"16_000_000", 16000000},
                {"16M", 16000000}, {"16.5M", 16500000},       {"1.25k", 1250},
                {"007", 7},        {"4294967295", UINT32_MAX}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint32_t ledger = 99;
        assert_true(ledger_parse(good[i].text, &ledger));
        assert_int_equal(ledger, good[i].ledger);
    }
}

static void what_is_no_ledger_number_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "-1",
                               "M",
                               "1.5",
                               "1MM",
                               "_1",
                               "1_",
                               "1__0",
                               "1.M",
                               "1.5555k",
                               "4294967296",
                               "4295M",
                               "0x10",
                               "1 ",
                               " 1",
                               "1e6",
                               "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t ledger;
        if (ledger_parse(bad[i], &ledger))
            fail_msg("\"%s\" was taken for a ledger", bad[i]);
    }
}

static void assert_range(const char *first, const char *second, uint32_t start, uint32_t end,
                         bool end_is_given)
{
    const char *arguments[] = {first, second};
    struct ledger_request request;
    struct error error;
    assert_int_equal(ledger_request_parse(arguments, second != NULL ? 2 : 1, &request, &error), OK);
    assert_int_equal(request.start, start);
    assert_int_equal(request.end, end);
    assert_int_equal(request.end_is_given, end_is_given);
}

static void ranges_have_several_forms(void **state)
{
    (void)state;
    assert_range("16M:17M", NULL, 16000000, 17000000, true);
    assert_range("16000000:+1000", NULL, 16000000, 16000999, true);
    assert_range("5:+1", NULL, 5, 5, true);
    assert_range("16000000:", NULL, 16000000, 0, true);
    assert_range("7", "9", 7, 9, true);
    assert_range("7", "0", 7, 0, true);
    assert_range("7", NULL, 7, 0, false);
    assert_range("0:5", NULL, 0, 5, true);
    assert_range("4294967295:+1", NULL, UINT32_MAX, UINT32_MAX, true);
}

static void assert_bad_range(const char *first, const char *second, const char *words)
{
    const char *arguments[] = {first, second};
    struct ledger_request request;
    struct error error;
    assert_int_equal(ledger_request_parse(arguments, second != NULL ? 2 : 1, &request, &error),
                     ERR_INVALID);
    assert_non_null(strstr(error.message, words));
}

static void bad_ranges_say_how_to_write_one(void **state)
{
    (void)state;
    assert_bad_range(":17M", NULL, "has no start");
    assert_bad_range("16M:+0", NULL, "at least 1");
    assert_bad_range("4294967295:+2", NULL, "4294967296");
    assert_bad_range("16M:17M", "18M", "after the range");
    assert_bad_range("x:1", NULL, "\"x\" is not a ledger number");
    assert_bad_range("1:x", NULL, "\"x\" is not a ledger number");
    assert_bad_range("1:2:3", NULL, "is not a ledger number");
    assert_bad_range("1", "+5", "is not a ledger number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ledger_numbers_may_be_written_short),
        cmocka_unit_test(what_is_no_ledger_number_is_refused),
        cmocka_unit_test(ranges_have_several_forms),
        cmocka_unit_test(bad_ranges_say_how_to_write_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
