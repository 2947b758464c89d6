// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_HTTP_HEADER_H
#define TTP_HTTP_HEADER_H

/*
 * Header fields as both ends of a connection see them (RFC 9113 section 8), and the block in which
 * received ones are gathered. Names are lower-case; pseudo-headers keep their colon.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/bytes.h"
#include "util/error.h"

/* To send: NUL-terminated texts that live during the call that takes them. */
struct http_header {
    const char *name;
    const char *value;
};

/* Received: views into the block, each with a NUL behind it that does not count. */
struct http_header_view {
    struct bytes_view name;
    struct bytes_view value;
};

/* Limits of one received header block: a gRPC response has a dozen fields of some tens of bytes; a
 * status message may be long. What is above them is an attack or a mistake. */
#define HTTP_MAX_HEADER_FIELDS 128
#define HTTP_MAX_HEADER_BYTES  (64 * 1024)

struct http_header_block {
    struct arena texts;
    struct http_header_view fields[HTTP_MAX_HEADER_FIELDS];
    size_t field_count;
    size_t size_bytes; /* names and values */
};

void http_header_block_init(struct http_header_block *block);
void http_header_block_reset(struct http_header_block *block);
void http_header_block_release(struct http_header_block *block);

/* Copies one field in. ERR_LIMIT above the limits, ERR_NO_MEMORY. */
enum error_code http_header_block_add(struct http_header_block *block, struct bytes_view name,
                                      struct bytes_view value) MUST_CHECK;

/* The first field of that name, or NULL. */
const struct http_header_view *http_header_find(const struct http_header_view *fields,
                                                size_t field_count, const char *name);

/* Parses a `:status` value of three digits; 0 if it is not that. */
int http_status_parse(struct bytes_view value);

/* The name of an HTTP/2 error code (RFC 9113 section 7), such as "ENHANCE_YOUR_CALM". Static. */
const char *http_error_name(uint32_t http2_error);

#endif
