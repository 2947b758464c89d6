// SPDX-License-Identifier: Apache-2.0
#include "grpc/server_call.h"

#include <stdio.h>
#include <string.h>

#include "util/memory.h"

/* How the body ends. */
enum ending {
    ENDING_NONE,
    ENDING_TRAILERS, /* grpc-status follows */
    ENDING_BARE      /* END_STREAM on the body */
};

struct grpc_server_call {
    struct grpc_server_call *next;
    struct grpc_server *server;
    int32_t stream_id;
    void *data; /* the caller's */
    struct grpc_reader reader;
    struct buffer request; /* the one message */
    bool has_request;
    bool has_answered; /* headers are sent */
    bool wants_turn;   /* on_writable is due, though no headers were sent */
    bool is_over;      /* reset or refused: nothing more is sent */
    enum ending ending;
    struct buffer waiting; /* framed bytes; those before waiting_offset are sent */
    size_t waiting_offset;
};

struct grpc_server {
    struct http_server *http;
    struct grpc_server_handler handler;
    struct grpc_server_call *calls;
    unsigned turn_count; /* calls with wants_turn */
};

static void free_call(struct grpc_server_call *call)
{
    grpc_reader_release(&call->reader);
    buffer_release(&call->request);
    buffer_release(&call->waiting);
    mem_free(call);
}

static void set_turn(struct grpc_server_call *call, bool wants_turn)
{
    if (call->wants_turn == wants_turn)
        return;
    call->wants_turn = wants_turn;
    call->server->turn_count += wants_turn ? 1u : -1u;
}

size_t grpc_server_waiting_bytes(const struct grpc_server_call *call)
{
    return call->waiting.size_bytes - call->waiting_offset;
}

bool grpc_server_wants_more(const struct grpc_server_call *call)
{
    return !call->is_over && call->ending == ENDING_NONE &&
           grpc_server_waiting_bytes(call) < GRPC_SERVER_HIGH_BYTES;
}

static bool is_grpc_type(struct bytes_view type)
{
    static const char prefix[] = "application/grpc";
    return type.size_bytes >= sizeof(prefix) - 1 &&
           memcmp(type.data, prefix, sizeof(prefix) - 1) == 0;
}

/* A request that is not gRPC gets a plain HTTP answer: 405 or 415. */
static enum error_code refuse_plainly(struct grpc_server *server, int32_t stream_id,
                                      const char *status, struct error *error)
{
    const struct http_header headers[] = {{":status", status}};
    return http_server_respond(server->http, stream_id, headers, 1, false, error);
}

static enum error_code on_http_request(void *context, int32_t stream_id,
                                       const struct http_header_view *fields, size_t field_count,
                                       struct error *error)
{
    struct grpc_server *server = context;
    const struct http_header_view *method = http_header_find(fields, field_count, ":method");
    const struct http_header_view *type = http_header_find(fields, field_count, "content-type");
    const struct http_header_view *path = http_header_find(fields, field_count, ":path");
    if (method == NULL || !bytes_equal(method->value, bytes_view_text("POST")))
        return refuse_plainly(server, stream_id, "405", error);
    if (type == NULL || !is_grpc_type(type->value) || path == NULL)
        return refuse_plainly(server, stream_id, "415", error);
    struct grpc_server_call *call = mem_alloc_zero(1, sizeof(*call));
    if (call == NULL)
        return error_no_memory(error, "a gRPC call");
    call->server = server;
    call->stream_id = stream_id;
    grpc_reader_init(&call->reader, GRPC_SERVER_MESSAGE_BYTES_MAX);
    buffer_init(&call->request);
    buffer_init(&call->waiting);
    call->next = server->calls;
    server->calls = call;
    http_server_set_stream_data(server->http, stream_id, call);
    server->handler.on_call(server->handler.context, call, path->value, fields, field_count);
    return OK;
}

/* Takes the request's message out of the body; what can't be one refuses the call. */
static enum error_code on_http_data(void *context, int32_t stream_id, struct bytes_view data,
                                    struct error *error)
{
    struct grpc_server *server = context;
    struct grpc_server_call *call = http_server_stream_data(server->http, stream_id);
    struct bytes_view message;
    struct error why;
    if (call == NULL || call->is_over || call->ending != ENDING_NONE)
        return OK;
    grpc_reader_feed(&call->reader, data);
    enum error_code code;
    while ((code = grpc_reader_next(&call->reader, &message, &why)) == OK) {
        if (call->has_request) {
            (void)grpc_reader_take_rest(&call->reader);
            return grpc_server_finish(call, GRPC_INTERNAL, "one request message was expected");
        }
        call->has_request = true;
        if (buffer_append(&call->request, message.data, message.size_bytes) != OK)
            return error_no_memory(error, "a gRPC request");
    }
    if (code == ERR_AGAIN)
        return OK;
    (void)grpc_reader_take_rest(&call->reader);
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, "a gRPC request");
    if (code == ERR_LIMIT)
        return grpc_server_finish(call, GRPC_RESOURCE_EXHAUSTED, "the request is too large");
    return grpc_server_finish(call, GRPC_UNIMPLEMENTED, "compressed requests are not understood");
}

static enum error_code on_http_request_end(void *context, int32_t stream_id, struct error *error)
{
    struct grpc_server *server = context;
    struct grpc_server_call *call = http_server_stream_data(server->http, stream_id);
    (void)error;
    if (call == NULL || call->is_over || call->ending != ENDING_NONE)
        return OK;
    if (!call->has_request || grpc_reader_is_inside(&call->reader))
        return grpc_server_finish(call, GRPC_INTERNAL, "the request message is missing");
    set_turn(call, true);
    server->handler.on_request(server->handler.context, call, buffer_view(&call->request));
    return OK;
}

/* Asks the caller for more when little waits. */
static void ask_for_more(struct grpc_server_call *call)
{
    if (!call->is_over && call->ending == ENDING_NONE &&
        grpc_server_waiting_bytes(call) < GRPC_SERVER_LOW_BYTES)
        call->server->handler.on_writable(call->server->handler.context, call);
}

static enum http_produce on_http_produce(void *context, int32_t stream_id, uint8_t *out,
                                         size_t capacity_bytes, size_t *size_bytes)
{
    struct grpc_server *server = context;
    struct grpc_server_call *call = http_server_stream_data(server->http, stream_id);
    if (call == NULL)
        return HTTP_PRODUCE_FAILED;
    ask_for_more(call);
    if (call->is_over)
        return HTTP_PRODUCE_LATER;
    size_t waiting_bytes = grpc_server_waiting_bytes(call);
    size_t size = waiting_bytes < capacity_bytes ? waiting_bytes : capacity_bytes;
    if (size != 0)
        memcpy(out, call->waiting.data + call->waiting_offset, size);
    *size_bytes = size;
    call->waiting_offset += size;
    if (size == waiting_bytes) {
        buffer_reset(&call->waiting);
        call->waiting_offset = 0;
        if (call->ending == ENDING_TRAILERS)
            return HTTP_PRODUCE_TRAILERS;
        if (call->ending == ENDING_BARE)
            return HTTP_PRODUCE_END;
    }
    return size != 0 ? HTTP_PRODUCE_MORE : HTTP_PRODUCE_LATER;
}

static void on_http_close(void *context, int32_t stream_id, uint32_t http2_error)
{
    struct grpc_server *server = context;
    struct grpc_server_call *call = http_server_stream_data(server->http, stream_id);
    (void)http2_error;
    if (call == NULL)
        return;
    call->is_over = true;
    set_turn(call, false);
    server->handler.on_closed(server->handler.context, call);
    struct grpc_server_call **link = &server->calls;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    free_call(call);
}

enum error_code grpc_server_new(struct grpc_server **out, const struct grpc_server_handler *handler,
                                struct error *error)
{
    *out = NULL;
    struct grpc_server *server = mem_alloc_zero(1, sizeof(*server));
    if (server == NULL)
        return error_no_memory(error, "a gRPC connection");
    const struct http_server_handler http_handler = {
        .context = server,
        .on_request = on_http_request,
        .on_data = on_http_data,
        .on_request_end = on_http_request_end,
        .on_produce = on_http_produce,
        .on_close = on_http_close,
    };
    server->handler = *handler;
    enum error_code code = http_server_new(&server->http, &http_handler, error);
    if (code == OK)
        *out = server;
    else
        mem_free(server);
    return code;
}

void grpc_server_free(struct grpc_server *server)
{
    if (server == NULL)
        return;
    while (server->calls != NULL) {
        struct grpc_server_call *call = server->calls;
        call->is_over = true;
        server->handler.on_closed(server->handler.context, call);
        server->calls = call->next;
        free_call(call);
    }
    http_server_free(server->http);
    mem_free(server);
}

enum error_code grpc_server_receive(struct grpc_server *server, struct bytes_view bytes,
                                    struct error *error)
{
    return http_server_receive(server->http, bytes, error);
}

/* Calls that have not answered yet are asked here: HTTP asks only for bodies that have begun. */
static void give_turns(struct grpc_server *server)
{
    for (struct grpc_server_call *call = server->calls; call != NULL && server->turn_count != 0;
         call = call->next) {
        if (!call->wants_turn)
            continue;
        set_turn(call, false);
        ask_for_more(call);
    }
}

enum error_code grpc_server_pull(struct grpc_server *server, struct bytes_view *bytes,
                                 struct error *error)
{
    if (server->turn_count != 0)
        give_turns(server);
    return http_server_pull(server->http, bytes, error);
}

bool grpc_server_is_done(const struct grpc_server *server)
{
    return http_server_is_done(server->http);
}

struct http_server *grpc_server_http(struct grpc_server *server)
{
    return server->http;
}

void grpc_server_call_set_data(struct grpc_server_call *call, void *data)
{
    call->data = data;
}

void *grpc_server_call_data(const struct grpc_server_call *call)
{
    return call->data;
}

int32_t grpc_server_call_stream_id(const struct grpc_server_call *call)
{
    return call->stream_id;
}

enum error_code grpc_server_send_headers(struct grpc_server_call *call)
{
    const struct http_header headers[] = {{":status", "200"}, {"content-type", "application/grpc"}};
    if (call->has_answered)
        return OK;
    if (call->is_over)
        return ERR_INVALID;
    enum error_code code =
        http_server_respond(call->server->http, call->stream_id, headers, 2, true, NULL);
    if (code == OK) {
        call->has_answered = true;
        set_turn(call, false);
    }
    return code;
}

enum error_code grpc_server_send_raw(struct grpc_server_call *call, struct bytes_view bytes)
{
    if (call->is_over || call->ending != ENDING_NONE)
        return ERR_INVALID;
    if (call->waiting_offset >= GRPC_SERVER_HIGH_BYTES) {
        buffer_drop_front(&call->waiting, call->waiting_offset);
        call->waiting_offset = 0;
    }
    enum error_code code = grpc_server_send_headers(call);
    size_t size_bytes = call->waiting.size_bytes;
    if (code == OK)
        code = buffer_append(&call->waiting, bytes.data, bytes.size_bytes);
    if (code == OK)
        code = http_server_resume(call->server->http, call->stream_id);
    if (code != OK)
        call->waiting.size_bytes = size_bytes; /* what was refused is not sent */
    return code;
}

enum error_code grpc_server_resume(struct grpc_server_call *call)
{
    if (call->is_over || call->ending != ENDING_NONE)
        return OK;
    if (call->has_answered)
        return http_server_resume(call->server->http, call->stream_id);
    set_turn(call, true);
    return OK;
}

/* Trailers, or the only headers if nothing was sent. */
static enum error_code send_status(struct grpc_server_call *call, const char *code_text,
                                   const char *words)
{
    struct http_server *http = call->server->http;
    const struct http_header headers[] = {{":status", "200"},
                                          {"content-type", "application/grpc"},
                                          {"grpc-status", code_text},
                                          {"grpc-message", words}};
    size_t with_words = words[0] != '\0' ? 1 : 0;
    if (!call->has_answered)
        return http_server_respond(http, call->stream_id, headers, 3 + with_words, false, NULL);
    return http_server_trailers(http, call->stream_id, headers + 2, 1 + with_words, NULL);
}

enum error_code grpc_server_finish(struct grpc_server_call *call, enum grpc_code code,
                                   const char *words)
{
    char code_text[12];
    struct buffer encoded;
    if (call->is_over || call->ending != ENDING_NONE)
        return ERR_INVALID;
    buffer_init(&encoded);
    snprintf(code_text, sizeof(code_text), "%d", (int)code);
    enum error_code result = grpc_words_encode(bytes_view_text(words), &encoded);
    if (result == OK)
        result = buffer_append_byte(&encoded, '\0');
    if (result == OK)
        result = send_status(call, code_text, (const char *)encoded.data);
    buffer_release(&encoded);
    if (result != OK)
        return result;
    bool had_answered = call->has_answered;
    call->ending = ENDING_TRAILERS;
    call->has_answered = true;
    set_turn(call, false);
    return had_answered ? http_server_resume(call->server->http, call->stream_id) : OK;
}

enum error_code grpc_server_finish_without_status(struct grpc_server_call *call)
{
    if (call->is_over || call->ending != ENDING_NONE)
        return ERR_INVALID;
    enum error_code code = grpc_server_send_headers(call);
    if (code != OK)
        return code;
    call->ending = ENDING_BARE;
    return http_server_resume(call->server->http, call->stream_id);
}

enum error_code grpc_server_answer_http(struct grpc_server_call *call, int http_status,
                                        const char *content_type, const char *body)
{
    char status_text[12];
    snprintf(status_text, sizeof(status_text), "%d", http_status);
    const struct http_header headers[] = {{":status", status_text}, {"content-type", content_type}};
    if (call->is_over || call->has_answered)
        return ERR_INVALID;
    if (buffer_append(&call->waiting, body, strlen(body)) != OK)
        return ERR_NO_MEMORY;
    enum error_code code =
        http_server_respond(call->server->http, call->stream_id, headers, 2, true, NULL);
    if (code != OK)
        return code;
    call->has_answered = true;
    call->ending = ENDING_BARE;
    set_turn(call, false);
    return OK;
}

enum error_code grpc_server_reset(struct grpc_server_call *call, uint32_t http2_error)
{
    if (call->is_over)
        return OK;
    call->is_over = true;
    set_turn(call, false);
    return http_server_reset(call->server->http, call->stream_id, http2_error);
}
