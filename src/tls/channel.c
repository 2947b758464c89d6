// SPDX-License-Identifier: Apache-2.0
#include "tls/channel.h"

#include "os/socket.h"
#include "util/memory.h"

/* Some records of TLS (16 KiB each) by one call of the system. */
#define ENCRYPTED_BYTES (128u * 1024u)
/* TLS takes no more to send while so much of it waits for the socket. */
#define WAITING_BYTES (64u * 1024u)

enum error_code channel_open(struct channel *channel, int fd, struct tls_context *context,
                             const char *peer, const char *server_name, struct error *error)
{
    *channel = (struct channel){.fd = fd, .peer = peer};
    if (context == NULL)
        return OK;
    channel->encrypted = mem_alloc(ENCRYPTED_BYTES);
    enum error_code code = channel->encrypted == NULL
                               ? error_no_memory(error, "a TLS connection")
                               : tls_session_new(&channel->tls, context, peer, server_name, error);
    if (code != OK) {
        mem_free(channel->encrypted);
        *channel = (struct channel){.fd = -1};
    }
    return code;
}

void channel_end(struct channel *channel)
{
    struct error ignored;
    if (channel->tls == NULL)
        return;
    tls_end(channel->tls);
    (void)!channel_flush(channel, &ignored);
}

void channel_close(struct channel *channel)
{
    tls_session_free(channel->tls);
    mem_free(channel->encrypted);
    *channel = (struct channel){.fd = -1};
}

/* The socket's own errors don't say whose it is. */
static enum error_code name_peer(const struct channel *channel, enum error_code code,
                                 struct error *error)
{
    return code == OK || code == ERR_AGAIN ? code
                                           : error_prefix(error, code, "%s: ", channel->peer);
}

/* Gives TLS what the socket has now. */
static enum error_code receive_encrypted(struct channel *channel, struct error *error)
{
    size_t received_bytes = 0;
    enum error_code code =
        os_receive(channel->fd, channel->encrypted, ENCRYPTED_BYTES, &received_bytes, error);
    if (code != OK)
        return name_peer(channel, code, error);
    if (received_bytes == 0)
        return tls_at_end(channel->tls, error);
    tls_input(channel->tls, bytes_view_of(channel->encrypted, received_bytes));
    return OK;
}

enum error_code channel_receive(struct channel *channel, void *data, size_t capacity_bytes,
                                size_t *received_bytes, struct error *error)
{
    if (channel->tls == NULL)
        return name_peer(
            channel, os_receive(channel->fd, data, capacity_bytes, received_bytes, error), error);
    enum error_code code = tls_read(channel->tls, data, capacity_bytes, received_bytes, error);
    if (code != ERR_AGAIN)
        return code;
    /* Once: a peer whose records hold nothing is not to keep us here. */
    code = receive_encrypted(channel, error);
    return code == OK ? tls_read(channel->tls, data, capacity_bytes, received_bytes, error) : code;
}

enum error_code channel_flush(struct channel *channel, struct error *error)
{
    while (channel->tls != NULL) {
        struct bytes_view out = tls_output(channel->tls);
        size_t sent_bytes = 0;
        if (out.size_bytes == 0)
            return OK;
        enum error_code code = os_send(channel->fd, out.data, out.size_bytes, &sent_bytes, error);
        if (code != OK)
            return name_peer(channel, code, error);
        tls_output_sent(channel->tls, sent_bytes);
    }
    return OK;
}

enum error_code channel_send(struct channel *channel, const void *data, size_t size_bytes,
                             size_t *sent_bytes, struct error *error)
{
    if (channel->tls == NULL)
        return name_peer(channel, os_send(channel->fd, data, size_bytes, sent_bytes, error), error);
    *sent_bytes = 0;
    enum error_code code =
        tls_output(channel->tls).size_bytes >= WAITING_BYTES ? channel_flush(channel, error) : OK;
    return code != OK ? code : tls_write(channel->tls, data, size_bytes, sent_bytes, error);
}

bool channel_has_more(const struct channel *channel)
{
    return channel->tls != NULL && tls_has_more(channel->tls);
}

bool channel_wants_write(const struct channel *channel, bool caller_has_bytes)
{
    return channel->tls == NULL ? caller_has_bytes : tls_output(channel->tls).size_bytes > 0;
}

bool channel_is_open(const struct channel *channel)
{
    return channel->fd >= 0 && (channel->tls == NULL || tls_is_established(channel->tls));
}
