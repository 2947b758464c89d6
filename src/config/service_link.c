// SPDX-License-Identifier: Apache-2.0
#include "config/service_link.h"

#include <stddef.h>
#include <string.h>

static const char *const protocols[] = {"TCP", "UDP", "SCTP"};

static bool ends_in(const char *text, const char *end)
{
    size_t text_bytes = strlen(text);
    size_t end_bytes = strlen(end);
    return text_bytes > end_bytes && strcmp(text + text_bytes - end_bytes, end) == 0;
}

/* "tcp://10.96.1.1:80" */
static bool is_link_address(const char *value)
{
    static const char *const schemes[] = {"tcp://", "udp://", "sctp://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(value, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

/* What stands behind "_PORT" in a name: "_80_TCP", "_80_TCP_PROTO", "_80_TCP_PORT",
 * "_80_TCP_ADDR". */
static bool is_port_detail(const char *rest)
{
    size_t digits = strspn(rest + (rest[0] == '_'), "0123456789");
    if (rest[0] != '_' || digits == 0 || rest[1 + digits] != '_')
        return false;
    rest += digits + 2;
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        size_t length = strlen(protocols[i]);
        if (strncmp(rest, protocols[i], length) != 0)
            continue;
        const char *end = rest + length;
        if (end[0] == '\0' || strcmp(end, "_PROTO") == 0 || strcmp(end, "_PORT") == 0 ||
            strcmp(end, "_ADDR") == 0)
            return true;
    }
    return false;
}

bool service_link_is(const char *name, const char *value)
{
    if (ends_in(name, "_PORT") && is_link_address(value))
        return true;
    if (ends_in(name, "_SERVICE_HOST") || ends_in(name, "_SERVICE_PORT") ||
        strstr(name, "_SERVICE_PORT_") != NULL)
        return true;
    for (const char *at = strstr(name, "_PORT_"); at != NULL; at = strstr(at + 1, "_PORT_")) {
        if (is_port_detail(at + strlen("_PORT")))
            return true;
    }
    return false;
}
