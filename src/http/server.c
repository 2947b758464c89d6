// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <string.h>

#include "http/session.h"
#include "util/memory.h"

#define MAX_CONCURRENT_STREAMS 100
#define MAX_RESPONSE_HEADERS   64
#define PEER                   "the client"

struct http_server_stream {
    struct http_server_stream *next;
    int32_t id;
    void *data; /* the caller's */
    /* Trailers that wait for the end of the body: one owned block of NUL-terminated texts. */
    char *trailer_texts;
    size_t trailer_count;
    bool has_trailers;
    bool body_is_over; /* on_produce said TRAILERS */
};

struct http_server {
    struct http_session session; /* first: nghttp2's user data is both */
    struct http_server_handler handler;
    struct http_server_stream *streams;
    bool is_terminated; /* a GOAWAY without grace: nothing more is produced */
};

static struct http_server_stream *find_stream(const struct http_server *server, int32_t id)
{
    return nghttp2_session_get_stream_user_data(server->session.nghttp2, id);
}

static void free_stream(struct http_server_stream *stream)
{
    mem_free(stream->trailer_texts);
    mem_free(stream);
}

static int on_request(struct http_server *server, const nghttp2_frame *frame)
{
    const struct http_header_block *block = &server->session.block;
    struct http_server_stream *stream = mem_alloc_zero(1, sizeof(*stream));
    if (stream == NULL) {
        error_no_memory(&server->session.failure_text, "an HTTP/2 stream");
        return http_session_fail(&server->session, ERR_NO_MEMORY);
    }
    stream->id = frame->hd.stream_id;
    if (nghttp2_session_set_stream_user_data(server->session.nghttp2, stream->id, stream) != 0) {
        mem_free(stream);
        return 0;
    }
    stream->next = server->streams;
    server->streams = stream;
    enum error_code code =
        server->handler.on_request(server->handler.context, stream->id, block->fields,
                                   block->field_count, &server->session.failure_text);
    return code == OK ? 0 : http_session_fail(&server->session, code);
}

static int on_frame_recv(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user_data)
{
    struct http_server *server = user_data;
    (void)nghttp2;
    int result = http_session_count_frame(&server->session, frame);
    if (result == 0 && frame->hd.type == NGHTTP2_HEADERS &&
        frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        result = on_request(server, frame);
    if (result != 0)
        return result;
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        find_stream(server, frame->hd.stream_id) != NULL) {
        enum error_code code = server->handler.on_request_end(
            server->handler.context, frame->hd.stream_id, &server->session.failure_text);
        return code == OK ? 0 : http_session_fail(&server->session, code);
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *nghttp2, uint8_t flags, int32_t stream_id,
                         const uint8_t *data, size_t size, void *user_data)
{
    struct http_server *server = user_data;
    (void)nghttp2;
    (void)flags;
    if (find_stream(server, stream_id) == NULL)
        return 0;
    enum error_code code =
        server->handler.on_data(server->handler.context, stream_id, bytes_view_of(data, size),
                                &server->session.failure_text);
    return code == OK ? 0 : http_session_fail(&server->session, code);
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t stream_id, uint32_t http2_error,
                           void *user_data)
{
    struct http_server *server = user_data;
    (void)nghttp2;
    struct http_server_stream **link = &server->streams;
    while (*link != NULL && (*link)->id != stream_id)
        link = &(*link)->next;
    if (*link == NULL)
        return 0;
    struct http_server_stream *stream = *link;
    server->handler.on_close(server->handler.context, stream_id, http2_error);
    *link = stream->next;
    free_stream(stream);
    return 0;
}

static enum error_code submit_trailers(struct http_server *server,
                                       const struct http_server_stream *stream)
{
    nghttp2_nv fields[MAX_RESPONSE_HEADERS];
    const char *text = stream->trailer_texts;
    for (size_t i = 0; i < stream->trailer_count; i++) {
        const char *value = text + strlen(text) + 1;
        const struct http_header header = {text, value};
        http_session_fields(&fields[i], &header, 1);
        text = value + strlen(value) + 1;
    }
    int result =
        nghttp2_submit_trailer(server->session.nghttp2, stream->id, fields, stream->trailer_count);
    return result == 0 ? OK : ERR_NO_MEMORY;
}

static ssize_t read_body(nghttp2_session *nghttp2, int32_t stream_id, uint8_t *out, size_t capacity,
                         uint32_t *data_flags, nghttp2_data_source *source, void *user_data)
{
    struct http_server *server = user_data;
    (void)nghttp2;
    (void)source;
    struct http_server_stream *stream = find_stream(server, stream_id);
    if (stream == NULL || server->is_terminated)
        return NGHTTP2_ERR_DEFERRED;
    size_t size = 0;
    switch (server->handler.on_produce(server->handler.context, stream_id, out, capacity, &size)) {
    case HTTP_PRODUCE_MORE:
        /* The client answers what we send by WINDOW_UPDATEs: while we send, they are no flood. */
        if (size != 0)
            server->session.idle_frame_count = 0;
        return size == 0 ? NGHTTP2_ERR_DEFERRED : (ssize_t)size;
    case HTTP_PRODUCE_LATER: return NGHTTP2_ERR_DEFERRED;
    case HTTP_PRODUCE_END: *data_flags |= NGHTTP2_DATA_FLAG_EOF; return (ssize_t)size;
    case HTTP_PRODUCE_TRAILERS:
        *data_flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        stream->body_is_over = true;
        if (stream->has_trailers && submit_trailers(server, stream) != OK)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        return (ssize_t)size;
    case HTTP_PRODUCE_FAILED: break;
    }
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static enum error_code submit_settings(struct http_server *server)
{
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_CONCURRENT_STREAMS},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_MAX_HEADER_BYTES},
    };
    int result = nghttp2_submit_settings(server->session.nghttp2, NGHTTP2_FLAG_NONE, entries,
                                         sizeof(entries) / sizeof(entries[0]));
    return result == 0 ? OK : ERR_NO_MEMORY;
}

enum error_code http_server_new(struct http_server **out, const struct http_server_handler *handler,
                                struct error *error)
{
    *out = NULL;
    struct http_server *server = mem_alloc_zero(1, sizeof(*server));
    if (server == NULL)
        goto no_memory;
    http_header_block_init(&server->session.block);
    server->handler = *handler;
    if (http_session_open(&server->session, false, on_frame_recv, on_data_chunk, on_stream_close) !=
            OK ||
        submit_settings(server) != OK)
        goto no_memory;
    *out = server;
    return OK;
no_memory:
    http_server_free(server);
    return error_no_memory(error, "an HTTP/2 connection");
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    nghttp2_session_del(server->session.nghttp2);
    while (server->streams != NULL) {
        struct http_server_stream *next = server->streams->next;
        free_stream(server->streams);
        server->streams = next;
    }
    http_header_block_release(&server->session.block);
    mem_free(server);
}

enum error_code http_server_receive(struct http_server *server, struct bytes_view bytes,
                                    struct error *error)
{
    nghttp2_session *nghttp2 = server->session.nghttp2;
    ssize_t taken = nghttp2_session_mem_recv(nghttp2, bytes.data, bytes.size_bytes);
    if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        return error_set(error, ERR_CORRUPT,
                         "the client does not speak HTTP/2 (no connection preface)");
    if (taken < 0)
        return http_session_error(&server->session, taken, PEER, "reading", error);
    return OK;
}

enum error_code http_server_pull(struct http_server *server, struct bytes_view *bytes,
                                 struct error *error)
{
    return http_session_pull(&server->session, PEER, bytes, error);
}

bool http_server_is_done(const struct http_server *server)
{
    nghttp2_session *nghttp2 = server->session.nghttp2;
    if (nghttp2_session_want_write(nghttp2) != 0)
        return false;
    return server->is_terminated || nghttp2_session_want_read(nghttp2) == 0;
}

enum error_code http_server_respond(struct http_server *server, int32_t stream_id,
                                    const struct http_header *headers, size_t header_count,
                                    bool has_body, struct error *error)
{
    nghttp2_nv fields[MAX_RESPONSE_HEADERS];
    if (header_count > MAX_RESPONSE_HEADERS)
        return error_set(error, ERR_INVALID, "%zu response headers; at most %d fit", header_count,
                         MAX_RESPONSE_HEADERS);
    if (find_stream(server, stream_id) == NULL)
        return error_set(error, ERR_INVALID, "stream %d is over", stream_id);
    http_session_fields(fields, headers, header_count);
    const nghttp2_data_provider provider = {.source = {.ptr = NULL}, .read_callback = read_body};
    int result = nghttp2_submit_response(server->session.nghttp2, stream_id, fields, header_count,
                                         has_body ? &provider : NULL);
    if (result == 0)
        return OK;
    return http_session_error(&server->session, result, PEER, "answering", error);
}

/* All names and values, one after the other, each with its NUL. */
static char *copy_headers(const struct http_header *headers, size_t header_count)
{
    size_t size = 0;
    for (size_t i = 0; i < header_count; i++)
        size += strlen(headers[i].name) + strlen(headers[i].value) + 2;
    char *texts = mem_alloc(size);
    if (texts == NULL)
        return NULL;
    char *out = texts;
    for (size_t i = 0; i < header_count; i++) {
        size_t name_size = strlen(headers[i].name) + 1, value_size = strlen(headers[i].value) + 1;
        memcpy(out, headers[i].name, name_size);
        memcpy(out + name_size, headers[i].value, value_size);
        out += name_size + value_size;
    }
    return texts;
}

enum error_code http_server_trailers(struct http_server *server, int32_t stream_id,
                                     const struct http_header *headers, size_t header_count,
                                     struct error *error)
{
    struct http_server_stream *stream = find_stream(server, stream_id);
    if (stream == NULL || stream->has_trailers)
        return error_set(error, ERR_INVALID, "stream %d %s", stream_id,
                         stream == NULL ? "is over" : "has its trailers");
    if (header_count > MAX_RESPONSE_HEADERS)
        return error_set(error, ERR_INVALID, "%zu trailers; at most %d fit", header_count,
                         MAX_RESPONSE_HEADERS);
    stream->trailer_texts = copy_headers(headers, header_count);
    if (stream->trailer_texts == NULL)
        return error_no_memory(error, "HTTP/2 trailers");
    stream->trailer_count = header_count;
    stream->has_trailers = true;
    if (stream->body_is_over && submit_trailers(server, stream) != OK)
        return error_no_memory(error, "HTTP/2 trailers");
    return OK;
}

enum error_code http_server_resume(struct http_server *server, int32_t stream_id)
{
    int result = nghttp2_session_resume_data(server->session.nghttp2, stream_id);
    return result == NGHTTP2_ERR_NOMEM ? ERR_NO_MEMORY : OK;
}

enum error_code http_server_reset(struct http_server *server, int32_t stream_id,
                                  uint32_t http2_error)
{
    int result = nghttp2_submit_rst_stream(server->session.nghttp2, NGHTTP2_FLAG_NONE, stream_id,
                                           http2_error);
    return result == 0 ? OK : ERR_NO_MEMORY;
}

enum error_code http_server_goaway(struct http_server *server, uint32_t http2_error, bool graceful,
                                   const char *words)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(server->session.nghttp2);
    int result = nghttp2_submit_goaway(server->session.nghttp2, NGHTTP2_FLAG_NONE, last,
                                       http2_error, (const uint8_t *)words, strlen(words));
    if (result != 0)
        return ERR_NO_MEMORY;
    server->session.own_goaway = true;
    if (!graceful)
        server->is_terminated = true;
    return OK;
}

void http_server_set_stream_data(struct http_server *server, int32_t stream_id, void *data)
{
    struct http_server_stream *stream = find_stream(server, stream_id);
    if (stream != NULL)
        stream->data = data;
}

void *http_server_stream_data(const struct http_server *server, int32_t stream_id)
{
    const struct http_server_stream *stream = find_stream(server, stream_id);
    return stream != NULL ? stream->data : NULL;
}
