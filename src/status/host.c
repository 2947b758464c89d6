// SPDX-License-Identifier: Apache-2.0
#include "status/host.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define NAME_BYTES 256 /* a DNS name has 253 characters */

/* The name without brackets, port and the dot of a full name. False where it is too long or not in
 * the form of one. */
static bool take_name(const char *host, char name[NAME_BYTES])
{
    bool is_bracketed = host[0] == '[';
    size_t size = strcspn(host + is_bracketed, is_bracketed ? "]" : ":");
    const char *behind = host + is_bracketed + size + (is_bracketed && host[size + 1] == ']');
    if ((is_bracketed && behind[-1] != ']') || size == 0 || size >= NAME_BYTES)
        return false;
    if (*behind != '\0' && (*behind != ':' || behind[1 + strspn(behind + 1, "0123456789")] != '\0'))
        return false;
    memcpy(name, host + is_bracketed, size);
    if (!is_bracketed && size > 1 && name[size - 1] == '.')
        size--;
    name[size] = '\0';
    return true;
}

/* RFC 6761, section 6.3: localhost and what ends in .localhost leads nowhere else. */
static bool is_localhost(const char *name)
{
    static const char localhost[] = "localhost";
    size_t size = strlen(name), own = sizeof localhost - 1;
    return size >= own && strcasecmp(name + size - own, localhost) == 0 &&
           (size == own || name[size - own - 1] == '.');
}

static bool is_loopback_v6(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

bool host_is_loopback(const char *host)
{
    char name[NAME_BYTES];
    struct in_addr v4;
    struct in6_addr v6;
    if (!take_name(host, name))
        return false;
    if (host[0] == '[')
        return inet_pton(AF_INET6, name, &v6) == 1 && is_loopback_v6(&v6);
    if (inet_pton(AF_INET, name, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return is_localhost(name);
}
