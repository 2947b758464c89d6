// SPDX-License-Identifier: Apache-2.0
// rooms: grpc
// parsers: http/client.c http/session.c http/header.c
// without: http_session_fields http_client_is_going_away
// without: http_client_is_established http_client_cancel
/*
 * What a server sends to our client: the first byte chooses the sizes of the pieces, the second
 * whether it begins with good SETTINGS and whether we give the window back; the rest is the
 * connection's bytes. Whatever they are, the call ends or waits, no more body is shown than the
 * window allows, and a failed connection stays failed.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/call.h"
#include "util/buffer.h"

#define WINDOW_BYTES      65535u
#define MESSAGE_BYTES_MAX 4096u
#define PULLS_MAX         100000u

enum { BEGIN_WITH_SETTINGS = 1, GIVE_WINDOW_BACK = 2, CANCEL_EARLY = 4 };

struct end {
    struct http_client *client;
    struct grpc_call call;
    struct grpc_reader reader;
    uint8_t choices;
    bool is_lost; /* the reader found something that ends the call */
    unsigned close_count;
    uint64_t data_bytes;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static enum error_code on_headers(void *context, int32_t stream_id,
                                  const struct http_header_view *fields, size_t field_count,
                                  bool ends_stream, struct error *error)
{
    struct end *end = context;
    (void)error;
    require(stream_id == end->call.stream_id && end->close_count == 0);
    require(field_count <= HTTP_MAX_HEADER_FIELDS);
    for (size_t i = 0; i < field_count; i++)
        require(fields[i].name.data[fields[i].name.size_bytes] == '\0' &&
                fields[i].value.data[fields[i].value.size_bytes] == '\0');
    grpc_call_on_headers(&end->call, fields, field_count, ends_stream);
    require(memchr(end->call.words, '\0', GRPC_WORDS_BYTES) != NULL);
    return OK;
}

static enum error_code on_data(void *context, int32_t stream_id, struct bytes_view data,
                               struct error *error)
{
    struct end *end = context;
    struct bytes_view message;
    enum error_code code = ERR_AGAIN;
    require(end->close_count == 0);
    end->data_bytes += data.size_bytes;
    require((end->choices & GIVE_WINDOW_BACK) != 0 || end->data_bytes <= WINDOW_BYTES);
    if (!end->is_lost) {
        grpc_reader_feed(&end->reader, data);
        while ((code = grpc_reader_next(&end->reader, &message, error)) == OK)
            require(message.size_bytes <= MESSAGE_BYTES_MAX);
        (void)grpc_reader_take_rest(&end->reader);
        end->is_lost = code != ERR_AGAIN;
    }
    if ((end->choices & GIVE_WINDOW_BACK) == 0)
        return OK;
    return http_client_consume(end->client, stream_id, data.size_bytes);
}

static enum error_code on_close(void *context, int32_t stream_id, uint32_t http2_error,
                                bool peer_ended, struct error *error)
{
    struct end *end = context;
    (void)error;
    require(stream_id == end->call.stream_id && end->close_count++ == 0);
    grpc_call_on_close(&end->call, http2_error, peer_ended, grpc_reader_is_inside(&end->reader));
    require(end->call.is_over);
    require(end->call.end == GRPC_END_STATUS || end->call.code != GRPC_OK);
    return OK;
}

/* Takes all that the engine wants to send. */
static enum error_code pull_all(struct http_client *client, struct error *error)
{
    for (unsigned i = 0; i < PULLS_MAX; i++) {
        struct bytes_view bytes;
        enum error_code code = http_client_pull(client, &bytes, error);
        if (code != OK || bytes.size_bytes == 0)
            return code;
    }
    abort();
}

static enum error_code feed(struct end *end, struct bytes_view bytes, uint8_t seed)
{
    uint32_t state = seed;
    struct error error = {.code = OK};
    enum error_code code = pull_all(end->client, &error);
    while (code == OK && bytes.size_bytes != 0) {
        state = state * 1103515245u + 12345u;
        size_t piece = seed == 0 ? bytes.size_bytes : 1 + (state >> 16) % (seed + 1u);
        if (piece > bytes.size_bytes)
            piece = bytes.size_bytes;
        code = http_client_receive(end->client, bytes_view_of(bytes.data, piece), &error);
        bytes = bytes_view_of(bytes.data + piece, bytes.size_bytes - piece);
        if ((end->choices & CANCEL_EARLY) != 0 && end->data_bytes != 0 && code == OK)
            http_client_cancel(end->client, end->call.stream_id);
        if (code == OK)
            code = pull_all(end->client, &error);
        require(code == OK || error.message[0] != '\0');
    }
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    static const struct http_client_options options = {WINDOW_BYTES, "server:1", false};
    if (size < 2)
        return 0;
    struct end end = {.choices = data[1]};
    const struct http_client_handler handler = {&end, on_headers, on_data, on_close};
    const struct grpc_request request = {.scheme = "http",
                                         .authority = "server:1",
                                         .path = "/service/Method",
                                         .user_agent = "fuzz",
                                         .message = bytes_view_text("\x08\x05")};
    struct error error;
    grpc_reader_init(&end.reader, MESSAGE_BYTES_MAX);
    require(http_client_new(&end.client, &options, &handler, &error) == OK);
    require(grpc_call_start(&end.call, end.client, &request, &error) == OK);
    enum error_code code = OK;
    if ((end.choices & BEGIN_WITH_SETTINGS) != 0)
        code = feed(&end, bytes_view_of(settings, sizeof(settings)), 0);
    require(code == OK);
    code = feed(&end, bytes_view_of(data + 2, size - 2), data[0]);
    if (code == OK)
        require(http_client_at_end(end.client, &error) != OK && error.message[0] != '\0');
    http_client_free(end.client);
    grpc_reader_release(&end.reader);
    return 0;
}
