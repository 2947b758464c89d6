// SPDX-License-Identifier: Apache-2.0
/*
 * What receiving alone costs: the least that any client in C can do with a stream of events. It
 * asks for the ledgers FIRST to LAST, answers the transport (nghttp2), walks over the prefixes of
 * gRPC's messages, and decodes nothing. bench/side-by-side measures it beside the program.
 *
 *   bench-floor HOST PORT FIRST LAST
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>

#include "grpc/frame.h"
#include "pb/request.h"

#define WINDOW_BYTES  (4 << 20)
#define RECEIVE_BYTES (256 * 1024)

struct floor_run {
    int socket;
    bool is_over;
    uint8_t request[64];
    size_t request_bytes;
    uint8_t prefix[GRPC_PREFIX_BYTES]; /* of the message that is coming */
    size_t prefix_bytes;
    uint64_t message_left;
    uint64_t messages;
};

static void give_up(const char *what)
{
    fprintf(stderr, "bench-floor: %s\n", what);
    exit(1);
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        give_up("no such host or port");
    int fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        give_up("the server can't be reached");
    freeaddrinfo(found);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Counts messages by their prefixes. */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *user_data)
{
    struct floor_run *run = user_data;
    (void)session, (void)flags, (void)stream_id;
    while (size > 0) {
        size_t taken;
        if (run->message_left > 0) {
            taken = run->message_left < size ? (size_t)run->message_left : size;
            run->message_left -= taken;
        } else {
            taken = GRPC_PREFIX_BYTES - run->prefix_bytes;
            taken = taken < size ? taken : size;
            memcpy(run->prefix + run->prefix_bytes, data, taken);
            run->prefix_bytes += taken;
            if (run->prefix_bytes == GRPC_PREFIX_BYTES) {
                run->prefix_bytes = 0;
                run->message_left = (uint64_t)run->prefix[1] << 24 |
                                    (uint64_t)run->prefix[2] << 16 | (uint64_t)run->prefix[3] << 8 |
                                    run->prefix[4];
                run->messages++;
            }
        }
        data += taken;
        size -= taken;
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                    void *user_data)
{
    struct floor_run *run = user_data;
    (void)session, (void)stream_id;
    if (error_code != 0)
        give_up("the server broke the stream off");
    run->is_over = true;
    return 0;
}

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *data, size_t size, int flags,
                          void *user_data)
{
    const struct floor_run *run = user_data;
    (void)session, (void)flags;
    ssize_t sent = send(run->socket, data, size, MSG_NOSIGNAL);
    return sent < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : sent;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream_id, uint8_t *out,
                            size_t capacity, uint32_t *data_flags, nghttp2_data_source *source,
                            void *user_data)
{
    const struct floor_run *run = user_data;
    (void)session, (void)stream_id, (void)source;
    if (capacity < run->request_bytes)
        give_up("no room for the request");
    memcpy(out, run->request, run->request_bytes);
    *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)run->request_bytes;
}

static void make_request(struct floor_run *run, uint32_t first, uint32_t last)
{
    struct buffer body, framed;
    buffer_init(&body);
    buffer_init(&framed);
    const struct get_events_request request = {.start_ledger = first, .end_ledger = last};
    if (get_events_request_encode(&request, &body) != OK ||
        grpc_append_message(&framed, buffer_view(&body)) != OK ||
        framed.size_bytes > sizeof run->request)
        give_up("the request can't be made");
    memcpy(run->request, framed.data, framed.size_bytes);
    run->request_bytes = framed.size_bytes;
    buffer_release(&body);
    buffer_release(&framed);
}

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1,             \
            sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE                                                \
    }

static nghttp2_session *begin(struct floor_run *run)
{
    nghttp2_session *session;
    nghttp2_session_callbacks *callbacks;
    const nghttp2_nv fields[] = {
        FIELD(":method", "POST"),
        FIELD(":scheme", "http"),
        FIELD(":path", TTP_GET_EVENTS_PATH),
        FIELD(":authority", "localhost"),
        FIELD("content-type", "application/grpc"),
        FIELD("te", "trailers"),
    };
    const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES};
    nghttp2_data_provider body = {.read_callback = read_request};
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        give_up("no memory");
    nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    if (nghttp2_session_client_new(&session, callbacks, run) != 0 ||
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &window, 1) != 0 ||
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW_BYTES) != 0 ||
        nghttp2_submit_request(session, NULL, fields, sizeof fields / sizeof fields[0], &body,
                               NULL) < 0)
        give_up("no session");
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

int main(int argc, char **argv)
{
    static uint8_t received[RECEIVE_BYTES];
    struct floor_run run = {0};
    if (argc != 5) {
        fprintf(stderr, "usage: bench-floor HOST PORT FIRST LAST\n");
        return 2;
    }
    make_request(&run, (uint32_t)strtoul(argv[3], NULL, 10), (uint32_t)strtoul(argv[4], NULL, 10));
    run.socket = connect_to(argv[1], argv[2]);
    nghttp2_session *session = begin(&run);
    while (!run.is_over) {
        if (nghttp2_session_send(session) != 0)
            give_up("the server does not take what it is sent");
        ssize_t size = recv(run.socket, received, sizeof received, 0);
        if (size <= 0 || nghttp2_session_mem_recv(session, received, (size_t)size) != size)
            give_up("the server ended the connection");
    }
    nghttp2_session_del(session);
    close(run.socket);
    printf("%llu messages\n", (unsigned long long)run.messages);
    return run.messages > 0 ? 0 : 1;
}
