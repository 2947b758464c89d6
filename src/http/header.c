// SPDX-License-Identifier: Apache-2.0
#include "http/header.h"

#include <string.h>

void http_header_block_init(struct http_header_block *block)
{
    arena_init(&block->texts, 4096);
    block->field_count = 0;
    block->size_bytes = 0;
}

void http_header_block_reset(struct http_header_block *block)
{
    arena_reset(&block->texts);
    block->field_count = 0;
    block->size_bytes = 0;
}

void http_header_block_release(struct http_header_block *block)
{
    arena_release(&block->texts);
    block->field_count = 0;
    block->size_bytes = 0;
}

enum error_code http_header_block_add(struct http_header_block *block, struct bytes_view name,
                                      struct bytes_view value)
{
    if (block->field_count == HTTP_MAX_HEADER_FIELDS ||
        name.size_bytes + value.size_bytes > HTTP_MAX_HEADER_BYTES - block->size_bytes)
        return ERR_LIMIT;
    char *name_copy = arena_copy_text(&block->texts, name);
    char *value_copy = arena_copy_text(&block->texts, value);
    if (name_copy == NULL || value_copy == NULL)
        return ERR_NO_MEMORY;
    block->fields[block->field_count++] = (struct http_header_view){
        bytes_view_of(name_copy, name.size_bytes), bytes_view_of(value_copy, value.size_bytes)};
    block->size_bytes += name.size_bytes + value.size_bytes;
    return OK;
}

const struct http_header_view *http_header_find(const struct http_header_view *fields,
                                                size_t field_count, const char *name)
{
    struct bytes_view wanted = bytes_view_text(name);
    for (size_t i = 0; i < field_count; i++)
        if (bytes_equal(fields[i].name, wanted))
            return &fields[i];
    return NULL;
}

int http_status_parse(struct bytes_view value)
{
    int status = 0;
    if (value.size_bytes != 3)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return 0;
        status = status * 10 + (value.data[i] - '0');
    }
    return status >= 100 ? status : 0;
}

const char *http_error_name(uint32_t http2_error)
{
    static const char *const names[] = {"NO_ERROR",
                                        "PROTOCOL_ERROR",
                                        "INTERNAL_ERROR",
                                        "FLOW_CONTROL_ERROR",
                                        "SETTINGS_TIMEOUT",
                                        "STREAM_CLOSED",
                                        "FRAME_SIZE_ERROR",
                                        "REFUSED_STREAM",
                                        "CANCEL",
                                        "COMPRESSION_ERROR",
                                        "CONNECT_ERROR",
                                        "ENHANCE_YOUR_CALM",
                                        "INADEQUATE_SECURITY",
                                        "HTTP_1_1_REQUIRED"};
    return http2_error < sizeof(names) / sizeof(names[0]) ? names[http2_error] : "unknown error";
}
