// SPDX-License-Identifier: Apache-2.0
#include "http/session.h"

#include <stdio.h>
#include <string.h>

#include "util/memory.h"
#include "util/words.h"

static void *session_malloc(size_t size, void *user_data)
{
    (void)user_data;
    return mem_alloc(size);
}

static void session_free(void *pointer, void *user_data)
{
    (void)user_data;
    mem_free(pointer);
}

static void *session_calloc(size_t count, size_t size, void *user_data)
{
    (void)user_data;
    return mem_alloc_zero(count, size);
}

static void *session_realloc(void *pointer, size_t size, void *user_data)
{
    (void)user_data;
    return mem_realloc(pointer, size);
}

static nghttp2_mem our_memory = {NULL, session_malloc, session_free, session_calloc,
                                 session_realloc};

int http_session_fail(struct http_session *session, enum error_code code)
{
    if (session->failure == OK)
        session->failure = code;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int http_session_count_frame(struct http_session *session, const nghttp2_frame *frame)
{
    if (frame->hd.type == NGHTTP2_DATA && frame->hd.length > 0) {
        session->idle_frame_count = 0;
        return 0;
    }
    if (++session->idle_frame_count <= HTTP_MAX_IDLE_FRAMES)
        return 0;
    error_set(&session->failure_text, ERR_RETRY,
              "the peer sent %u control frames in a row and no data (a flood)",
              (unsigned)HTTP_MAX_IDLE_FRAMES);
    return http_session_fail(session, ERR_RETRY);
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user_data)
{
    struct http_session *session = user_data;
    (void)nghttp2;
    (void)frame;
    http_header_block_reset(&session->block);
    return 0;
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user_data)
{
    struct http_session *session = user_data;
    (void)nghttp2;
    (void)frame;
    (void)flags;
    enum error_code code = http_header_block_add(&session->block, bytes_view_of(name, name_size),
                                                 bytes_view_of(value, value_size));
    if (code == OK)
        return 0;
    if (code == ERR_LIMIT)
        error_set(&session->failure_text, ERR_RETRY,
                  "the peer sent more than %d header fields or %d bytes of them",
                  HTTP_MAX_HEADER_FIELDS, HTTP_MAX_HEADER_BYTES);
    else
        error_no_memory(&session->failure_text, "HTTP/2 headers");
    return http_session_fail(session, code == ERR_LIMIT ? ERR_RETRY : code);
}

static int on_words(nghttp2_session *nghttp2, int lib_error_code, const char *words, size_t size,
                    void *user_data)
{
    struct http_session *session = user_data;
    (void)nghttp2;
    (void)lib_error_code;
    http_clean_text(session->detail, sizeof(session->detail), bytes_view_of(words, size));
    return 0;
}

static int on_invalid_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                            int lib_error_code, void *user_data)
{
    struct http_session *session = user_data;
    (void)nghttp2;
    snprintf(session->detail, sizeof(session->detail), "frame of type %d: %s", frame->hd.type,
             nghttp2_strerror(lib_error_code));
    return 0;
}

/* When the peer has broken the protocol, nghttp2 sends GOAWAY and ignores what it receives; this is
 * the only sign of it. */
static int on_frame_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user_data)
{
    struct http_session *session = user_data;
    (void)nghttp2;
    if (frame->hd.type == NGHTTP2_GOAWAY && !session->own_goaway) {
        session->is_broken = true;
        if (session->detail[0] == '\0')
            snprintf(session->detail, sizeof(session->detail), "%s",
                     http_error_name(frame->goaway.error_code));
    }
    return 0;
}

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_words);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
}

enum error_code http_session_open(struct http_session *session, bool is_client,
                                  nghttp2_on_frame_recv_callback on_frame,
                                  nghttp2_on_data_chunk_recv_callback on_data,
                                  nghttp2_on_stream_close_callback on_close)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    enum error_code code = ERR_NO_MEMORY;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return ERR_NO_MEMORY;
    if (nghttp2_option_new(&option) != 0)
        goto out;
    if (is_client)
        nghttp2_option_set_no_auto_window_update(option, 1);
    /* Closed streams need not be remembered for priorities, which we do not use. */
    nghttp2_option_set_no_closed_streams(option, 1);
    set_callbacks(callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    if ((is_client ? nghttp2_session_client_new3 : nghttp2_session_server_new3)(
            &session->nghttp2, callbacks, session, option, &our_memory) == 0)
        code = OK;
out:
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return code;
}

enum error_code http_session_error(const struct http_session *session, int64_t result,
                                   const char *peer, const char *what, struct error *error)
{
    if (result == NGHTTP2_ERR_CALLBACK_FAILURE && session->failure != OK) {
        const char *text = session->failure_text.message;
        return error_set(error, session->failure, "%s: %s", peer,
                         text[0] != '\0' ? text : error_code_name(session->failure));
    }
    if (result == NGHTTP2_ERR_NOMEM)
        return error_no_memory(error, what);
    return error_set(error, ERR_RETRY, "%s: HTTP/2 failed while %s: %s%s%s", peer, what,
                     nghttp2_strerror((int)result), session->detail[0] != '\0' ? ": " : "",
                     session->detail);
}

enum error_code http_session_pull(struct http_session *session, const char *peer,
                                  struct bytes_view *bytes, struct error *error)
{
    const uint8_t *data = NULL;
    ssize_t size = nghttp2_session_mem_send(session->nghttp2, &data);
    if (size < 0)
        return http_session_error(session, size, peer, "writing", error);
    if (size == 0 && session->is_broken)
        return error_set(error, ERR_RETRY, "%s broke the HTTP/2 protocol: %s", peer,
                         session->detail);
    *bytes = bytes_view_of(size == 0 ? NULL : data, (size_t)size);
    return OK;
}

void http_session_fields(nghttp2_nv *out, const struct http_header *headers, size_t header_count)
{
    for (size_t i = 0; i < header_count; i++)
        out[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)headers[i].name,
                              (uint8_t *)(uintptr_t)headers[i].value, strlen(headers[i].name),
                              strlen(headers[i].value), NGHTTP2_NV_FLAG_NONE};
}

void http_clean_text(char *out, size_t capacity_bytes, struct bytes_view text)
{
    size_t size = text.size_bytes < capacity_bytes - 1 ? text.size_bytes : capacity_bytes - 1;
    for (size_t i = 0; i < size; i++)
        out[i] = text.data[i] != 0 ? (char)text.data[i] : '?';
    out[size] = '\0';
    words_clean(out);
}
