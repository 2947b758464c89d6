// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_PUTTING_H
#define TTP_S3_PUTTING_H

/* What putting an object in one request and in parts have in common. */

#include "s3/call.h"
#include "s3/hash.h"

struct s3_putting {
    struct s3_client *client;
    const struct s3_put_request *put;
    const struct os_file *file; /* NULL: put->content */
    uint64_t size_bytes;
    struct s3_trying *trying;
    struct s3_object *object; /* gets size and ETag */
    struct buffer meta_names; /* "x-amz-meta-name", NUL-terminated, one behind the other */
};

#define S3_BASE64_SHA256_BYTES 45

/* The checksum of a part of what is put, as the two headers write it. */
struct s3_checksum {
    char hex[2 * S3_SHA256_BYTES + 1];
    char base64[S3_BASE64_SHA256_BYTES];
};

/* The part's bytes and their checksum. */
enum error_code s3_putting_body(const struct s3_putting *putting, uint64_t offset,
                                uint64_t size_bytes, struct s3_body *body,
                                struct s3_checksum *checksum, struct error *error) MUST_CHECK;

/* content-type and the pairs. */
void s3_putting_add_headers(const struct s3_putting *putting, struct s3_call *call);
/* if-none-match, if-match: none where the store refuses them. */
void s3_putting_add_condition(const struct s3_putting *putting, struct s3_call *call);

/* Whether a request failed since the store does not know checksums in headers: then it is tried
 * without from now on. */
bool s3_putting_drops_checksums(const struct s3_putting *putting, const struct s3_outcome *outcome);

/*
 * An object is in the way (ERR_CONFLICT), or it is not known whether the put was done: looks at
 * what is there. OK: it is what was put (size and pairs), `object` is filled; ERR_CONFLICT, with a
 * sentence: it is another one; ERR_NOT_FOUND: nothing is there; else what s3_head gives.
 */
enum error_code s3_putting_settle(const struct s3_putting *putting, struct error *error) MUST_CHECK;

#endif
