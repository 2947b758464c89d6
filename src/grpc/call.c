// SPDX-License-Identifier: Apache-2.0
#include "grpc/call.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define OWN_HEADERS 8 /* the ones that grpc_call_start puts before the metadata */

/* Names that HTTP/2 forbids or that gRPC sets itself (PROTOCOL-HTTP2.md "Custom-Metadata"). */
static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {
        "te",         "content-type", "content-length",    "user-agent", "host",
        "connection", "keep-alive",   "transfer-encoding", "upgrade",    "proxy-connection"};
    if (strncmp(name, "grpc-", 5) == 0)
        return true;
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return false;
}

static bool is_name_text(const char *name)
{
    if (strlen(name) > GRPC_MAX_METADATA_NAME_BYTES)
        return false;
    for (const char *at = name; *at != '\0'; at++)
        if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) && *at != '_' &&
            *at != '-' && *at != '.')
            return false;
    return *name != '\0';
}

static bool is_value_text(const char *value)
{
    size_t size = strlen(value);
    if (size > GRPC_MAX_METADATA_VALUE_BYTES)
        return false;
    for (size_t i = 0; i < size; i++)
        if (value[i] < 0x20 || value[i] > 0x7e)
            return false;
    return size == 0 || (value[0] != ' ' && value[size - 1] != ' ');
}

enum error_code grpc_metadata_check(const struct http_header *metadata, size_t metadata_count,
                                    struct error *error)
{
    if (metadata_count > GRPC_MAX_METADATA)
        return error_set(error, ERR_INVALID, "%zu request headers; at most %d are sent",
                         metadata_count, GRPC_MAX_METADATA);
    for (size_t i = 0; i < metadata_count; i++) {
        const char *name = metadata[i].name;
        if (!is_name_text(name))
            return error_set(error, ERR_INVALID,
                             "\"%.200s\" can't be a request header: use lower-case letters, "
                             "digits, '-', '_' and '.'",
                             name);
        if (is_reserved(name))
            return error_set(error, ERR_INVALID,
                             "\"%s\" can't be a request header of yours: HTTP and gRPC set it "
                             "themselves; take it out",
                             name);
        /* The value may be a secret: it is not shown. */
        if (!is_value_text(metadata[i].value))
            return error_set(error, ERR_INVALID,
                             "\"%s\": the value is not printable ASCII of at most %d characters "
                             "without spaces at its ends",
                             name, GRPC_MAX_METADATA_VALUE_BYTES);
    }
    return OK;
}

enum error_code grpc_call_start(struct grpc_call *call, struct http_client *client,
                                const struct grpc_request *request, struct error *error)
{
    struct http_header headers[OWN_HEADERS + GRPC_MAX_METADATA] = {
        {":method", "POST"},
        {":scheme", request->scheme},
        {":path", request->path},
        {":authority", request->authority},
        {"te", "trailers"},
        {"content-type", "application/grpc"},
        {"user-agent", request->user_agent}};
    size_t header_count = 7;
    *call = (struct grpc_call){.code = GRPC_UNKNOWN, .end = GRPC_END_CUT};
    enum error_code code = grpc_metadata_check(request->metadata, request->metadata_count, error);
    if (code != OK)
        return code;
    for (size_t i = 0; i < request->metadata_count; i++)
        headers[header_count++] = request->metadata[i];
    struct buffer body;
    buffer_init(&body);
    if (grpc_append_message(&body, request->message) != OK) {
        buffer_release(&body);
        return error_no_memory(error, "a gRPC request");
    }
    code = http_client_request(client, headers, header_count, buffer_view(&body), &call->stream_id,
                               error);
    buffer_release(&body);
    return code;
}

static size_t count_fields(const struct http_header_view *fields, size_t field_count,
                           const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < field_count; i++)
        count += bytes_equal(fields[i].name, bytes_view_text(name));
    return count;
}

/* A status that can't be read is an error: only OK makes the answer complete. */
static void read_status(struct grpc_call *call, const struct http_header_view *fields,
                        size_t field_count)
{
    const struct http_header_view *status = http_header_find(fields, field_count, "grpc-status");
    const struct http_header_view *words = http_header_find(fields, field_count, "grpc-message");
    if (status == NULL)
        return;
    call->has_status = true;
    size_t count = count_fields(fields, field_count, "grpc-status");
    bool is_number = grpc_code_parse_number(status->value, &call->code);
    if (count > 1 || !is_number)
        call->code = GRPC_UNKNOWN;
    if (count > 1)
        snprintf(call->words, sizeof(call->words),
                 "the server ended the stream with %zu grpc-status fields", count);
    else if (words != NULL)
        grpc_words_decode(words->value, call->words);
    else if (!is_number)
        snprintf(call->words, sizeof(call->words),
                 "the server's grpc-status is \"%.*s\", which is no status code",
                 status->value.size_bytes < 20 ? (int)status->value.size_bytes : 20,
                 (const char *)status->value.data);
}

/* The first header block: is it a gRPC answer at all? */
static void read_response(struct grpc_call *call, const struct http_header_view *fields,
                          size_t field_count)
{
    static const char grpc_type[] = "application/grpc";
    const struct http_header_view *status = http_header_find(fields, field_count, ":status");
    const struct http_header_view *type = http_header_find(fields, field_count, "content-type");
    char type_text[64] = "none";
    call->has_headers = true;
    call->http_status = status != NULL ? http_status_parse(status->value) : 0;
    if (type != NULL)
        snprintf(type_text, sizeof(type_text), "%.*s", (int)type->value.size_bytes,
                 (const char *)type->value.data);
    bool is_grpc = strncmp(type_text, grpc_type, sizeof(grpc_type) - 1) == 0;
    bool has_status = http_header_find(fields, field_count, "grpc-status") != NULL;
    if (is_grpc && (call->http_status == 200 || has_status))
        return;
    call->is_not_grpc = true;
    call->code = grpc_code_of_http(call->http_status);
    snprintf(call->words, sizeof(call->words),
             "HTTP status %d, content-type %s: this is not a gRPC answer", call->http_status,
             type_text);
}

void grpc_call_on_headers(struct grpc_call *call, const struct http_header_view *fields,
                          size_t field_count, bool ends_stream)
{
    bool is_first = !call->has_headers;
    if (is_first)
        read_response(call, fields, field_count);
    /* The status stands in the trailers; in the only block if that ends the stream. */
    if (!call->is_not_grpc && (!is_first || ends_stream))
        read_status(call, fields, field_count);
}

void grpc_call_on_close(struct grpc_call *call, uint32_t http2_error, bool peer_ended,
                        bool inside_message)
{
    call->is_over = true;
    call->end = GRPC_END_CUT;
    if (call->is_not_grpc) {
        call->end = GRPC_END_NOT_GRPC;
        return;
    }
    if (call->has_status && peer_ended && !(call->code == GRPC_OK && inside_message)) {
        call->end = GRPC_END_STATUS;
        return;
    }
    call->code = GRPC_UNAVAILABLE;
    if (call->has_status && peer_ended)
        snprintf(call->words, sizeof(call->words),
                 "the server ended the stream with OK in the middle of a message");
    else if (peer_ended)
        snprintf(call->words, sizeof(call->words),
                 "the server ended the stream without a grpc-status: the answer is incomplete");
    else
        snprintf(call->words, sizeof(call->words), "the stream was reset (%s)",
                 http_error_name(http2_error));
}
