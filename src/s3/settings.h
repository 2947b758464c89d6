// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_SETTINGS_H
#define TTP_S3_SETTINGS_H

/* Where a bucket is: of the options, the environment and AWS's shared files. */

#include "s3/client.h"

struct s3_settings {
    char *bucket, *prefix, *region, *origin, *host, *path, *url; /* as in struct s3_client */
    char *ca_file;                                               /* NULL: the system's */
};

void s3_settings_release(struct s3_settings *settings);

/* ERR_INVALID: what can't be right, with the remedy; ERR_NO_MEMORY. */
enum error_code s3_settings_find(struct s3_settings *settings, const struct s3_options *options,
                                 const char *(*variable)(const char *name),
                                 struct error *error) MUST_CHECK;

#endif
