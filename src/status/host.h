// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_HOST_H
#define TTP_STATUS_HOST_H

#include <stdbool.h>

/*
 * Whether a Host header names this machine itself: localhost or a name below it, an address of
 * 127.0.0.0/8, [::1] or [::ffff:127.x.x.x], with or without a port. A page of somebody else whose
 * name was made to lead to loopback (DNS rebinding) asks with its own name.
 */
bool host_is_loopback(const char *host);

#endif
