// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lake/sample.h"
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

static struct ledger_set sample(const char *text, uint32_t millionths)
{
    struct ledger_set ranges = parse(text), out = {0};
    assert_int_equal(sample_ledgers(&ranges, millionths, &out, NULL), OK);
    ledger_set_release(&ranges);
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
        struct ledger_set all = parse(cases[i].ranges), within = {0};
        struct ledger_set out = sample(cases[i].ranges, cases[i].millionths);
        assert_int_equal(ledger_set_ledgers(&out), cases[i].ledgers);
        assert_true(out.count <= SAMPLE_RUNS + 3);
        /* and none twice, nor outside */
        assert_int_equal(ledger_set_intersect(&all, &out, &within, NULL), OK);
        ledger_set_merge(&out);
        assert_int_equal(ledger_set_ledgers(&within), cases[i].ledgers);
        assert_int_equal(ledger_set_ledgers(&out), cases[i].ledgers);
        ledger_set_release(&within);
        ledger_set_release(&all);
        ledger_set_release(&out);
    }
}

static void the_runs_of_a_sample_are_spread_evenly(void **state)
{
    (void)state;
    struct ledger_set out = sample("1-1000000", 10000);
    const struct ledger_range *runs = out.ranges;
    size_t count = out.count;
    assert_int_equal(count, SAMPLE_RUNS);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(runs[i].last - runs[i].first + 1, 39, 40);
        if (i > 0)
            assert_in_range(runs[i].first - runs[i - 1].first, 3904, 3909);
    }
    assert_in_range(runs[0].first, 1, 2000);
    assert_in_range(runs[count - 1].last, 998000, 1000000);
    ledger_set_release(&out);
    struct ledger_set small = sample("1-100", 20000);
    assert_ranges(&small, "50-51");
    struct ledger_set broken = sample("1-50 61-110", 20000);
    assert_ranges(&broken, "50-50 61-61");
}

static void a_failing_allocation_is_told(void **state)
{
    (void)state;
    struct ledger_set ranges = parse("1-10"), out = {0};
    mem_fail_after(1);
    assert_int_equal(sample_ledgers(&ranges, 1, &out, NULL), ERR_NO_MEMORY);
    mem_fail_after(0);
    ledger_set_release(&ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_has_its_share_of_the_ledgers_and_one_at_least),
        cmocka_unit_test(the_runs_of_a_sample_are_spread_evenly),
        cmocka_unit_test(a_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
