// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lake/ranges.h"
#include "util/memory.h"
#include "util/text.h"

/* "1-3 7-7" as ranges. */
static struct buffer parse(const char *text)
{
    struct buffer ranges;
    struct ledger_range range;
    int used;
    buffer_init(&ranges);
    for (; sscanf(text, " %u-%u%n", &range.first, &range.last, &used) == 2; text += used)
        assert_int_equal(buffer_append(&ranges, &range, sizeof range), OK);
    return ranges;
}

static void assert_ranges(struct buffer *ranges, const char *expected)
{
    char text[4096] = "";
    size_t used = 0;
    const struct ledger_range *all = (const void *)ranges->data;
    for (size_t i = 0; i < ranges->size_bytes / sizeof *all; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u-%u", i == 0 ? "" : " ",
                                 all[i].first, all[i].last);
    assert_string_equal(text, expected);
    buffer_release(ranges);
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
        struct buffer ranges = parse(cases[i][0]);
        ranges_merge(&ranges);
        assert_ranges(&ranges, cases[i][1]);
    }
}

typedef enum error_code combination(const struct buffer *a, const struct buffer *b,
                                    struct buffer *out, struct error *error);

static void assert_combined(combination *combine, const char *a, const char *b,
                            const char *expected)
{
    struct buffer left = parse(a), right = parse(b), out;
    buffer_init(&out);
    assert_int_equal(combine(&left, &right, &out, NULL), OK);
    assert_ranges(&out, expected);
    buffer_release(&left);
    buffer_release(&right);
}

static void what_is_excluded_is_cut_out(void **state)
{
    (void)state;
    assert_combined(ranges_exclude, "1-10", "", "1-10");
    assert_combined(ranges_exclude, "1-10", "1-10", "");
    assert_combined(ranges_exclude, "1-10", "3-4 6-6", "1-2 5-5 7-10");
    assert_combined(ranges_exclude, "1-10 20-30", "5-24", "1-4 25-30");
    assert_combined(ranges_exclude, "5-6 8-9 11-12", "1-5 9-20", "6-6 8-8");
    assert_combined(ranges_exclude, "4294967290-4294967295", "4294967294-4294967295",
                    "4294967290-4294967293");
}

static void what_both_have_is_their_intersection(void **state)
{
    (void)state;
    assert_combined(ranges_intersect, "1-10", "", "");
    assert_combined(ranges_intersect, "1-10 12-20", "3-13 20-40", "3-10 12-13 20-20");
    assert_combined(ranges_intersect, "1-4294967295", "7-9 4294967295-4294967295",
                    "7-9 4294967295-4294967295");
}

static void long_ranges_are_split(void **state)
{
    (void)state;
    struct buffer ranges = parse("1-7 10-12 4294967294-4294967295"), out;
    buffer_init(&out);
    assert_int_equal(ranges_split(&ranges, 3, &out, NULL), OK);
    assert_ranges(&out, "1-3 4-6 7-7 10-12 4294967294-4294967295");
    buffer_release(&ranges);
}

static struct buffer sample(const char *text, uint32_t millionths)
{
    struct buffer ranges = parse(text), out;
    buffer_init(&out);
    assert_int_equal(ranges_sample(&ranges, millionths, &out, NULL), OK);
    buffer_release(&ranges);
    return out;
}

static void a_sample_has_its_share_of_the_ledgers_and_one_at_least(void **state)
{
    (void)state;
    static const struct {
        const char *ranges;
        uint32_t millionths;
        uint64_t ledgers;
    } cases[] = {{"", 10000, 0},
                 {"7-7", 1, 1},
                 {"1-1000", 1, 1},
                 {"1-1000", 10000, 10},
                 {"1-1000", 999999, 1000},
                 {"1-1000", 1000000, 1000},
                 {"1-400 1001-1100 5000-9999", 333333, 1834},
                 {"2-4294967295", 1, 4295},
                 {"1-1000000", 123456, 123456},
                 {"1-3 5-7 9-1000000", 500000, 499999}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer all = parse(cases[i].ranges), within;
        struct buffer out = sample(cases[i].ranges, cases[i].millionths);
        assert_int_equal(ranges_count(&out), cases[i].ledgers);
        assert_true(out.size_bytes / sizeof(struct ledger_range) <= RANGES_SAMPLE_RUNS + 3);
        buffer_init(&within); /* and none twice, nor outside */
        assert_int_equal(ranges_intersect(&all, &out, &within, NULL), OK);
        ranges_merge(&out);
        assert_int_equal(ranges_count(&within), cases[i].ledgers);
        assert_int_equal(ranges_count(&out), cases[i].ledgers);
        buffer_release(&within);
        buffer_release(&all);
        buffer_release(&out);
    }
}

static void the_runs_of_a_sample_are_spread_evenly(void **state)
{
    (void)state;
    struct buffer out = sample("1-1000000", 10000);
    const struct ledger_range *runs = (const void *)out.data;
    size_t count = out.size_bytes / sizeof *runs;
    assert_int_equal(count, RANGES_SAMPLE_RUNS);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(runs[i].last - runs[i].first + 1, 39, 40);
        if (i > 0)
            assert_in_range(runs[i].first - runs[i - 1].first, 3904, 3909);
    }
    assert_in_range(runs[0].first, 1, 2000);
    assert_in_range(runs[count - 1].last, 998000, 1000000);
    buffer_release(&out);
    struct buffer small = sample("1-100", 20000);
    assert_ranges(&small, "50-51");
    struct buffer broken = sample("1-50 61-110", 20000);
    assert_ranges(&broken, "50-50 61-61");
}

static void a_failing_allocation_is_told(void **state)
{
    (void)state;
    struct buffer ranges = parse("1-10"), none, out;
    buffer_init(&none);
    buffer_init(&out);
    mem_fail_after(1);
    assert_int_equal(ranges_exclude(&ranges, &none, &out, NULL), ERR_NO_MEMORY);
    assert_int_equal(ranges_intersect(&ranges, &ranges, &out, NULL), ERR_NO_MEMORY);
    assert_int_equal(ranges_split(&ranges, 3, &out, NULL), ERR_NO_MEMORY);
    assert_int_equal(ranges_sample(&ranges, 1, &out, NULL), ERR_NO_MEMORY);
    mem_fail_after(0);
    buffer_release(&out);
    buffer_release(&ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_merged_where_they_touch),
        cmocka_unit_test(what_is_excluded_is_cut_out),
        cmocka_unit_test(what_both_have_is_their_intersection),
        cmocka_unit_test(long_ranges_are_split),
        cmocka_unit_test(a_sample_has_its_share_of_the_ledgers_and_one_at_least),
        cmocka_unit_test(the_runs_of_a_sample_are_spread_evenly),
        cmocka_unit_test(a_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
