// SPDX-License-Identifier: Apache-2.0
// rooms: grpc
// parsers: http/server.c http/session.c http/header.c
// without: http_server_goaway http_server_is_done http_session_fields
// without: http_status_parse http_header_find submit_trailers copy_headers http_server_trailers
/*
 * What a client sends to our server: the first byte chooses the sizes of the pieces, the second
 * whether it begins with a good preface and how the server answers; the rest is the connection's
 * bytes. Whatever they are, each call begins once and ends once, and the server neither waits for
 * ever in one pull nor queues more than its limit.
 */

#include <stdint.h>
#include <stdlib.h>

#include "grpc/server_call.h"
#include "util/buffer.h"

#define MESSAGES  20u
#define PULLS_MAX 1000000u

enum { BEGIN_WITH_PREFACE = 1, ANSWER_AT_ONCE = 2, ANSWER_BY_RESET = 4, ANSWER_LATER = 8 };

struct end {
    struct grpc_server *server;
    uint8_t choices;
    unsigned open_count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void on_call(void *context, struct grpc_server_call *call, struct bytes_view path,
                    const struct http_header_view *fields, size_t field_count)
{
    struct end *end = context;
    require(field_count <= HTTP_MAX_HEADER_FIELDS && fields != NULL);
    end->open_count++;
    grpc_server_call_set_data(call, end);
    if (path.size_bytes == 2)
        require(grpc_server_finish(call, GRPC_UNIMPLEMENTED, "unknown method") == OK);
}

static void on_request(void *context, struct grpc_server_call *call, struct bytes_view message)
{
    struct end *end = context;
    require(message.size_bytes <= GRPC_SERVER_MESSAGE_BYTES_MAX);
    require(grpc_server_call_data(call) == end);
    if ((end->choices & ANSWER_BY_RESET) != 0)
        require(grpc_server_reset(call, 2) == OK);
    else if ((end->choices & ANSWER_AT_ONCE) != 0)
        require(grpc_server_finish(call, GRPC_INTERNAL, "100% \xc3\xbc") == OK);
}

static void on_writable(void *context, struct grpc_server_call *call)
{
    static uint8_t message[GRPC_PREFIX_BYTES + 1000];
    struct end *end = context;
    grpc_write_prefix(message, sizeof message - GRPC_PREFIX_BYTES);
    if ((end->choices & ANSWER_LATER) != 0) {
        end->choices &= (uint8_t)~ANSWER_LATER;
        require(grpc_server_resume(call) == OK);
        return;
    }
    for (unsigned i = 0; i < MESSAGES && grpc_server_wants_more(call); i++)
        require(grpc_server_send_raw(call, bytes_view_of(message, sizeof(message))) == OK);
    require(grpc_server_waiting_bytes(call) < GRPC_SERVER_HIGH_BYTES + sizeof(message));
    require(grpc_server_finish(call, GRPC_OK, "") == OK);
}

static void on_closed(void *context, struct grpc_server_call *call)
{
    struct end *end = context;
    require(grpc_server_call_data(call) == end && end->open_count > 0);
    end->open_count--;
}

static enum error_code pull_all(struct grpc_server *server, struct error *error)
{
    for (unsigned i = 0; i < PULLS_MAX; i++) {
        struct bytes_view bytes;
        enum error_code code = grpc_server_pull(server, &bytes, error);
        if (code != OK || bytes.size_bytes == 0)
            return code;
    }
    abort();
}

static enum error_code feed(struct end *end, struct bytes_view bytes, uint8_t seed)
{
    uint32_t state = seed;
    struct error error = {.code = OK};
    enum error_code code = pull_all(end->server, &error);
    while (code == OK && bytes.size_bytes != 0) {
        state = state * 1103515245u + 12345u;
        size_t piece = seed == 0 ? bytes.size_bytes : 1 + (state >> 16) % (seed + 1u);
        if (piece > bytes.size_bytes)
            piece = bytes.size_bytes;
        code = grpc_server_receive(end->server, bytes_view_of(bytes.data, piece), &error);
        bytes = bytes_view_of(bytes.data + piece, bytes.size_bytes - piece);
        if (code == OK)
            code = pull_all(end->server, &error);
        require(code == OK || error.message[0] != '\0');
    }
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    if (size < 2)
        return 0;
    struct end end = {.choices = data[1]};
    const struct grpc_server_handler handler = {&end, on_call, on_request, on_writable, on_closed};
    struct error error;
    require(grpc_server_new(&end.server, &handler, &error) == OK);
    enum error_code code = OK;
    if ((end.choices & BEGIN_WITH_PREFACE) != 0)
        code = feed(&end, bytes_view_of(preface, sizeof(preface) - 1), 0);
    require(code == OK);
    (void)feed(&end, bytes_view_of(data + 2, size - 2), data[0]);
    grpc_server_free(end.server);
    require(end.open_count == 0);
    return 0;
}
