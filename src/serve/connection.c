// SPDX-License-Identifier: Apache-2.0
#include "serve/connection.h"

#include <stdio.h>

#include "os/clock.h"
#include "os/log.h"
#include "serve/fault_bytes.h"
#include "serve/stream.h"
#include "serve/stream_fault.h"
#include "util/memory.h"

#define READ_BYTES   (64u * 1024u)
#define READ_TURNS   4              /* reads of one connection before the others get their turn */
#define OUT_BYTES    (128u * 1024u) /* gathered for one send */
#define WRITE_TURNS  16
#define FLOOD_FRAMES 2048u /* made at a time */
#define LINGER_US    INT64_C(1000000)

static const char http1_answer[] = "HTTP/1.1 400 Bad Request\r\n"
                                   "Content-Type: text/plain\r\n"
                                   "Content-Length: 25\r\n"
                                   "Connection: close\r\n\r\n"
                                   "This server is HTTP/1.1.\n";

static void on_call(void *context, struct grpc_server_call *call, struct bytes_view path,
                    const struct http_header_view *fields, size_t field_count)
{
    (void)fields;
    (void)field_count;
    struct connection *connection = context;
    if (!bytes_equal(path, bytes_view_text(TTP_GET_EVENTS_PATH))) {
        char words[256];
        snprintf(words, sizeof words, "unknown method %.*s; this server has " TTP_GET_EVENTS_PATH,
                 (int)(path.size_bytes < 100 ? path.size_bytes : 100), (const char *)path.data);
        if (grpc_server_finish(call, GRPC_UNIMPLEMENTED, words) != OK)
            connection->is_broken = true;
        return;
    }
    struct server_stream *stream;
    if (stream_new(&stream, connection, call) != OK) {
        if (grpc_server_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory") != OK)
            connection->is_broken = true;
        return;
    }
    grpc_server_call_set_data(call, stream);
}

static void on_request(void *context, struct grpc_server_call *call, struct bytes_view message)
{
    (void)context;
    struct server_stream *stream = grpc_server_call_data(call);
    if (stream != NULL)
        stream_begin(stream, message);
}

static void on_writable(void *context, struct grpc_server_call *call)
{
    (void)context;
    struct server_stream *stream = grpc_server_call_data(call);
    if (stream != NULL)
        stream_produce(stream);
}

static void on_closed(void *context, struct grpc_server_call *call)
{
    (void)context;
    struct server_stream *stream = grpc_server_call_data(call);
    if (stream != NULL)
        stream_free(stream);
}

/* Does the script hold a fault that needs the client's frames filtered? */
static bool needs_filter(const struct fault_script *faults)
{
    for (size_t i = 0; faults != NULL && i < faults->fault_count; i++) {
        enum fault_kind kind = faults->faults[i].kind;
        if (kind == FAULT_WINDOW_STALL || kind == FAULT_SETTINGS_FLOOD || kind == FAULT_PING_FLOOD)
            return true;
    }
    return false;
}

static enum error_code make_engine(struct connection *connection)
{
    const struct grpc_server_handler handler = {.context = connection,
                                                .on_call = on_call,
                                                .on_request = on_request,
                                                .on_writable = on_writable,
                                                .on_closed = on_closed};
    struct error ignored;
    return grpc_server_new(&connection->grpc, &handler, &ignored);
}

enum error_code connection_new(struct connection **out, struct server *server, int fd,
                               const char *peer)
{
    struct connection *connection = *out = mem_alloc_zero(1, sizeof *connection);
    if (connection == NULL) {
        os_close(&fd);
        return ERR_NO_MEMORY;
    }
    connection->server = server;
    connection->fd = fd;
    connection->channel.fd = -1;
    snprintf(connection->peer, sizeof connection->peer, "%s", peer);
    buffer_init(&connection->out);
    buffer_init(&connection->filtered);
    frame_filter_init(&connection->filter);
    connection->uses_filter = needs_filter(server->faults);
    connection->let_go_us = connection->close_us = SERVER_NEVER;
    server_count(&server->counters.connections, 1);
    server_count(&server->counters.connections_open, 1);

    if (server_fire_connect_fault(server, FAULT_NO_SETTINGS))
        connection->mode = CONNECTION_MUTE;
    else if (server_fire_connect_fault(server, FAULT_HTTP1))
        connection->mode = CONNECTION_HTTP1;
    struct error ignored;
    if (channel_open(&connection->channel, fd, server->tls.context, connection->peer, NULL,
                     &ignored) != OK ||
        (connection->mode == CONNECTION_SERVES && make_engine(connection) != OK)) {
        connection_free(connection);
        *out = NULL;
        return ERR_NO_MEMORY;
    }
    return OK;
}

void connection_free(struct connection *connection)
{
    if (connection == NULL)
        return;
    grpc_server_free(connection->grpc);
    channel_close(&connection->channel);
    if (connection->abort)
        os_close_with_reset(&connection->fd);
    else
        os_close(&connection->fd);
    server_count(&connection->server->counters.connections_open, (uint64_t)-1);
    frame_filter_release(&connection->filter);
    buffer_release(&connection->filtered);
    buffer_release(&connection->out);
    mem_free(connection);
}

static void give_to_engine(struct connection *connection, struct bytes_view bytes)
{
    if (bytes.size_bytes == 0)
        return;
    struct error error = {0};
    if (grpc_server_receive(connection->grpc, bytes, &error) == OK)
        return;
    log_event(LOG_DEBUG, "serve", error.message, LOG_T("client", connection->peer));
    connection->is_broken = true;
}

static void take_bytes(struct connection *connection, struct bytes_view bytes)
{
    if (connection->linger_us != 0 || connection->mode == CONNECTION_MUTE)
        return;
    if (connection->mode == CONNECTION_HTTP1) {
        connection->close_when_sent = true;
        if (connection->out.size_bytes == 0 &&
            buffer_append_text(&connection->out, http1_answer) != OK)
            connection->is_broken = true;
        return;
    }
    if (!connection->uses_filter) {
        give_to_engine(connection, bytes);
        return;
    }
    buffer_reset(&connection->filtered);
    if (frame_filter_pass(&connection->filter, bytes, &connection->filtered) != OK)
        connection->is_broken = true;
    else
        give_to_engine(connection, buffer_view(&connection->filtered));
}

void connection_read(struct connection *connection)
{
    uint8_t bytes[READ_BYTES];
    /* What comes may end what TLS waits for. */
    if (connection->channel.tls != NULL)
        connection->blocked = false;
    for (unsigned turn = 0; turn < READ_TURNS && !connection->is_broken; turn++) {
        size_t received_bytes = 0;
        struct error error;
        enum error_code code =
            channel_receive(&connection->channel, bytes, sizeof bytes, &received_bytes, &error);
        if (code == ERR_AGAIN)
            return;
        if (code != OK) {
            log_event(LOG_DEBUG, "serve", error.message, LOG_T("client", connection->peer));
            (void)!channel_flush(&connection->channel, &error); /* the alert that says why */
        }
        if (code != OK || received_bytes == 0) {
            connection->is_broken = true;
            return;
        }
        take_bytes(connection, bytes_view_of(bytes, received_bytes));
        if (received_bytes < sizeof bytes && !channel_has_more(&connection->channel))
            return;
    }
}

static size_t out_bytes(const struct connection *connection)
{
    return connection->out.size_bytes - connection->out_offset;
}

/* After a flood both ends still agree about the stream only if its frames were harmless. */
static void finish_flood(struct connection *connection)
{
    if (connection->flood != FAULT_PING_FLOOD && connection->flood != FAULT_SETTINGS_FLOOD)
        connection->close_when_sent = true;
}

static void make_flood(struct connection *connection)
{
    if (out_bytes(connection) >= OUT_BYTES)
        return;
    if (fault_bytes_flood(connection->flood, connection->flood_stream, connection->flood_is_first,
                          &connection->flood_frames, FLOOD_FRAMES, &connection->out) != OK)
        connection->is_broken = true;
    connection->flood_is_first = false;
    if (connection->flood_frames == 0)
        finish_flood(connection);
}

/* Fills the out buffer with whole frames. */
static void gather(struct connection *connection)
{
    if (connection->flood_frames > 0) {
        make_flood(connection);
        return;
    }
    while (out_bytes(connection) < OUT_BYTES && !connection->is_broken) {
        struct bytes_view bytes;
        if (grpc_server_pull(connection->grpc, &bytes, NULL) != OK) {
            connection->is_broken = true;
            return;
        }
        if (bytes.size_bytes == 0)
            return;
        if (buffer_append(&connection->out, bytes.data, bytes.size_bytes) != OK)
            connection->is_broken = true;
    }
}

/* Sends what TLS, if there is any, made of it; false when the socket takes no more. */
static bool flush(struct connection *connection)
{
    struct error ignored;
    enum error_code code = channel_flush(&connection->channel, &ignored);
    connection->is_broken |= code != OK && code != ERR_AGAIN;
    connection->blocked |= code == ERR_AGAIN;
    return code == OK;
}

/* Sends what is gathered; false when the socket, or TLS before it, takes no more. */
static bool send_out(struct connection *connection)
{
    size_t sent_bytes = 0;
    struct error ignored;
    enum error_code code =
        channel_send(&connection->channel, connection->out.data + connection->out_offset,
                     out_bytes(connection), &sent_bytes, &ignored);
    if (code == OK) {
        connection->out_offset += sent_bytes;
        server_count(&connection->server->counters.bytes_sent, sent_bytes);
        if (out_bytes(connection) == 0) {
            buffer_reset(&connection->out);
            connection->out_offset = 0;
        }
        return true;
    }
    connection->is_broken |= code != ERR_AGAIN;
    (void)flush(connection);
    if (connection->out_offset > OUT_BYTES) {
        buffer_drop_front(&connection->out, connection->out_offset);
        connection->out_offset = 0;
    }
    connection->blocked = true;
    return false;
}

/* Everything is sent: does what streams put off until then. True if that may have made something to
 * send. */
static bool fire_when_empty(struct connection *connection)
{
    if (connection->grpc == NULL || connection->flood_frames > 0)
        return false;
    for (struct server_stream *stream = connection->streams; stream != NULL;
         stream = stream->next) {
        if (stream->when_empty != NULL && grpc_server_waiting_bytes(stream->call) == 0 &&
            stream->drip_offset == stream->drip.size_bytes) {
            stream_fire_when_empty(stream);
            return true;
        }
    }
    return false;
}

static void act_on_timers(struct connection *connection)
{
    int64_t now_us = connection->server->now_us;
    if (now_us >= connection->let_go_us) {
        connection->let_go_us = SERVER_NEVER;
        frame_filter_let_go(&connection->filter);
        buffer_reset(&connection->filtered);
        if (frame_filter_take_held(&connection->filter, &connection->filtered))
            give_to_engine(connection, buffer_view(&connection->filtered));
    }
    if (now_us >= connection->close_us) {
        connection->close_us = SERVER_NEVER;
        connection->close_when_sent = true;
    }
    for (struct server_stream *stream = connection->streams; stream != NULL;
         stream = stream->next) {
        if (stream->wake_us == 0 || now_us < stream->wake_us)
            continue;
        if (stream->request_fault == NULL)
            stream->wake_us = 0;
        if (!stream->is_finished && grpc_server_resume(stream->call) != OK)
            connection->is_broken = true;
    }
}

/* Nothing more comes from us: shut our side and let the client read what is on its way (closing at
 * once, with bytes of the client's unread, would reset the connection and lose it). */
static void begin_to_close(struct connection *connection)
{
    channel_end(&connection->channel);
    os_shutdown_write(connection->fd);
    connection->linger_us = connection->server->now_us + LINGER_US;
}

void connection_write(struct connection *connection)
{
    if (connection->linger_us != 0 || connection->is_broken || connection->abort)
        return;
    act_on_timers(connection);
    connection->blocked = connection->has_more = false;
    for (unsigned turn = 0; !connection->is_broken && !connection->abort; turn++) {
        if (turn == WRITE_TURNS) {
            connection->has_more = true;
            return;
        }
        if (connection->grpc != NULL)
            gather(connection);
        if (connection->is_broken)
            return;
        if (out_bytes(connection) > 0) {
            if (!send_out(connection))
                return;
        } else if (!flush(connection)) {
            return;
        } else if (connection->flood_frames == 0 && !fire_when_empty(connection)) {
            break;
        }
    }
    if (connection->is_broken || connection->abort)
        return;
    if (connection->close_when_sent ||
        (connection->grpc != NULL && grpc_server_is_done(connection->grpc)))
        begin_to_close(connection);
}

bool connection_is_over(const struct connection *connection)
{
    if (connection->is_broken || connection->abort)
        return true;
    return connection->linger_us != 0 && connection->server->now_us >= connection->linger_us;
}

bool connection_wants_write(const struct connection *connection)
{
    bool waits_for_socket = channel_wants_write(&connection->channel, connection->blocked);
    return connection->linger_us == 0 && (waits_for_socket || connection->has_more);
}

int64_t connection_due_us(const struct connection *connection)
{
    if (connection->linger_us != 0)
        return connection->linger_us;
    int64_t due_us = os_earlier_us(connection->let_go_us, connection->close_us);
    for (const struct server_stream *stream = connection->streams; stream != NULL;
         stream = stream->next) {
        if (stream->wake_us != 0 && !stream->is_finished)
            due_us = os_earlier_us(due_us, stream->wake_us);
    }
    return due_us;
}

void connection_tip_moved(struct connection *connection)
{
    for (struct server_stream *stream = connection->streams; stream != NULL;
         stream = stream->next) {
        if (stream->waits_for_tip && !stream->is_finished && grpc_server_resume(stream->call) != OK)
            connection->is_broken = true;
    }
}
