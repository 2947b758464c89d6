// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_LINK_H
#define TTP_SOURCE_LINK_H

/*
 * A connection to the server: the host's addresses asked anew, each of them tried, HTTP/2 greeted,
 * bytes moved between the socket, or TLS on it, and the http_client. Never blocks. Not thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "http/client.h"
#include "os/poll.h"
#include "os/resolver.h"
#include "os/socket.h"
#include "source/address_order.h"
#include "tls/channel.h"
#include "util/buffer.h"

/* What one receive takes at most: more does not make it faster (measured), less costs calls. */
#define LINK_RECEIVE_BYTES (256 * 1024)

enum link_state {
    LINK_CLOSED,
    LINK_RESOLVING,
    LINK_CONNECTING,
    LINK_GREETING, /* TCP is up; TLS, if there is any, and the server's SETTINGS are awaited */
    LINK_OPEN
};

struct link_options {
    const char *peer; /* host:port, borrowed */
    struct os_endpoint endpoint;
    const struct os_wake *wake; /* borrowed */
    /* Borrowed: what is known of the name's addresses. The link notes those that it can't greet;
     * what comes of a call is its caller's to note. */
    struct address_order *order;
    uint32_t window_bytes;
    struct tls_context *tls; /* borrowed, until the next link_open; NULL: as it is */
    const char *server_name; /* borrowed: whom to expect by TLS */
};

struct link_handler {
    struct http_client_handler http;
    /* A TCP connection is up: start the call on `client`. The context is http.context. May be
     * called once for each address. */
    enum error_code (*on_connected)(void *context, struct http_client *client, struct error *error);
};

struct link {
    struct link_options options;
    struct link_handler handler;
    enum link_state state;
    struct os_resolver *resolver;
    struct os_addresses addresses;
    unsigned address_index;
    bool is_greeted;     /* since link_open: the server at address_index has answered in HTTP/2 */
    int64_t deadline_us; /* of the whole handshake */
    int64_t address_deadline_us; /* of this address's share of it */
    int fd;
    struct channel channel; /* on it, from LINK_GREETING on */
    bool was_let_go;        /* the connection that was dropped last had a GOAWAY without an error */
    struct http_client *client; /* from LINK_GREETING on */
    uint8_t *received;          /* LINK_RECEIVE_BYTES */
    struct buffer out;
    size_t out_offset;
    uint64_t bytes_received;
    struct error last_error; /* of the address before */
};

/* ERR_NO_MEMORY. */
enum error_code link_init(struct link *link, const struct link_options *options,
                          struct error *error) MUST_CHECK;
void link_release(struct link *link);

/* Begins to connect; now_us is monotonic. ERR_NO_MEMORY, ERR_RETRY (no thread for the resolver). */
enum error_code link_open(struct link *link, const struct link_handler *handler, int64_t now_us,
                          int64_t timeout_us, struct error *error) MUST_CHECK;

/* The address whose server answered in HTTP/2 since link_open, also after the connection's end;
 * NULL: none did. */
const struct os_address *link_address(const struct link *link);
/* The address that was tried last, for a log line; "" if there was none. */
const char *link_address_text(const struct link *link);

/* What to wait for; an item without descriptor where nothing but the wake counts. */
struct os_poll_item link_poll_item(const struct link *link);
/* When link_step must be called though nothing is ready: INT64_MAX once it is open, unless TLS has
 * something already. */
int64_t link_deadline_us(const struct link *link);

/* Does what can be done now. OK: go on. ERR_RETRY, ERR_CORRUPT (not HTTP/2), ERR_INVALID (TLS: our
 * settings and the server's do not fit): the connection is over and closed, the message says why.
 * Others: a handler's error, ERR_NO_MEMORY; closed too. */
enum error_code link_step(struct link *link, const struct os_poll_item *ready, int64_t now_us,
                          struct error *error) MUST_CHECK;

/* Sends what the engine made since (window updates), as far as the socket takes it. As link_step.
 */
enum error_code link_flush(struct link *link, struct error *error) MUST_CHECK;

/* Closes; what is queued (a CANCEL) is sent if the socket takes it at once. */
void link_close(struct link *link);

#endif
