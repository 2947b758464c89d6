// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/fetch.h"

#include <string.h>

#include "os/clock.h"
#include "os/poll.h"
#include "os/socket.h"
#include "pb/request.h"
#include "serve/feed.h"

#define WINDOW_BYTES (16u << 20)

static void *run_server(void *context)
{
    struct running_server *running = context;
    struct error error = {0};
    enum error_code code = server_run(running->server, &error);
    return code == OK ? NULL : running;
}

void server_start(struct running_server *running, const struct feed *feed, const char *script,
                  int64_t live_pace_us)
{
    struct error error = {0};
    *running = (struct running_server){0};
    if (script != NULL &&
        fault_script_parse(&running->faults, "script", bytes_view_text(script), &error) != OK)
        fail_msg("%s", error.message);
    const struct server_options options = {.listen = "127.0.0.1:0",
                                           .live = live_pace_us > 0,
                                           .pace_us =
                                               live_pace_us < 0 ? -live_pace_us : live_pace_us,
                                           .faults = script != NULL ? &running->faults : NULL};
    if (server_new(&running->server, &options, feed, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(os_thread_start(&running->thread, "server", run_server, running, &error), OK);
}

void server_end(struct running_server *running, struct server_stats *stats)
{
    server_stop(running->server);
    os_thread_join(&running->thread);
    if (stats != NULL)
        server_get_stats(running->server, stats);
    server_free(running->server);
    fault_script_release(&running->faults);
}

struct client {
    int fd;
    struct http_client *http;
    struct grpc_call call;
    struct grpc_reader reader;
    struct fetched *fetched;
    int64_t start_us;
};

static enum error_code on_headers(void *context, int32_t stream_id,
                                  const struct http_header_view *fields, size_t field_count,
                                  bool ends_stream, struct error *error)
{
    (void)stream_id;
    (void)error;
    struct client *client = context;
    if (client->fetched->headers_us == 0)
        client->fetched->headers_us = os_monotonic_us() - client->start_us;
    grpc_call_on_headers(&client->call, fields, field_count, ends_stream);
    return OK;
}

static enum error_code on_data(void *context, int32_t stream_id, struct bytes_view data,
                               struct error *error)
{
    struct client *client = context;
    struct fetched *fetched = client->fetched;
    size_t size_bytes = data.size_bytes;
    if (client->call.is_not_grpc)
        return OK;
    grpc_reader_feed(&client->reader, data);
    struct bytes_view message;
    enum error_code code;
    while ((code = grpc_reader_next(&client->reader, &message, error)) == OK) {
        if (fetched->event_count++ == 0)
            fetched->first_event_us = os_monotonic_us() - client->start_us;
        assert_int_equal(feed_append_message(&fetched->framed, message), OK);
    }
    if (code != ERR_AGAIN)
        return code;
    return http_client_consume(client->http, stream_id, size_bytes);
}

static enum error_code on_close(void *context, int32_t stream_id, uint32_t http2_error,
                                bool peer_ended, struct error *error)
{
    (void)stream_id;
    (void)error;
    struct client *client = context;
    grpc_call_on_close(&client->call, http2_error, peer_ended,
                       grpc_reader_is_inside(&client->reader));
    return OK;
}

static void connect_client(struct client *client, const char *endpoint_text, uint32_t window_bytes)
{
    struct os_endpoint endpoint;
    struct os_addresses addresses;
    assert_int_equal(os_endpoint_parse(endpoint_text, false, &endpoint, NULL), OK);
    assert_int_equal(os_resolve(&endpoint, &addresses, NULL), OK);
    assert_int_equal(os_connect_start(&addresses.items[0], &client->fd, NULL), OK);
    struct os_poll_item item = {.fd = client->fd, .want_write = true};
    os_poll(&item, 1, 5000000);
    assert_int_equal(os_connect_finish(client->fd, &addresses.items[0], NULL), OK);
    const struct http_client_options options = {
        .window_bytes = window_bytes != 0 ? window_bytes : WINDOW_BYTES, .peer = endpoint_text};
    const struct http_client_handler handler = {
        .context = client, .on_headers = on_headers, .on_data = on_data, .on_close = on_close};
    struct error error;
    assert_int_equal(http_client_new(&client->http, &options, &handler, &error), OK);
    grpc_reader_init(&client->reader, 4u << 20);
}

static void send_request(struct client *client, const char *authority, uint32_t start, uint32_t end)
{
    struct buffer message;
    buffer_init(&message);
    const struct get_events_request request = {.start_ledger = start, .end_ledger = end};
    assert_int_equal(get_events_request_encode(&request, &message), OK);
    const struct grpc_request call = {.scheme = "http",
                                      .authority = authority,
                                      .path = TTP_GET_EVENTS_PATH,
                                      .user_agent = "test",
                                      .message = buffer_view(&message)};
    assert_int_equal(grpc_call_start(&client->call, client->http, &call, NULL), OK);
    buffer_release(&message);
}

/* Sends all that the engine has; small next to the socket's buffer. */
static void push(struct client *client)
{
    struct bytes_view bytes;
    while (http_client_pull(client->http, &bytes, NULL) == OK && bytes.size_bytes > 0) {
        while (bytes.size_bytes > 0) {
            size_t sent_bytes = 0;
            enum error_code code =
                os_send(client->fd, bytes.data, bytes.size_bytes, &sent_bytes, NULL);
            if (code == ERR_RETRY)
                return; /* the server has gone: reading tells */
            bytes = bytes_view_of(bytes.data + sent_bytes, bytes.size_bytes - sent_bytes);
            if (code == ERR_AGAIN) {
                struct os_poll_item item = {.fd = client->fd, .want_write = true};
                os_poll(&item, 1, 1000000);
            }
        }
    }
}

static void read_until(struct client *client, int64_t limit_us)
{
    uint8_t bytes[64 * 1024];
    struct fetched *fetched = client->fetched;
    int64_t deadline_us = client->start_us + limit_us;
    while (!client->call.is_over && os_monotonic_us() < deadline_us) {
        push(client);
        struct os_poll_item item = {.fd = client->fd, .want_read = true};
        os_poll(&item, 1, deadline_us - os_monotonic_us());
        size_t size_bytes = 0;
        enum error_code code = os_receive(client->fd, bytes, sizeof bytes, &size_bytes, NULL);
        if (code == ERR_AGAIN)
            continue;
        if (code != OK || size_bytes == 0) {
            fetched->is_cut = true;
            break;
        }
        code = http_client_receive(client->http, bytes_view_of(bytes, size_bytes), &fetched->error);
        if (code != OK) {
            fetched->is_refused = true;
            break;
        }
    }
    fetched->end_us = os_monotonic_us() - client->start_us;
}

void fetch(const struct running_server *running, uint32_t start, uint32_t end, int64_t limit_us,
           uint32_t window_bytes, struct fetched *fetched)
{
    *fetched = (struct fetched){0};
    buffer_init(&fetched->framed);
    struct client client = {.fd = -1, .fetched = fetched, .start_us = os_monotonic_us()};
    connect_client(&client, server_address(running->server), window_bytes);
    send_request(&client, server_address(running->server), start, end);
    read_until(&client, limit_us);
    fetched->is_connected = http_client_is_established(client.http);
    fetched->is_going_away = http_client_is_going_away(client.http, NULL, NULL);
    fetched->has_headers = client.call.has_headers;
    fetched->has_status = client.call.has_status;
    fetched->is_over = client.call.is_over;
    fetched->end = client.call.end;
    fetched->code = client.call.code;
    memcpy(fetched->words, client.call.words, sizeof fetched->words);
    http_client_free(client.http);
    grpc_reader_release(&client.reader);
    os_close(&client.fd);
}

void fetched_release(struct fetched *fetched)
{
    buffer_release(&fetched->framed);
}
