// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "util/ledgers.h"
#include "util/memory.h"
#include "util/text.h"

/* "1-3 7-7" as ranges. */
static struct ledger_set parse(const char *text)
{
    struct ledger_set list = {0};
    struct ledger_range range;
    int used;
    for (; sscanf(text, " %u-%u%n", &range.first, &range.last, &used) == 2; text += used)
        assert_int_equal(ledger_set_append(&list, range, NULL), OK);
    return list;
}

static void assert_ranges(struct ledger_set *set, const char *expected)
{
    char text[4096] = "";
    size_t used = 0;
    for (size_t i = 0; i < set->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u-%u", i == 0 ? "" : " ",
                                 set->ranges[i].first, set->ranges[i].last);
    assert_string_equal(text, expected);
    ledger_set_release(set);
}

static void lists_are_merged_where_they_touch(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"5-6 1-2", "1-2 5-6"},
                                           {"1-2 3-4", "1-4"},
                                           {"1-9 3-4 9-12", "1-12"},
                                           {"7-4294967295 1-5", "1-5 7-4294967295"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ledger_set ranges = parse(cases[i][0]);
        ledger_set_merge(&ranges);
        assert_ranges(&ranges, cases[i][1]);
    }
}

typedef enum error_code combination(const struct ledger_set *a, const struct ledger_set *b,
                                    struct ledger_set *out, struct error *error);

static void assert_combined(combination *combine, const char *a, const char *b,
                            const char *expected)
{
    struct ledger_set left = parse(a), right = parse(b), out = {0};
    assert_int_equal(combine(&left, &right, &out, NULL), OK);
    assert_ranges(&out, expected);
    ledger_set_release(&left);
    ledger_set_release(&right);
}

static void what_is_excluded_is_cut_out(void **state)
{
    (void)state;
    assert_combined(ledger_set_subtract, "1-10", "", "1-10");
    assert_combined(ledger_set_subtract, "1-10", "1-10", "");
    assert_combined(ledger_set_subtract, "1-10", "3-4 6-6", "1-2 5-5 7-10");
    assert_combined(ledger_set_subtract, "1-10 20-30", "5-24", "1-4 25-30");
    assert_combined(ledger_set_subtract, "5-6 8-9 11-12", "1-5 9-20", "6-6 8-8");
    assert_combined(ledger_set_subtract, "4294967290-4294967295", "4294967294-4294967295",
                    "4294967290-4294967293");
}

static void what_both_have_is_their_intersection(void **state)
{
    (void)state;
    assert_combined(ledger_set_intersect, "1-10", "", "");
    assert_combined(ledger_set_intersect, "1-10 12-20", "3-13 20-40", "3-10 12-13 20-20");
    assert_combined(ledger_set_intersect, "1-4294967295", "7-9 4294967295-4294967295",
                    "7-9 4294967295-4294967295");
}

static void long_ranges_are_split(void **state)
{
    (void)state;
    struct ledger_set ranges = parse("1-7 10-12 4294967294-4294967295"), out = {0};
    assert_int_equal(ledger_set_split(&ranges, 3, &out, NULL), OK);
    assert_ranges(&out, "1-3 4-6 7-7 10-12 4294967294-4294967295");
    ledger_set_release(&ranges);
}

static void adding_keeps_a_set_one(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"", "5-6", "5-6"},
        {"5-6", "1-3", "1-3 5-6"},
        {"5-6", "1-4", "1-6"},
        {"5-6", "7-9", "5-9"},
        {"5-6", "8-9", "5-6 8-9"},
        {"1-2 5-6 9-9", "3-8", "1-9"},
        {"1-2 5-6 9-9", "6-7", "1-2 5-7 9-9"},
        {"1-9", "3-4", "1-9"},
        {"0-0 4294967295-4294967295", "1-4294967294", "0-4294967295"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ledger_set set = parse(cases[i][0]), added = parse(cases[i][1]);
        assert_int_equal(ledger_set_add(&set, added.ranges[0], NULL), OK);
        assert_ranges(&set, cases[i][2]);
        ledger_set_release(&added);
    }
}

static void missing_is_what_a_range_has_and_the_set_has_not(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"", "3-9", "3-9"},
        {"1-9", "3-4", ""},
        {"1-3 6-7", "2-9", "4-5 8-9"},
        {"6-7", "1-3", "1-3"},
        {"4294967295-4294967295", "0-4294967295", "0-4294967294"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ledger_set set = parse(cases[i][0]), within = parse(cases[i][1]), out = {0};
        assert_int_equal(ledger_set_missing(&set, within.ranges[0], &out, NULL), OK);
        assert_ranges(&out, cases[i][2]);
        ledger_set_release(&set);
        ledger_set_release(&within);
    }
}

static void a_set_knows_its_ledgers_and_its_span(void **state)
{
    (void)state;
    struct ledger_set set = parse("3-4 7-9 4294967295-4294967295"), none = {0};
    assert_int_equal(ledger_set_ledgers(&set), 6);
    assert_true(ledger_set_has(&set, 3) && ledger_set_has(&set, 9));
    assert_true(ledger_set_has(&set, UINT32_MAX));
    assert_false(ledger_set_has(&set, 2) || ledger_set_has(&set, 5) || ledger_set_has(&set, 10));
    assert_int_equal(ledger_set_span(&set).first, 3);
    assert_int_equal(ledger_set_span(&set).last, UINT32_MAX);
    assert_int_equal(ledger_set_span(&none).last, 0);
    assert_false(ledger_set_has(&none, 0));
    ledger_set_release(&set);
}

static void long_lists_are_cut_in_a_text(void **state)
{
    (void)state;
    struct ledger_set set = {0};
    for (uint32_t i = 0; i < 9; i++)
        assert_int_equal(
            ledger_set_append(&set, (struct ledger_range){10 * i, 10 * i + i % 2}, NULL), OK);
    char text[LEDGER_SET_TEXT_BYTES];
    ledger_set_text(&set, text);
    assert_string_equal(text, "0, 10-11, 20, 30-31, 40, 50-51 and 3 more");
    set.count = 1;
    ledger_set_text(&set, text);
    assert_string_equal(text, "0");
    ledger_set_release(&set);
}

static void a_failing_allocation_is_told(void **state)
{
    (void)state;
    struct ledger_set ranges = parse("1-10"), none = {0}, out = {0};
    mem_fail_after(1);
    assert_int_equal(ledger_set_subtract(&ranges, &none, &out, NULL), ERR_NO_MEMORY);
    assert_int_equal(ledger_set_intersect(&ranges, &ranges, &out, NULL), ERR_NO_MEMORY);
    assert_int_equal(ledger_set_split(&ranges, 3, &out, NULL), ERR_NO_MEMORY);
    assert_int_equal(ledger_set_add(&out, ranges.ranges[0], NULL), ERR_NO_MEMORY);
    assert_int_equal(ledger_set_append_all(&out, &ranges, NULL), ERR_NO_MEMORY);
    mem_fail_after(0);
    ledger_set_release(&out);
    ledger_set_release(&ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_merged_where_they_touch),
        cmocka_unit_test(what_is_excluded_is_cut_out),
        cmocka_unit_test(what_both_have_is_their_intersection),
        cmocka_unit_test(long_ranges_are_split),
        cmocka_unit_test(adding_keeps_a_set_one),
        cmocka_unit_test(missing_is_what_a_range_has_and_the_set_has_not),
        cmocka_unit_test(a_set_knows_its_ledgers_and_its_span),
        cmocka_unit_test(long_lists_are_cut_in_a_text),
        cmocka_unit_test(a_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
