// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_ADDRESS_ORDER_H
#define TTP_SOURCE_ADDRESS_ORDER_H

/*
 * The order in which the addresses of one name are tried: as the resolver gives them, but addresses
 * where a try failed come last, and the one that failed most recently at the very end. So the next
 * try goes to the next address, whatever failed (no connection, no HTTP/2, a status, silence), and
 * a server that works is kept. No I/O. Not thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "os/socket.h"

struct address_order {
    /* The latest failures, the oldest first; an address stands here once. */
    struct os_address failed[OS_MAX_ADDRESSES];
    unsigned failed_count;
};

/* Sorts what the resolver gave. */
void address_order_sort(const struct address_order *order, struct os_addresses *addresses);
/* A try on this address brought nothing. */
void address_order_failed(struct address_order *order, const struct os_address *address);
/* A server at this address did what it is there for: it is as good as a new one. */
void address_order_worked(struct address_order *order, const struct os_address *address);
/* Is there one among `addresses`, but for `asked` (NULL: none), where no try has failed? */
bool address_order_has_fresh(const struct address_order *order,
                             const struct os_addresses *addresses, const struct os_address *asked);

#endif
