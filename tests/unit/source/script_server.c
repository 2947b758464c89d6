// SPDX-License-Identifier: Apache-2.0
#include "source/script_server.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pb/event.h"

#define RECEIVE_BYTES 65536

static void on_call(void *context, struct grpc_server_call *call, struct bytes_view path,
                    const struct http_header_view *fields, size_t field_count)
{
    (void)context;
    (void)fields;
    (void)field_count;
    if (!bytes_equal(path, bytes_view_text(TTP_GET_EVENTS_PATH)))
        assert_int_equal(grpc_server_finish(call, GRPC_UNIMPLEMENTED, "unknown method"), OK);
}

static void on_request(void *context, struct grpc_server_call *call, struct bytes_view message)
{
    struct script_server *server = context;
    struct get_events_request request;
    assert_int_equal(get_events_request_decode(message, &request, NULL), OK);
    unsigned number = server->call_count;
    server->call = call;
    if (number < sizeof(server->requests) / sizeof(server->requests[0]))
        server->requests[number] = request;
    server->answer(server, call, number, &request);
    server->call_count = number + 1;
}

static void on_writable(void *context, struct grpc_server_call *call)
{
    (void)context;
    (void)call;
}

static void on_closed(void *context, struct grpc_server_call *call)
{
    struct script_server *server = context;
    if (server->call == call)
        server->call = NULL;
}

static void send_all(int fd, struct bytes_view bytes)
{
    while (bytes.size_bytes != 0) {
        size_t sent = 0;
        struct os_poll_item item = {.fd = fd, .want_write = true};
        enum error_code code = os_send(fd, bytes.data, bytes.size_bytes, &sent, NULL);
        if (code == ERR_AGAIN)
            (void)os_poll(&item, 1, 1000000);
        else if (code != OK)
            return;
        bytes.data += sent;
        bytes.size_bytes -= sent;
    }
}

static bool serve_once(struct script_server *server, int fd, uint8_t *data)
{
    struct os_poll_item items[2] = {{.fd = server->stop.fd, .want_read = true},
                                    {.fd = fd, .want_read = true}};
    size_t size = 0;
    (void)os_poll(items, 2, server->drips ? 10000 : 1000000);
    if (items[0].can_read)
        return false;
    if (server->drips && server->call != NULL)
        assert_int_equal(grpc_server_send_raw(server->call, bytes_view_text("x")), OK);
    enum error_code code = os_receive(fd, data, RECEIVE_BYTES, &size, NULL);
    if (code == ERR_RETRY || (code == OK && size == 0))
        return false;
    if (code == OK && !server->is_mute &&
        grpc_server_receive(server->grpc, bytes_view_of(data, size), NULL) != OK)
        return false;
    struct bytes_view bytes = {NULL, 0};
    do {
        if (!server->is_mute && grpc_server_pull(server->grpc, &bytes, NULL) != OK)
            return false;
        send_all(fd, bytes);
    } while (bytes.size_bytes != 0);
    return !server->close_when_sent;
}

static void serve_connection(struct script_server *server, int fd)
{
    const struct grpc_server_handler handler = {.context = server,
                                                .on_call = on_call,
                                                .on_request = on_request,
                                                .on_writable = on_writable,
                                                .on_closed = on_closed};
    uint8_t data[RECEIVE_BYTES];
    unsigned number = server->connection_count++;
    if (server->raw_greeting != NULL) {
        send_all(fd, bytes_view_text(server->raw_greeting));
        return;
    }
    server->is_mute = number < server->mute_connections;
    server->close_when_sent = server->drips = false;
    server->call = NULL;
    struct error error;
    assert_int_equal(grpc_server_new(&server->grpc, &handler, &error), OK);
    while (serve_once(server, fd, data))
        continue;
    grpc_server_free(server->grpc);
    server->grpc = NULL;
}

static void *serve(void *context)
{
    struct script_server *server = context;
    for (;;) {
        struct os_poll_item items[2] = {{.fd = server->stop.fd, .want_read = true},
                                        {.fd = server->listener, .want_read = true}};
        (void)os_poll(items, 2, -1);
        if (items[0].can_read)
            return NULL;
        int fd = -1;
        struct os_address peer;
        if (os_accept(server->listener, &fd, &peer, NULL) != OK)
            continue;
        serve_connection(server, fd);
        os_close(&fd);
    }
}

void script_server_start(struct script_server *server, script_answer *answer, void *context)
{
    struct os_endpoint endpoint;
    struct os_address bound;
    server->answer = answer;
    server->context = context;
    assert_int_equal(os_wake_init(&server->stop, NULL), OK);
    assert_int_equal(os_endpoint_parse("127.0.0.1:0", true, &endpoint, NULL), OK);
    assert_int_equal(os_listen(&endpoint, &server->listener, &bound, NULL), OK);
    memcpy(server->endpoint, bound.text, sizeof(server->endpoint));
    assert_int_equal(os_thread_start(&server->thread, "server", serve, server, NULL), OK);
}

void script_server_stop(struct script_server *server)
{
    os_wake_raise(&server->stop);
    os_thread_join(&server->thread);
    os_close(&server->listener);
    os_wake_release(&server->stop);
}

void script_encode_event(uint32_t ledger, uint32_t ordinal, struct buffer *out)
{
    char hash[80], amount[16];
    snprintf(hash, sizeof(hash), "%032x%032x", ledger, ordinal);
    snprintf(amount, sizeof(amount), "%u", 100 + ordinal);
    const struct event_view event = {
        .has_meta = true,
        .has_closed_at = true,
        .ledger_sequence = ledger,
        .closed_at_seconds = 1700000000 + (int64_t)ledger * 6,
        .tx_hash = bytes_view_text(hash),
        .transaction_index = ordinal + 1,
        .type = EVENT_FEE,
        .from = bytes_view_text("GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"),
        .amount = bytes_view_text(amount),
        .asset_kind = ASSET_NATIVE,
    };
    assert_int_equal(event_encode(&event, out), OK);
}

void script_send_message(struct grpc_server_call *call, struct bytes_view message)
{
    struct buffer framed;
    buffer_init(&framed);
    assert_int_equal(grpc_append_message(&framed, message), OK);
    assert_int_equal(grpc_server_send_raw(call, buffer_view(&framed)), OK);
    buffer_release(&framed);
}

void script_send_event(struct grpc_server_call *call, uint32_t ledger, uint32_t ordinal)
{
    struct buffer message;
    buffer_init(&message);
    script_encode_event(ledger, ordinal, &message);
    script_send_message(call, buffer_view(&message));
    buffer_release(&message);
}

void script_send_ledgers(struct grpc_server_call *call, uint32_t first, uint32_t last,
                         uint32_t events)
{
    for (uint32_t ledger = first; ledger <= last; ledger++)
        for (uint32_t ordinal = 0; ordinal < events; ordinal++)
            script_send_event(call, ledger, ordinal);
}
