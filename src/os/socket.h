// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_SOCKET_H
#define TTP_OS_SOCKET_H

/*
 * TCP sockets, non-blocking, close-on-exec, TCP_NODELAY. A descriptor of -1 is no socket. Errors of
 * the network are ERR_RETRY with a message that names the peer: they may pass.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/error.h"

#define OS_HOST_BYTES         256
#define OS_ADDRESS_TEXT_BYTES 64

/* host:port as users write it. */
struct os_endpoint {
    char host[OS_HOST_BYTES]; /* without brackets; "" = every address (only to listen) */
    char port[8];
};

/* `text`: host:port, 127.0.0.1:port, [::1]:port, :port (only if may_be_any). ERR_INVALID with what
 * is wrong and an example. */
enum error_code os_endpoint_parse(const char *text, bool may_be_any, struct os_endpoint *endpoint,
                                  struct error *error) MUST_CHECK;
/* Is it surely this machine: localhost, 127.0.0.0/8, ::1? */
bool os_endpoint_is_local(const struct os_endpoint *endpoint);

struct os_address {
    struct sockaddr_storage storage;
    socklen_t size_bytes;
    char text[OS_ADDRESS_TEXT_BYTES]; /* 127.0.0.1:50051, [::1]:50051 */
};

/* More addresses of one name than this are left out. */
#define OS_MAX_ADDRESSES 16

struct os_addresses {
    struct os_address items[OS_MAX_ADDRESSES];
    unsigned count;
};

/* Asks the resolver, each time anew. It may block for as long as the resolver's time-outs:
 * os_resolver asks without blocking. ERR_RETRY if the name has no address now. */
enum error_code os_resolve(const struct os_endpoint *endpoint, struct os_addresses *addresses,
                           struct error *error) MUST_CHECK;

/* Replaces the resolver's answers, before threads start; NULL goes back to the system's. For tests.
 */
typedef enum error_code os_resolve_function(const struct os_endpoint *endpoint,
                                            struct os_addresses *addresses, struct error *error);
void os_resolve_set(os_resolve_function *resolve);

/* Starts a connection. OK: *fd is being connected (or is connected): wait until it is writable,
 * then os_connect_finish. ERR_RETRY: refused at once. */
enum error_code os_connect_start(const struct os_address *address, int *fd,
                                 struct error *error) MUST_CHECK;
/* OK: connected. ERR_RETRY: it failed, the message says why; the caller closes fd. */
enum error_code os_connect_finish(int fd, const struct os_address *address,
                                  struct error *error) MUST_CHECK;

/* Listens; port 0 picks a free one. *bound gets the address with the real port. ERR_CONFLICT: the
 * port is taken; ERR_INVALID: the host is not an address of this machine; ERR_IO. */
enum error_code os_listen(const struct os_endpoint *endpoint, int *fd, struct os_address *bound,
                          struct error *error) MUST_CHECK;
/* A port number of `address`. */
uint16_t os_address_port(const struct os_address *address);
/* Is it reached from this machine alone: 127.0.0.0/8, ::1, or the former in IPv6? */
bool os_address_is_loopback(const struct os_address *address);
/* ERR_AGAIN: nobody waits. ERR_LIMIT: out of descriptors (wait and go on). */
enum error_code os_accept(int listener, int *fd, struct os_address *peer,
                          struct error *error) MUST_CHECK;

/* OK with *received_bytes 0: the peer has closed its side. ERR_AGAIN: nothing now. ERR_RETRY: the
 * connection broke. */
enum error_code os_receive(int fd, void *data, size_t capacity_bytes, size_t *received_bytes,
                           struct error *error) MUST_CHECK;
/* *sent_bytes may be less than size_bytes. ERR_AGAIN: nothing now. ERR_RETRY: it broke. Never
 * raises SIGPIPE. */
enum error_code os_send(int fd, const void *data, size_t size_bytes, size_t *sent_bytes,
                        struct error *error) MUST_CHECK;
/* No more from us (FIN); the peer may go on. */
void os_shutdown_write(int fd);
/* Closes so that the peer sees a reset in place of an orderly end: for fault scripts. */
void os_close_with_reset(int *fd);
/* Closes and sets *fd to -1; harmless on -1. */
void os_close(int *fd);

#endif
