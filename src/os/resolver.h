// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_RESOLVER_H
#define TTP_OS_RESOLVER_H

/*
 * Asks for the addresses of a host without blocking the caller: a name server that does not answer
 * takes tens of seconds. The question is asked on a thread of its own; numeric addresses are
 * answered at once.
 */

#include "os/poll.h"
#include "os/socket.h"

struct os_resolver;

/* Starts asking; `wake` (borrowed until os_resolver_drop) is raised when there is an answer.
 * ERR_NO_MEMORY, ERR_RETRY. */
enum error_code os_resolver_start(struct os_resolver **out, const struct os_endpoint *endpoint,
                                  const struct os_wake *wake, struct error *error) MUST_CHECK;
/* OK: *addresses has them; ERR_AGAIN: not yet; ERR_RETRY: there are none now. */
enum error_code os_resolver_take(struct os_resolver *resolver, struct os_addresses *addresses,
                                 struct error *error) MUST_CHECK;
/* Forgets the question, answered or not; NULL is harmless. */
void os_resolver_drop(struct os_resolver *resolver);

#endif
