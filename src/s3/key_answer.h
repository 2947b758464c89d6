// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_KEY_ANSWER_H
#define TTP_S3_KEY_ANSWER_H

/* Credentials as services hand them out. */

#include "s3/keys.h"

#define S3_KEY_ANSWER_BYTES_MAX ((size_t)64 << 10)

/* The JSON of a container's or a machine's service: AccessKeyId, SecretAccessKey, Token, Expiration
 * (RFC 3339). `keys` is initialised, and unchanged after a failure. ERR_CORRUPT: it is not that. */
enum error_code s3_keys_from_json(struct bytes_view text, struct s3_keys *keys,
                                  struct error *error) MUST_CHECK;

/* The XML of STS's AssumeRoleWithWebIdentity. */
enum error_code s3_keys_from_sts(struct bytes_view text, struct s3_keys *keys,
                                 struct error *error) MUST_CHECK;

#endif
