// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TLS_SESSION_H
#define TTP_TLS_SESSION_H

/*
 * One TLS connection as an engine: what the peer sent comes in, what is to be sent to it goes out;
 * in between are the bytes of the protocol above, which is HTTP/2 (ALPN h2). The handshake is made
 * by the way. Not thread-safe.
 *
 * Errors: ERR_INVALID where the settings of one side do not fit the other's (authorities, names,
 * certificates, no TLS there, no HTTP/2): the same can't succeed; ERR_RETRY what passes (a cut, a
 * certificate out of its time); ERR_NO_MEMORY. After one the session is dead: what tls_output still
 * gives (an alert) may be sent.
 */

#include <stdbool.h>
#include <stddef.h>

#include "tls/context.h"
#include "util/bytes.h"
#include "util/error.h"

struct tls_session;

/* `peer` (host:port) is for messages; copied. A client verifies that the server is `server_name`, a
 * host's name or an IP address, and asks for it by SNI. A server has NULL. The context must live
 * longer. ERR_INVALID: that is no name; ERR_NO_MEMORY. */
enum error_code tls_session_new(struct tls_session **out, struct tls_context *context,
                                const char *peer, const char *server_name,
                                struct error *error) MUST_CHECK;
void tls_session_free(struct tls_session *session);

/* Bytes that came from the peer: they must stay until tls_read has given all that is in them. What
 * was given before must be read to its end. */
void tls_input(struct tls_session *session, struct bytes_view bytes);

/* Goes on with the handshake; afterwards reads into `data`. OK: *read_bytes of the protocol above,
 * 0 where the peer has ended the connection in order. ERR_AGAIN: it wants input. */
enum error_code tls_read(struct tls_session *session, void *data, size_t capacity_bytes,
                         size_t *read_bytes, struct error *error) MUST_CHECK;
/* Whether tls_read has something without further input: all of it may not have fit. */
bool tls_has_more(const struct tls_session *session);

/* Takes bytes of the protocol above. ERR_AGAIN: the handshake is not done. */
enum error_code tls_write(struct tls_session *session, const void *data, size_t size_bytes,
                          size_t *written_bytes, struct error *error) MUST_CHECK;

/* What is to be sent to the peer; lives until the next call. */
struct bytes_view tls_output(const struct tls_session *session);
/* So many bytes of it were sent. */
void tls_output_sent(struct tls_session *session, size_t size_bytes);

/* The peer closed its side without a word. Never OK. */
enum error_code tls_at_end(struct tls_session *session, struct error *error) MUST_CHECK;
/* Says to the peer that nothing more comes. */
void tls_end(struct tls_session *session);

/* The handshake is done, and ALPN has chosen h2. */
bool tls_is_established(const struct tls_session *session);
/* So, by what an earlier connection of the context had learned. */
bool tls_is_resumed(const struct tls_session *session);

#endif
