// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_SERVICE_LINK_H
#define TTP_CONFIG_SERVICE_LINK_H

/*
 * What Kubernetes puts into the environment of each container for each Service of its namespace
 * ("service links"): for a Service health, HEALTH_PORT=tcp://10.96.1.1:80, HEALTH_SERVICE_HOST and
 * more. Such a name may be one of ours; what it says never is.
 */

#include <stdbool.h>

/* Whether NAME=value is one of these variables. A pure function. */
bool service_link_is(const char *name, const char *value);

#endif
