// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_MULTIPART_H
#define TTP_S3_MULTIPART_H

/* A put in parts: "Uploading an object using multipart upload", Amazon S3 User Guide. All parts but
 * the last have one size, as Cloudflare's store wants it. */

#include "s3/putting.h"

/* As s3_put. What a failure leaves at the store is given up. */
enum error_code s3_multipart_put(const struct s3_putting *putting, struct error *error) MUST_CHECK;

#endif
