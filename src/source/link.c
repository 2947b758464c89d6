// SPDX-License-Identifier: Apache-2.0
#include "source/link.h"

#include <inttypes.h>

#include "util/memory.h"

/* Frames are gathered up to here before they are sent. */
#define SEND_BYTES (16 * 1024)

enum error_code link_init(struct link *link, const struct link_options *options,
                          struct error *error)
{
    *link =
        (struct link){.options = *options, .state = LINK_CLOSED, .fd = -1, .channel = {.fd = -1}};
    buffer_init(&link->out);
    link->received = mem_alloc(LINK_RECEIVE_BYTES);
    return link->received != NULL ? OK : error_no_memory(error, "the receive buffer");
}

void link_release(struct link *link)
{
    link_close(link);
    buffer_release(&link->out);
    mem_free(link->received);
    link->received = NULL;
}

/* The connection of one address is gone. */
static void drop_connection(struct link *link)
{
    uint32_t http2_error = 0;
    if (link->client != NULL)
        link->was_let_go =
            http_client_is_going_away(link->client, &http2_error, NULL) && http2_error == 0;
    http_client_free(link->client);
    link->client = NULL;
    channel_close(&link->channel);
    os_close(&link->fd);
    buffer_reset(&link->out);
    link->out_offset = 0;
}

static enum error_code end_link(struct link *link, enum error_code code)
{
    drop_connection(link);
    os_resolver_drop(link->resolver);
    link->resolver = NULL;
    link->state = LINK_CLOSED;
    return code;
}

enum error_code link_open(struct link *link, const struct link_handler *handler, int64_t now_us,
                          int64_t timeout_us, struct error *error)
{
    link_close(link);
    link->was_let_go = false;
    link->handler = *handler;
    link->deadline_us = now_us + timeout_us;
    link->addresses.count = link->address_index = 0;
    link->is_greeted = false;
    enum error_code code =
        os_resolver_start(&link->resolver, &link->options.endpoint, link->options.wake, error);
    if (code == OK)
        link->state = LINK_RESOLVING;
    return code;
}

/* Starts on the address at address_index or, where that fails at once, on one behind it. */
static enum error_code connect_next(struct link *link, int64_t now_us, struct error *error)
{
    for (; link->address_index < link->addresses.count; link->address_index++) {
        const struct os_address *address = &link->addresses.items[link->address_index];
        unsigned left = link->addresses.count - link->address_index;
        link->address_deadline_us = now_us + (link->deadline_us - now_us) / left;
        if (os_connect_start(address, &link->fd, &link->last_error) == OK) {
            link->state = LINK_CONNECTING;
            return OK;
        }
        address_order_failed(link->options.order, address);
    }
    if (error != NULL)
        *error = link->last_error;
    return end_link(link, link->last_error.code);
}

/* The address at address_index failed with last_error: the next one, if there is one. */
static enum error_code try_next(struct link *link, int64_t now_us, struct error *error)
{
    drop_connection(link);
    address_order_failed(link->options.order, &link->addresses.items[link->address_index]);
    link->address_index++;
    return connect_next(link, now_us, error);
}

static enum error_code step_resolving(struct link *link, int64_t now_us, struct error *error)
{
    enum error_code code = os_resolver_take(link->resolver, &link->addresses, error);
    if (code == ERR_AGAIN && now_us < link->deadline_us)
        return OK;
    if (code == ERR_AGAIN)
        code = error_set(error, ERR_RETRY,
                         "the resolver gave no address of \"%s\" within connect_timeout",
                         link->options.endpoint.host);
    if (code != OK)
        return end_link(link, code);
    os_resolver_drop(link->resolver);
    link->resolver = NULL;
    address_order_sort(link->options.order, &link->addresses);
    error_set(&link->last_error, ERR_RETRY, "\"%s\" has no address", link->options.endpoint.host);
    return connect_next(link, now_us, error);
}

/* Gives the channel what the engine has, as far as it takes it. */
static enum error_code send_frames(struct link *link, struct error *error)
{
    for (;;) {
        while (link->out.size_bytes - link->out_offset < SEND_BYTES) {
            struct bytes_view bytes;
            enum error_code code = http_client_pull(link->client, &bytes, error);
            if (code != OK)
                return code;
            if (bytes.size_bytes == 0)
                break;
            if (buffer_append(&link->out, bytes.data, bytes.size_bytes) != OK)
                return error_no_memory(error, "bytes to send");
        }
        if (link->out.size_bytes == link->out_offset) {
            buffer_reset(&link->out);
            link->out_offset = 0;
            return OK;
        }
        size_t sent_bytes = 0;
        enum error_code code =
            channel_send(&link->channel, link->out.data + link->out_offset,
                         link->out.size_bytes - link->out_offset, &sent_bytes, error);
        if (code == ERR_AGAIN) {
            buffer_drop_front(&link->out, link->out_offset);
            link->out_offset = 0;
            return OK;
        }
        if (code != OK)
            return code;
        link->out_offset += sent_bytes;
    }
}

static enum error_code send_out(struct link *link, struct error *error)
{
    enum error_code code = send_frames(link, error);
    enum error_code flushed = channel_flush(&link->channel, code == OK ? error : NULL);
    return code != OK || flushed == ERR_AGAIN ? code : flushed;
}

enum error_code link_flush(struct link *link, struct error *error)
{
    if (link->state != LINK_GREETING && link->state != LINK_OPEN)
        return OK;
    enum error_code code = send_out(link, error);
    return code == OK ? OK : end_link(link, code);
}

/* TCP is up: HTTP/2 begins, and the call with it. */
static enum error_code greet(struct link *link, struct error *error)
{
    const struct http_client_options options = {.window_bytes = link->options.window_bytes,
                                                .peer = link->options.peer,
                                                .is_encrypted = link->options.tls != NULL};
    enum error_code code = channel_open(&link->channel, link->fd, link->options.tls,
                                        link->options.peer, link->options.server_name, error);
    if (code == OK)
        code = http_client_new(&link->client, &options, &link->handler.http, error);
    if (code != OK)
        return end_link(link, code);
    link->state = LINK_GREETING;
    code = link->handler.on_connected(link->handler.http.context, link->client, error);
    return code == OK ? link_flush(link, error) : end_link(link, code);
}

static enum error_code step_connecting(struct link *link, const struct os_poll_item *ready,
                                       int64_t now_us, struct error *error)
{
    const struct os_address *address = &link->addresses.items[link->address_index];
    if (ready->can_write) {
        if (os_connect_finish(link->fd, address, &link->last_error) != OK)
            return try_next(link, now_us, error);
        return greet(link, error);
    }
    if (now_us < link->address_deadline_us)
        return OK;
    error_set(&link->last_error, ERR_RETRY, "can't connect to %s: no answer within connect_timeout",
              address->text);
    return try_next(link, now_us, error);
}

static enum error_code receive_in(struct link *link, struct error *error)
{
    size_t taken_bytes = 0;
    do {
        size_t size_bytes = 0;
        enum error_code code =
            channel_receive(&link->channel, link->received, LINK_RECEIVE_BYTES, &size_bytes, error);
        if (code == ERR_AGAIN)
            return OK;
        if (code != OK)
            return code;
        if (size_bytes == 0)
            return http_client_at_end(link->client, error);
        link->bytes_received += size_bytes;
        taken_bytes += size_bytes;
        code = http_client_receive(link->client, bytes_view_of(link->received, size_bytes), error);
        if (code != OK)
            return code;
    } while (channel_has_more(&link->channel) && taken_bytes < LINK_RECEIVE_BYTES);
    return OK;
}

static enum error_code step_open(struct link *link, const struct os_poll_item *ready,
                                 struct error *error)
{
    bool can_read = ready->can_read || channel_has_more(&link->channel);
    enum error_code code = can_read ? receive_in(link, error) : OK;
    if (code == OK)
        return send_out(link, error);
    /* What the engine says to the end (a GOAWAY that names the mistake) goes out if it can. */
    (void)send_out(link, NULL);
    return code;
}

static enum error_code step_greeting(struct link *link, const struct os_poll_item *ready,
                                     int64_t now_us, struct error *error)
{
    const char *where = link->addresses.items[link->address_index].text;
    enum error_code code = step_open(link, ready, &link->last_error);
    if (http_client_is_established(link->client)) {
        link->state = LINK_OPEN;
        link->is_greeted = true;
        if (code == OK)
            return OK;
        if (error != NULL)
            *error = link->last_error;
        return end_link(link, code);
    }
    if (code == OK && now_us < link->address_deadline_us)
        return OK;
    if (code == OK)
        code = error_set(&link->last_error, ERR_RETRY,
                         "%s takes connections but does not answer in %s within "
                         "connect_timeout: is its source running?",
                         where, channel_is_open(&link->channel) ? "HTTP/2" : "TLS");
    if (code == ERR_RETRY || code == ERR_CORRUPT)
        return try_next(link, now_us, error);
    if (error != NULL)
        *error = link->last_error;
    return end_link(link, code);
}

const struct os_address *link_address(const struct link *link)
{
    return link->is_greeted ? &link->addresses.items[link->address_index] : NULL;
}

const char *link_address_text(const struct link *link)
{
    unsigned count = link->addresses.count;
    if (count == 0)
        return "";
    unsigned index = link->address_index < count ? link->address_index : count - 1;
    return link->addresses.items[index].text;
}

struct os_poll_item link_poll_item(const struct link *link)
{
    struct os_poll_item item = {.fd = link->fd};
    item.want_read = link->state == LINK_GREETING || link->state == LINK_OPEN;
    item.want_write = link->state == LINK_CONNECTING ||
                      channel_wants_write(&link->channel, link->out.size_bytes != link->out_offset);
    return item;
}

int64_t link_deadline_us(const struct link *link)
{
    switch (link->state) {
    case LINK_RESOLVING: return link->deadline_us;
    case LINK_CONNECTING:
    case LINK_GREETING: return channel_has_more(&link->channel) ? 0 : link->address_deadline_us;
    default: return channel_has_more(&link->channel) ? 0 : INT64_MAX;
    }
}

enum error_code link_step(struct link *link, const struct os_poll_item *ready, int64_t now_us,
                          struct error *error)
{
    enum error_code code = OK;
    switch (link->state) {
    case LINK_CLOSED: return OK;
    case LINK_RESOLVING: return step_resolving(link, now_us, error);
    case LINK_CONNECTING: return step_connecting(link, ready, now_us, error);
    case LINK_GREETING: return step_greeting(link, ready, now_us, error);
    case LINK_OPEN: code = step_open(link, ready, error); break;
    }
    return code == OK ? OK : end_link(link, code);
}

void link_close(struct link *link)
{
    if (link->state == LINK_OPEN || link->state == LINK_GREETING)
        (void)send_out(link, NULL);
    channel_end(&link->channel);
    (void)end_link(link, OK);
}
