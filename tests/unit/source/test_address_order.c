// SPDX-License-Identifier: Apache-2.0
/* Which address of a name is tried next. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "source/address_order.h"

static struct os_address named(const char *text)
{
    struct os_address address = {.size_bytes = 0};
    snprintf(address.text, sizeof address.text, "%s", text);
    return address;
}

/* The addresses a, b, c… as the resolver gives them, in the order in which they are tried. */
static const char *sorted(const struct address_order *order, unsigned count)
{
    static char out[OS_MAX_ADDRESSES + 1];
    struct os_addresses addresses = {.count = count};
    for (unsigned i = 0; i < count; i++)
        addresses.items[i] = named((const char[]){(char)('a' + i), '\0'});
    address_order_sort(order, &addresses);
    for (unsigned i = 0; i < count; i++)
        out[i] = addresses.items[i].text[0];
    out[count] = '\0';
    return out;
}

static void note_failure(struct address_order *order, const char *text)
{
    const struct os_address address = named(text);
    address_order_failed(order, &address);
}

static void without_a_failure_the_resolver_decides(void **state)
{
    (void)state;
    const struct address_order order = {.failed_count = 0};
    assert_string_equal(sorted(&order, 4), "abcd");
}

static void where_a_try_failed_it_is_the_last_ones_turn(void **state)
{
    (void)state;
    struct address_order order = {.failed_count = 0};
    note_failure(&order, "a");
    assert_string_equal(sorted(&order, 3), "bca");
    note_failure(&order, "b");
    assert_string_equal(sorted(&order, 3), "cab");
    note_failure(&order, "c");
    assert_string_equal(sorted(&order, 3), "abc");
    note_failure(&order, "a");
    assert_string_equal(sorted(&order, 3), "bca");
}

static void a_server_that_works_is_kept_and_the_one_before_it_not_tried_again(void **state)
{
    (void)state;
    struct address_order order = {.failed_count = 0};
    const struct os_address second = named("b");
    note_failure(&order, "a");
    note_failure(&order, "b");
    address_order_worked(&order, &second);
    address_order_worked(&order, &second);
    assert_string_equal(sorted(&order, 2), "ba");
}

static void it_is_known_whether_there_is_an_address_where_nothing_has_failed(void **state)
{
    (void)state;
    struct address_order order = {.failed_count = 0};
    const struct os_addresses addresses = {.items = {named("a"), named("b")}, .count = 2};
    assert_true(address_order_has_fresh(&order, &addresses, NULL));
    assert_true(address_order_has_fresh(&order, &addresses, &addresses.items[0]));
    note_failure(&order, "a");
    assert_true(address_order_has_fresh(&order, &addresses, NULL));
    assert_false(address_order_has_fresh(&order, &addresses, &addresses.items[1]));
    note_failure(&order, "b");
    assert_false(address_order_has_fresh(&order, &addresses, NULL));
    assert_false(address_order_has_fresh(&order, &(struct os_addresses){.count = 0}, NULL));
}

static void of_ever_new_addresses_the_oldest_failures_are_forgotten(void **state)
{
    (void)state;
    struct address_order order = {.failed_count = 0};
    char text[OS_ADDRESS_TEXT_BYTES];
    note_failure(&order, "a");
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "10.0.0.%d:1", i);
        note_failure(&order, text);
    }
    assert_int_equal(order.failed_count, OS_MAX_ADDRESSES);
    assert_string_equal(sorted(&order, 2), "ab");
    assert_string_equal(order.failed[OS_MAX_ADDRESSES - 1].text, "10.0.0.99:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_failure_the_resolver_decides),
        cmocka_unit_test(where_a_try_failed_it_is_the_last_ones_turn),
        cmocka_unit_test(a_server_that_works_is_kept_and_the_one_before_it_not_tried_again),
        cmocka_unit_test(it_is_known_whether_there_is_an_address_where_nothing_has_failed),
        cmocka_unit_test(of_ever_new_addresses_the_oldest_failures_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
