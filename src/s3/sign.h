// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_SIGN_H
#define TTP_S3_SIGN_H

/* AWS Signature Version 4 in the header Authorization ("Authenticating Requests: Using the
 * Authorization Header", Amazon S3 API Reference). The time is a parameter. */

#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"

struct s3_pair {
    const char *name;
    const char *value;
};

struct s3_signing {
    const char *method;
    const char *path;              /* as it is sent: encoded (s3/encode.h), from the '/' on */
    const char *query;             /* as it is sent: encoded, sorted by name; "" for none */
    const struct s3_pair *headers; /* all that are signed, host and x-amz-date among them; names in
                                      lower case, values without spaces at their ends */
    size_t header_count;
    const char *payload_hex; /* SHA-256 of the body, as in x-amz-content-sha256 */
    const char *region;
    const char *service; /* "s3" */
    const char *access_key_id;
    const char *secret_access_key;
};

#define S3_SIGNED_HEADERS_MAX 40

#define S3_DATE_BYTES 17
/* 20130524T000000Z: what x-amz-date says. */
void s3_sign_date(int64_t now_us, char out[S3_DATE_BYTES]);

/* Appends the value of Authorization; `date` is that of x-amz-date. ERR_NO_MEMORY, ERR_LIMIT (more
 * than S3_SIGNED_HEADERS_MAX headers). */
enum error_code s3_sign(const struct s3_signing *signing, const char *date,
                        struct buffer *out) MUST_CHECK;

#endif
