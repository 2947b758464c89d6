// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_XML_H
#define TTP_S3_XML_H

/* Reads an answer of an object store: small documents of elements with text. By expat, without
 * document types (so without entities of anybody's), with limits. */

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

#define S3_XML_BYTES_MAX      ((size_t)8 << 20) /* 1000 keys of 1024 bytes, each escaped, in a page */
#define S3_XML_DEPTH_MAX      16
#define S3_XML_TEXT_BYTES_MAX ((size_t)64 << 10)
#define S3_XML_PATH_BYTES     256

struct s3_xml_handler {
    void *context;
    /* An element ended: `path` is its name behind those that it lies in ("ListBucketResult/Name"),
     * `text` its own text, without that of elements in it. Anything but OK ends the reading. */
    enum error_code (*element)(void *context, const char *path, struct bytes_view text,
                               struct error *error);
};

/* ERR_CORRUPT: not well-formed, or beyond the limits; ERR_NO_MEMORY; else what the handler gave. */
enum error_code s3_xml_read(struct bytes_view document, const struct s3_xml_handler *handler,
                            struct error *error) MUST_CHECK;

/* Appends text of an element of a request. ERR_NO_MEMORY. */
enum error_code s3_xml_append_text(struct buffer *out, const char *text) MUST_CHECK;

#endif
