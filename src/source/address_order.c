// SPDX-License-Identifier: Apache-2.0
#include "source/address_order.h"

#include <string.h>

/* 0: no try failed there; else the higher, the later it failed. */
static unsigned failure_rank(const struct address_order *order, const struct os_address *address)
{
    for (unsigned i = 0; i < order->failed_count; i++)
        if (strcmp(order->failed[i].text, address->text) == 0)
            return i + 1;
    return 0;
}

/* By insertion: few addresses, and those of one rank keep the resolver's order. */
void address_order_sort(const struct address_order *order, struct os_addresses *addresses)
{
    for (unsigned i = 1; i < addresses->count; i++) {
        struct os_address moved = addresses->items[i];
        unsigned rank = failure_rank(order, &moved);
        unsigned at = i;
        for (; at > 0 && failure_rank(order, &addresses->items[at - 1]) > rank; at--)
            addresses->items[at] = addresses->items[at - 1];
        addresses->items[at] = moved;
    }
}

void address_order_worked(struct address_order *order, const struct os_address *address)
{
    unsigned rank = failure_rank(order, address);
    if (rank == 0)
        return;
    order->failed_count--;
    memmove(&order->failed[rank - 1], &order->failed[rank],
            (order->failed_count - (rank - 1)) * sizeof order->failed[0]);
}

void address_order_failed(struct address_order *order, const struct os_address *address)
{
    address_order_worked(order, address);
    if (order->failed_count == OS_MAX_ADDRESSES) {
        struct os_address oldest = order->failed[0];
        address_order_worked(order, &oldest);
    }
    order->failed[order->failed_count++] = *address;
}

bool address_order_has_fresh(const struct address_order *order,
                             const struct os_addresses *addresses, const struct os_address *asked)
{
    for (unsigned i = 0; i < addresses->count; i++) {
        bool is_asked = asked != NULL && strcmp(addresses->items[i].text, asked->text) == 0;
        if (!is_asked && failure_rank(order, &addresses->items[i]) == 0)
            return true;
    }
    return false;
}
