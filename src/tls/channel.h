// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TLS_CHANNEL_H
#define TTP_TLS_CHANNEL_H

/*
 * A socket as it is, or with TLS on it: who uses it reads and writes the bytes of his protocol as
 * with os/socket.h. Never blocks. Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/poll.h"
#include "tls/session.h"
#include "util/error.h"

struct channel {
    int fd;                  /* borrowed; -1: closed */
    const char *peer;        /* borrowed: host:port */
    struct tls_session *tls; /* owned; NULL: as it is */
    uint8_t *encrypted;      /* owned: what the socket gave to TLS last */
};

/* `context` NULL: without TLS. peer and server_name as tls_session_new has them. ERR_NO_MEMORY,
 * ERR_INVALID; closed then. */
enum error_code channel_open(struct channel *channel, int fd, struct tls_context *context,
                             const char *peer, const char *server_name,
                             struct error *error) MUST_CHECK;
/* Tells a peer of TLS that nothing more comes, if the socket takes it at once. */
void channel_end(struct channel *channel);
/* The descriptor is its owner's to close. Harmless on a closed one. */
void channel_close(struct channel *channel);

/* As os_receive, and as tls_read: ERR_AGAIN while the handshake goes on; a record of TLS at a time.
 * What TLS has to answer is sent by channel_flush. */
enum error_code channel_receive(struct channel *channel, void *data, size_t capacity_bytes,
                                size_t *received_bytes, struct error *error) MUST_CHECK;
/* As os_send, and as tls_write: ERR_AGAIN, too, while the handshake goes on. What TLS made of bytes
 * that it took is sent by channel_flush. */
enum error_code channel_send(struct channel *channel, const void *data, size_t size_bytes,
                             size_t *sent_bytes, struct error *error) MUST_CHECK;
/* OK: all is with the socket. ERR_AGAIN: it takes no more now. ERR_RETRY: it broke. */
enum error_code channel_flush(struct channel *channel, struct error *error) MUST_CHECK;

/* Something can be received though the socket has nothing: poll without waiting. */
bool channel_has_more(const struct channel *channel);
/* Whether it is to be polled for room: TLS has something to send, or, without TLS, the caller. */
bool channel_wants_write(const struct channel *channel, bool caller_has_bytes);
/* The handshake, if there is one, is done. */
bool channel_is_open(const struct channel *channel);

#endif
