// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_HANDLE_H
#define TTP_S3_HANDLE_H

/* What a client (s3/client.h) is made of: for the modules that do its calls. All but the atomics
 * stays as it was made. */

#include <stdatomic.h>

#include "s3/client.h"
#include "s3/credentials.h"
#include "s3/http.h"

#define S3_MULTIPART_ABOVE_BYTES ((uint64_t)64 << 20)
#define S3_PART_BYTES            ((uint64_t)16 << 20)
#define S3_PARTS_MAX             10000

struct s3_client {
    struct s3_http *http;
    struct s3_http *key_http; /* where credentials come from: with short time-outs */
    struct s3_credentials *credentials;
    char *url; /* s3://bucket/prefix */
    char *bucket;
    char *prefix; /* "" or without '/' at its ends */
    char *region;
    char *origin; /* scheme://host[:port], where requests go */
    char *host;   /* of it */
    char *path;   /* in front of "/key", encoded: "" or "/bucket" behind the endpoint's own path */
    uint64_t multipart_above_bytes, part_bytes;
    _Atomic int64_t clock_offset_us; /* the store's clock less ours */
    _Atomic int conditions;          /* enum s3_conditions */
    atomic_bool without_checksums;   /* the store does not know x-amz-checksum-… */
    atomic_bool deletes_alone;       /* the store refused to delete several by one request */
    _Atomic uint64_t jitter;
    _Atomic uint64_t requests, retries, sent_bytes, received_bytes;
};

#endif
