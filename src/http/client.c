// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <stdio.h>
#include <string.h>

#include "http/session.h"
#include "util/memory.h"

#define MIN_WINDOW_BYTES    65535u /* RFC 9113 section 6.9.2: where every connection starts */
#define MAX_WINDOW_BYTES    0x7fffffffu
#define MAX_REQUEST_HEADERS 96
#define FRAME_HEADER_BYTES  9
#define FIRST_BYTES         32 /* kept of what the peer says first: they tell what it is */

struct http_client_stream {
    struct http_client_stream *next;
    int32_t id;
    bool peer_ended;
    struct bytes_view unsent; /* of the body */
    uint8_t *body;            /* owned */
};

struct http_client {
    struct http_session session; /* first: nghttp2's user data is both */
    struct http_client_handler handler;
    struct http_client_stream *streams;
    char *peer;
    bool is_encrypted;
    bool is_established;
    bool is_going_away;
    uint32_t goaway_error;
    char goaway_words[HTTP_DETAIL_BYTES];
    uint8_t first[FIRST_BYTES];
    size_t first_count;
    bool first_is_fed; /* the first frame header is SETTINGS: nghttp2 has the bytes */
};

static struct http_client_stream *find_stream(const struct http_client *client, int32_t id)
{
    for (struct http_client_stream *stream = client->streams; stream != NULL; stream = stream->next)
        if (stream->id == id)
            return stream;
    return NULL;
}

static void free_stream(struct http_client_stream *stream)
{
    mem_free(stream->body);
    mem_free(stream);
}

static int on_headers_end(struct http_client *client, const nghttp2_frame *frame)
{
    const struct http_header_block *block = &client->session.block;
    bool ends_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    const struct http_header_view *status =
        http_header_find(block->fields, block->field_count, ":status");
    if (status != NULL && !ends_stream && status->value.size_bytes == 3 &&
        status->value.data[0] == '1')
        return 0;
    enum error_code code =
        client->handler.on_headers(client->handler.context, frame->hd.stream_id, block->fields,
                                   block->field_count, ends_stream, &client->session.failure_text);
    return code == OK ? 0 : http_session_fail(&client->session, code);
}

static void note_goaway(struct http_client *client, const nghttp2_goaway *goaway)
{
    client->is_going_away = true;
    client->goaway_error = goaway->error_code;
    http_clean_text(client->goaway_words, sizeof(client->goaway_words),
                    bytes_view_of(goaway->opaque_data, goaway->opaque_data_len));
}

static int on_frame_recv(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user_data)
{
    struct http_client *client = user_data;
    (void)nghttp2;
    int result = http_session_count_frame(&client->session, frame);
    if (result != 0)
        return result;
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
        client->is_established = true;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        note_goaway(client, &frame->goaway);
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        struct http_client_stream *stream = find_stream(client, frame->hd.stream_id);
        if (stream != NULL)
            stream->peer_ended = true;
    }
    if (frame->hd.type == NGHTTP2_HEADERS)
        return on_headers_end(client, frame);
    return 0;
}

static int on_data_chunk(nghttp2_session *nghttp2, uint8_t flags, int32_t stream_id,
                         const uint8_t *data, size_t size, void *user_data)
{
    struct http_client *client = user_data;
    (void)nghttp2;
    (void)flags;
    enum error_code code =
        client->handler.on_data(client->handler.context, stream_id, bytes_view_of(data, size),
                                &client->session.failure_text);
    return code == OK ? 0 : http_session_fail(&client->session, code);
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t stream_id, uint32_t http2_error,
                           void *user_data)
{
    struct http_client *client = user_data;
    (void)nghttp2;
    struct http_client_stream **link = &client->streams;
    while (*link != NULL && (*link)->id != stream_id)
        link = &(*link)->next;
    if (*link == NULL)
        return 0;
    struct http_client_stream *stream = *link;
    *link = stream->next;
    bool peer_ended = stream->peer_ended;
    free_stream(stream);
    enum error_code code = client->handler.on_close(client->handler.context, stream_id, http2_error,
                                                    peer_ended, &client->session.failure_text);
    return code == OK ? 0 : http_session_fail(&client->session, code);
}

static ssize_t read_body(nghttp2_session *nghttp2, int32_t stream_id, uint8_t *out, size_t capacity,
                         uint32_t *data_flags, nghttp2_data_source *source, void *user_data)
{
    struct http_client_stream *stream = source->ptr;
    (void)nghttp2;
    (void)stream_id;
    (void)user_data;
    size_t size = stream->unsent.size_bytes < capacity ? stream->unsent.size_bytes : capacity;
    if (size != 0)
        memcpy(out, stream->unsent.data, size);
    stream->unsent.data += size;
    stream->unsent.size_bytes -= size;
    if (stream->unsent.size_bytes == 0)
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static enum error_code submit_settings(struct http_client *client, uint32_t window_bytes)
{
    nghttp2_session *nghttp2 = client->session.nghttp2;
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_MAX_HEADER_BYTES},
    };
    if (nghttp2_submit_settings(nghttp2, NGHTTP2_FLAG_NONE, entries,
                                sizeof(entries) / sizeof(entries[0])) != 0)
        return ERR_NO_MEMORY;
    if (nghttp2_session_set_local_window_size(nghttp2, NGHTTP2_FLAG_NONE, 0,
                                              (int32_t)window_bytes) != 0)
        return ERR_NO_MEMORY;
    return OK;
}

enum error_code http_client_new(struct http_client **out, const struct http_client_options *options,
                                const struct http_client_handler *handler, struct error *error)
{
    *out = NULL;
    if (options->window_bytes < MIN_WINDOW_BYTES || options->window_bytes > MAX_WINDOW_BYTES)
        return error_set(error, ERR_INVALID, "an HTTP/2 window of %u bytes: it must be %u to %u",
                         options->window_bytes, MIN_WINDOW_BYTES, MAX_WINDOW_BYTES);
    struct http_client *client = mem_alloc_zero(1, sizeof(*client));
    if (client == NULL)
        goto no_memory;
    http_header_block_init(&client->session.block);
    client->handler = *handler;
    client->peer = mem_copy_text(options->peer);
    client->is_encrypted = options->is_encrypted;
    if (client->peer == NULL ||
        http_session_open(&client->session, true, on_frame_recv, on_data_chunk, on_stream_close) !=
            OK ||
        submit_settings(client, options->window_bytes) != OK)
        goto no_memory;
    *out = client;
    return OK;
no_memory:
    http_client_free(client);
    return error_no_memory(error, "an HTTP/2 connection");
}

void http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    nghttp2_session_del(client->session.nghttp2);
    while (client->streams != NULL) {
        struct http_client_stream *next = client->streams->next;
        free_stream(client->streams);
        client->streams = next;
    }
    http_header_block_release(&client->session.block);
    mem_free(client->peer);
    mem_free(client);
}

/* A stream that owns a copy of the body. */
static enum error_code new_stream(struct http_client_stream **out, struct bytes_view body)
{
    struct http_client_stream *stream = mem_alloc_zero(1, sizeof(*stream));
    if (stream == NULL)
        return ERR_NO_MEMORY;
    stream->body = mem_copy(body.data, body.size_bytes);
    if (stream->body == NULL) {
        mem_free(stream);
        return ERR_NO_MEMORY;
    }
    stream->unsent = bytes_view_of(stream->body, body.size_bytes);
    *out = stream;
    return OK;
}

enum error_code http_client_request(struct http_client *client, const struct http_header *headers,
                                    size_t header_count, struct bytes_view body, int32_t *stream_id,
                                    struct error *error)
{
    nghttp2_nv fields[MAX_REQUEST_HEADERS];
    if (header_count > MAX_REQUEST_HEADERS)
        return error_set(error, ERR_INVALID, "%zu request headers; at most %d fit", header_count,
                         MAX_REQUEST_HEADERS);
    if (client->is_going_away)
        return error_set(error, ERR_RETRY, "%s: the server is going away (GOAWAY)", client->peer);
    struct http_client_stream *stream;
    if (new_stream(&stream, body) != OK)
        return error_no_memory(error, "an HTTP/2 request");
    http_session_fields(fields, headers, header_count);
    nghttp2_data_provider provider = {.source = {.ptr = stream}, .read_callback = read_body};
    int32_t id = nghttp2_submit_request(client->session.nghttp2, NULL, fields, header_count,
                                        &provider, NULL);
    if (id < 0) {
        free_stream(stream);
        return http_session_error(&client->session, id, client->peer, "making a request", error);
    }
    stream->id = id;
    stream->next = client->streams;
    client->streams = stream;
    *stream_id = id;
    return OK;
}

/* What a peer that begins with these bytes may be. */
static const char *guess_protocol(const uint8_t *first, size_t count)
{
    if (count >= 5 && memcmp(first, "HTTP/", 5) == 0)
        return "it answers in HTTP/1.x; the gRPC port of ttp-processor (50051 by default) is "
               "wanted, not its health port";
    if (count >= 3 && first[0] >= 0x14 && first[0] <= 0x17 && first[1] == 0x03)
        return "it speaks TLS; set tls to true or ask a plaintext port";
    if (count >= 4 && memcmp(first, "SSH-", 4) == 0)
        return "it is an SSH server";
    return "it speaks something else";
}

static enum error_code not_http2(const struct http_client *client, struct error *error)
{
    char text[FIRST_BYTES + 1];
    http_clean_text(text, sizeof(text), bytes_view_of(client->first, client->first_count));
    return error_set(error, ERR_CORRUPT,
                     "%s is not an HTTP/2 server, so not a TTP server: %s (its first bytes are "
                     "\"%s\")",
                     client->peer, guess_protocol(client->first, client->first_count), text);
}

/* Is it SETTINGS, as RFC 9113 section 3.4 demands of the server's first frame? */
static bool first_is_settings(const uint8_t *first)
{
    return first[3] == NGHTTP2_SETTINGS && (first[4] & NGHTTP2_FLAG_ACK) == 0 && first[5] == 0 &&
           first[6] == 0 && first[7] == 0 && first[8] == 0;
}

static enum error_code feed(struct http_client *client, struct bytes_view bytes,
                            struct error *error)
{
    nghttp2_session *nghttp2 = client->session.nghttp2;
    ssize_t taken = nghttp2_session_mem_recv(nghttp2, bytes.data, bytes.size_bytes);
    if (taken < 0)
        return http_session_error(&client->session, taken, client->peer, "reading", error);
    if (nghttp2_session_want_read(nghttp2) == 0 && client->streams != NULL)
        return error_set(error, ERR_RETRY, "%s: the server is gone (GOAWAY %s)", client->peer,
                         http_error_name(client->goaway_error));
    return OK;
}

enum error_code http_client_receive(struct http_client *client, struct bytes_view bytes,
                                    struct error *error)
{
    if (client->first_is_fed)
        return feed(client, bytes, error);
    size_t room = sizeof(client->first) - client->first_count;
    size_t kept = bytes.size_bytes < room ? bytes.size_bytes : room;
    if (kept != 0)
        memcpy(client->first + client->first_count, bytes.data, kept);
    client->first_count += kept;
    if (client->first_count < FRAME_HEADER_BYTES)
        return OK;
    if (!first_is_settings(client->first))
        return not_http2(client, error);
    client->first_is_fed = true;
    enum error_code code = feed(client, bytes_view_of(client->first, client->first_count), error);
    if (code != OK || kept == bytes.size_bytes)
        return code;
    return feed(client, bytes_view_of(bytes.data + kept, bytes.size_bytes - kept), error);
}

enum error_code http_client_at_end(const struct http_client *client, struct error *error)
{
    if (client->is_going_away)
        return error_set(error, ERR_RETRY, "%s: the server said GOAWAY (%s%s%s) and closed",
                         client->peer, http_error_name(client->goaway_error),
                         client->goaway_words[0] != '\0' ? ": " : "", client->goaway_words);
    if (client->first_is_fed)
        return error_set(error, ERR_RETRY, "%s: the server closed the connection", client->peer);
    if (client->first_count == 0)
        return error_set(error, ERR_RETRY,
                         "%s: the server closed the connection before its first HTTP/2 frame%s",
                         client->peer,
                         client->is_encrypted ? "" : "; if it speaks TLS, set tls to true");
    return not_http2(client, error);
}

enum error_code http_client_pull(struct http_client *client, struct bytes_view *bytes,
                                 struct error *error)
{
    return http_session_pull(&client->session, client->peer, bytes, error);
}

enum error_code http_client_consume(struct http_client *client, int32_t stream_id,
                                    size_t size_bytes)
{
    int result = nghttp2_session_consume(client->session.nghttp2, stream_id, size_bytes);
    return result == 0 ? OK : ERR_NO_MEMORY;
}

void http_client_cancel(struct http_client *client, int32_t stream_id)
{
    /* Without memory for the frame the connection is not worth keeping: the caller frees it. */
    (void)nghttp2_submit_rst_stream(client->session.nghttp2, NGHTTP2_FLAG_NONE, stream_id,
                                    NGHTTP2_CANCEL);
}

bool http_client_is_established(const struct http_client *client)
{
    return client->is_established;
}

bool http_client_is_going_away(const struct http_client *client, uint32_t *http2_error,
                               const char **words)
{
    if (http2_error != NULL)
        *http2_error = client->goaway_error;
    if (words != NULL)
        *words = client->goaway_words;
    return client->is_going_away;
}
