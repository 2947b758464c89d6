// SPDX-License-Identifier: Apache-2.0
#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/text.h"

#define LISTEN_BACKLOG 128

static enum error_code bad_endpoint(const char *text, const char *what, struct error *error)
{
    return error_set(error, ERR_INVALID, "\"%s\": %s; write host:port, such as localhost:50051",
                     text, what);
}

enum error_code os_endpoint_parse(const char *text, bool may_be_any, struct os_endpoint *endpoint,
                                  struct error *error)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    uint32_t port = 0;
    if (strstr(text, "://") != NULL)
        return bad_endpoint(text, "an address without a scheme is wanted", error);
    if (colon == NULL || colon[1] == '\0')
        return bad_endpoint(text, "the port is missing", error);
    size_t host_size = (size_t)(colon - text);
    if (host_size >= 2 && host[0] == '[' && host[host_size - 1] == ']') {
        host++;
        host_size -= 2;
    } else if (memchr(host, ':', host_size) != NULL) {
        return bad_endpoint(text, "an IPv6 address needs brackets ([::1]:50051)", error);
    }
    if (host_size == 0 && !may_be_any)
        return bad_endpoint(text, "the host is missing", error);
    if (host_size >= sizeof(endpoint->host))
        return bad_endpoint(text, "the host is too long", error);
    if (!text_parse_u32(bytes_view_text(colon + 1), &port) || port > 65535)
        return bad_endpoint(text, "the port must be a number from 0 to 65535", error);
    if (port == 0 && !may_be_any)
        return bad_endpoint(text, "port 0 can't be connected to", error);
    memcpy(endpoint->host, host, host_size);
    endpoint->host[host_size] = '\0';
    snprintf(endpoint->port, sizeof(endpoint->port), "%u", port);
    return OK;
}

bool os_endpoint_is_local(const struct os_endpoint *endpoint)
{
    return strcmp(endpoint->host, "localhost") == 0 || strncmp(endpoint->host, "127.", 4) == 0 ||
           strcmp(endpoint->host, "::1") == 0;
}

static void describe(struct os_address *address)
{
    char host[INET6_ADDRSTRLEN + 20] = "?", port[8] = "?";
    getnameinfo((const struct sockaddr *)&address->storage, address->size_bytes, host, sizeof(host),
                port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    char text[sizeof(host) + sizeof(port) + 4];
    if (address->storage.ss_family == AF_INET6)
        snprintf(text, sizeof(text), "[%s]:%s", host, port);
    else
        snprintf(text, sizeof(text), "%s:%s", host, port);
    snprintf(address->text, sizeof(address->text), "%.*s", OS_ADDRESS_TEXT_BYTES - 1, text);
}

static enum error_code resolve(const struct os_endpoint *endpoint, int flags,
                               struct os_addresses *addresses, struct error *error)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *host = endpoint->host[0] != '\0' ? endpoint->host : NULL;
    int result = getaddrinfo(host, endpoint->port, &hints, &found);
    if (result == EAI_MEMORY)
        return error_no_memory(error, "the addresses of a host");
    if (result != 0)
        return error_set(error, ERR_RETRY, "can't find the address of \"%s\": %s", endpoint->host,
                         result == EAI_SYSTEM ? strerror(errno) : gai_strerror(result));
    addresses->count = 0;
    for (struct addrinfo *item = found; item != NULL; item = item->ai_next) {
        if (addresses->count == OS_MAX_ADDRESSES ||
            item->ai_addrlen > sizeof(addresses->items[0].storage))
            break;
        struct os_address *address = &addresses->items[addresses->count++];
        memcpy(&address->storage, item->ai_addr, item->ai_addrlen);
        address->size_bytes = item->ai_addrlen;
        describe(address);
    }
    freeaddrinfo(found);
    return OK;
}

static os_resolve_function *replaced_resolve;

void os_resolve_set(os_resolve_function *function)
{
    replaced_resolve = function;
}

enum error_code os_resolve(const struct os_endpoint *endpoint, struct os_addresses *addresses,
                           struct error *error)
{
    if (replaced_resolve != NULL)
        return replaced_resolve(endpoint, addresses, error);
    return resolve(endpoint, 0, addresses, error);
}

static int new_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Small frames (requests, PING answers, window updates) go out at once. */
static void set_no_delay(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

enum error_code os_connect_start(const struct os_address *address, int *fd, struct error *error)
{
    *fd = new_socket(address->storage.ss_family);
    if (*fd < 0)
        return error_set(error, ERR_RETRY, "can't make a socket: %s", strerror(errno));
    set_no_delay(*fd);
    if (connect(*fd, (const struct sockaddr *)&address->storage, address->size_bytes) == 0 ||
        errno == EINPROGRESS || errno == EINTR)
        return OK;
    int failure = errno;
    os_close(fd);
    return error_set(error, ERR_RETRY, "can't connect to %s: %s", address->text, strerror(failure));
}

enum error_code os_connect_finish(int fd, const struct os_address *address, struct error *error)
{
    int failure = 0;
    socklen_t size = sizeof(failure);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
        failure = errno;
    if (failure == 0)
        return OK;
    return error_set(error, ERR_RETRY, "can't connect to %s: %s", address->text, strerror(failure));
}

bool os_address_is_loopback(const struct os_address *address)
{
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address->storage, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, &address->storage, sizeof v6);
    return address->storage.ss_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
            (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == 127));
}

uint16_t os_address_port(const struct os_address *address)
{
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

/* Binds and listens on one address; errno tells why not. */
static bool listen_on(const struct os_address *address, int *fd)
{
    int on = 1;
    *fd = new_socket(address->storage.ss_family);
    if (*fd < 0)
        return false;
    (void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(*fd, (const struct sockaddr *)&address->storage, address->size_bytes) == 0 &&
        listen(*fd, LISTEN_BACKLOG) == 0)
        return true;
    int failure = errno;
    os_close(fd);
    errno = failure;
    return false;
}

enum error_code os_listen(const struct os_endpoint *endpoint, int *fd, struct os_address *bound,
                          struct error *error)
{
    struct os_addresses addresses;
    enum error_code code = resolve(endpoint, AI_PASSIVE, &addresses, error);
    if (code != OK)
        return code == ERR_RETRY
                   ? error_set(error, ERR_INVALID, "can't listen on \"%s\": no such address",
                               endpoint->host)
                   : code;
    int failure = 0;
    for (unsigned i = 0; i < addresses.count; i++) {
        if (listen_on(&addresses.items[i], fd)) {
            bound->size_bytes = sizeof(bound->storage);
            (void)getsockname(*fd, (struct sockaddr *)&bound->storage, &bound->size_bytes);
            describe(bound);
            return OK;
        }
        failure = errno;
    }
    const char *where = addresses.count != 0 ? addresses.items[0].text : endpoint->host;
    if (failure == EADDRINUSE)
        return error_set(error, ERR_CONFLICT, "can't listen on %s: the port is taken", where);
    if (failure == EADDRNOTAVAIL)
        return error_set(error, ERR_INVALID,
                         "can't listen on %s: it is not an address of this machine", where);
    return error_set_errno(error, failure, "can't listen on %s", where);
}

enum error_code os_accept(int listener, int *fd, struct os_address *peer, struct error *error)
{
    peer->size_bytes = sizeof(peer->storage);
    *fd = accept4(listener, (struct sockaddr *)&peer->storage, &peer->size_bytes,
                  SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (*fd >= 0) {
        set_no_delay(*fd);
        describe(peer);
        return OK;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return error_set(error, ERR_LIMIT, "can't accept a connection: %s", strerror(errno));
    case EBADF:
    case EINVAL:
    case ENOTSOCK: return error_set_errno(error, errno, "can't accept a connection");
    default: return ERR_AGAIN; /* nobody waits, or who waited is gone again (accept(2)) */
    }
}

/* What a transfer of `size` bytes, or its failure, means. */
static enum error_code transferred(ssize_t size, size_t *size_bytes, struct error *error)
{
    *size_bytes = size < 0 ? 0 : (size_t)size;
    if (size >= 0)
        return OK;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return ERR_AGAIN;
    return error_set(error, ERR_RETRY, "the connection broke: %s", strerror(errno));
}

enum error_code os_receive(int fd, void *data, size_t capacity_bytes, size_t *received_bytes,
                           struct error *error)
{
    ssize_t size;
    do
        size = recv(fd, data, capacity_bytes, 0);
    while (size < 0 && errno == EINTR);
    return transferred(size, received_bytes, error);
}

enum error_code os_send(int fd, const void *data, size_t size_bytes, size_t *sent_bytes,
                        struct error *error)
{
    ssize_t size;
    do
        size = send(fd, data, size_bytes, MSG_NOSIGNAL);
    while (size < 0 && errno == EINTR);
    return transferred(size, sent_bytes, error);
}

void os_shutdown_write(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}

void os_close_with_reset(int *fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (*fd >= 0)
        (void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    os_close(fd);
}

void os_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
