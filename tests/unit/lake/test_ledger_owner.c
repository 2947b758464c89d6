// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lake/ledger_owner.h"
#include "util/memory.h"

/* An inventory of commits 1, 2, … with these ranges. */
static struct inventory inventory_of(const struct ledger_range *ranges, size_t count)
{
    struct inventory inventory;
    inventory_init(&inventory);
    for (size_t i = 0; i < count; i++) {
        struct inventory_commit commit = {.commit_no = i + 1, .range = ranges[i]};
        assert_int_equal(buffer_append(&inventory.commits, &commit, sizeof commit), OK);
    }
    return inventory;
}

/* "1-4:1" is a range and its commit's number. */
static void write(const struct buffer *list, char out[256])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < LIST_COUNT(list, struct owned_range); i++) {
        const struct owned_range *one = LIST_AT(list, struct owned_range, i);
        used += (size_t)snprintf(out + used, 256 - used, "%s%u-%u:%zu", i == 0 ? "" : " ",
                                 one->range.first, one->range.last, one->commit + 1);
    }
}

static void assert_owners(const struct ledger_range *ranges, size_t count, const char *owned,
                          const char *taken_over)
{
    struct inventory inventory = inventory_of(ranges, count);
    struct ledger_owners owners;
    char text[256];
    assert_int_equal(ledger_owners_make(&owners, &inventory, NULL), OK);
    write(&owners.owned, text);
    assert_string_equal(text, owned);
    write(&owners.taken_over, text);
    assert_string_equal(text, taken_over);
    ledger_owners_release(&owners);
    inventory_release(&inventory);
}
#define OWNERS(owned, taken_over, ...)                                                             \
    assert_owners((const struct ledger_range[]){__VA_ARGS__},                                      \
                  sizeof(struct ledger_range[]){__VA_ARGS__} / sizeof(struct ledger_range), owned, \
                  taken_over)

static void commits_side_by_side_own_their_ranges(void **state)
{
    (void)state;
    assert_owners(NULL, 0, "", "");
    OWNERS("1-4:1", "", {1, 4});
    OWNERS("1-4:2 5-9:1 20-30:3", "", {5, 9}, {1, 4}, {20, 30});
    OWNERS("4294967295-4294967295:1", "", {4294967295, 4294967295});
}

static void a_later_commit_takes_ledgers_over(void **state)
{
    (void)state;
    OWNERS("1-4:1 5-6:2 7-10:1", "5-6:1", {1, 10}, {5, 6});
    OWNERS("1-10:2", "5-6:1", {5, 6}, {1, 10});
    OWNERS("1-3:1 4-4:3 5-6:2 7-10:1", "4-4:1 4-4:2 5-6:1", {1, 10}, {4, 6}, {4, 4});
    OWNERS("1-10:2", "1-10:1", {1, 10}, {1, 10});
    OWNERS("1-7:1 8-14:3 15-20:2", "8-10:1 10-14:2", {1, 10}, {10, 20}, {8, 14});
}

static void the_owner_of_a_ledger_is_found(void **state)
{
    (void)state;
    const struct ledger_range ranges[] = {{5, 9}, {20, 30}, {7, 7}};
    const struct {
        uint32_t ledger;
        size_t commit_no;
    } cases[] = {{1, 0}, {5, 1},  {6, 1},  {7, 3},  {8, 1},
                 {9, 1}, {10, 0}, {20, 2}, {30, 2}, {31, 0}};
    struct inventory inventory = inventory_of(ranges, 3);
    struct ledger_owners owners;
    assert_int_equal(ledger_owners_make(&owners, &inventory, NULL), OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct owned_range *owner = ledger_owners_find(&owners, cases[i].ledger);
        assert_int_equal(owner == NULL ? 0 : owner->commit + 1, cases[i].commit_no);
    }
    ledger_owners_release(&owners);
    inventory_release(&inventory);
}

static void a_failing_allocation_is_told(void **state)
{
    (void)state;
    const struct ledger_range ranges[] = {{1, 10}, {4, 6}, {20, 30}};
    struct inventory inventory = inventory_of(ranges, 3);
    enum error_code code = ERR_NO_MEMORY;
    for (uint64_t n = 1; code != OK; n++) {
        struct ledger_owners owners;
        mem_fail_after(n);
        code = ledger_owners_make(&owners, &inventory, NULL);
        mem_fail_after(0);
        assert_true(code == OK || code == ERR_NO_MEMORY);
        ledger_owners_release(&owners);
    }
    inventory_release(&inventory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_side_by_side_own_their_ranges),
        cmocka_unit_test(a_later_commit_takes_ledgers_over),
        cmocka_unit_test(the_owner_of_a_ledger_is_found),
        cmocka_unit_test(a_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
