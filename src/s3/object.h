// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_OBJECT_H
#define TTP_S3_OBJECT_H

/* What an answer's headers say of an object. */

#include "s3/client.h"
#include "s3/http.h"

/* Size (of a range: of the whole), time, ETag, pairs. Pairs that are too long or too many are left
 * out. ERR_CORRUPT: there is no size. */
enum error_code s3_object_read(const struct s3_answer *answer, struct s3_object *object,
                               struct error *error) MUST_CHECK;

/* "bytes 0-9/100": the first byte, the one behind the last, the object's size (UINT64_MAX: "*").
 * False if it is not that. */
bool s3_object_range(const char *text, uint64_t *first, uint64_t *end, uint64_t *size_bytes);

/* Copies an ETag; "" where it is too long to be one, or no visible ASCII: it goes into headers. */
void s3_object_set_etag(char etag[S3_ETAG_BYTES], struct bytes_view text);

#endif
