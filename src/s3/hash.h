// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_HASH_H
#define TTP_S3_HASH_H

/* SHA-256, HMAC-SHA-256 and MD5, by OpenSSL. */

#include <stdint.h>

#include "os/file.h"
#include "util/bytes.h"
#include "util/error.h"

#define S3_SHA256_BYTES 32

/* ERR_NO_MEMORY. */
enum error_code s3_sha256(struct bytes_view bytes, uint8_t out[S3_SHA256_BYTES]) MUST_CHECK;
enum error_code s3_hmac(struct bytes_view key, struct bytes_view text,
                        uint8_t out[S3_SHA256_BYTES]) MUST_CHECK;

/* No secret and no promise rests on it: some requests want it for what they send. ERR_INVALID
 * where this machine allows no MD5. */
#define S3_MD5_BYTES        16
#define S3_BASE64_MD5_BYTES 25
enum error_code s3_md5(struct bytes_view bytes, uint8_t out[S3_MD5_BYTES]) MUST_CHECK;

/* Of size_bytes bytes of a file from `offset` on. As os_file_read, and ERR_NO_MEMORY. */
enum error_code s3_sha256_file(const struct os_file *file, uint64_t offset, uint64_t size_bytes,
                               uint8_t out[S3_SHA256_BYTES], struct error *error) MUST_CHECK;

#endif
