// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_PROFILE_H
#define TTP_S3_PROFILE_H

/* The files that the AWS tools share: ~/.aws/config and ~/.aws/credentials ("Shared config and
 * credentials files", AWS SDKs and Tools Reference Guide). What is there is read anew at each call.
 */

#include <stdbool.h>

#include "util/bytes.h"
#include "util/error.h"

enum s3_profile_key {
    S3_PROFILE_ACCESS_KEY_ID,
    S3_PROFILE_SECRET_ACCESS_KEY,
    S3_PROFILE_SESSION_TOKEN,
    S3_PROFILE_REGION,
    S3_PROFILE_ENDPOINT,
    S3_PROFILE_CA_BUNDLE,
    S3_PROFILE_ROLE_ARN,
    S3_PROFILE_ROLE_SESSION_NAME,
    S3_PROFILE_TOKEN_FILE,
    /* Ways to credentials that this program does not go. */
    S3_PROFILE_PROCESS,
    S3_PROFILE_SSO_SESSION,
    S3_PROFILE_SSO_URL,
    S3_PROFILE_SOURCE_PROFILE,
    S3_PROFILE_CREDENTIAL_SOURCE,
    S3_PROFILE_KEY_COUNT
};

struct s3_profile {
    char *values[S3_PROFILE_KEY_COUNT]; /* NULL: not set */
    char *name;
    bool was_found; /* a file has a section of its name */
};

void s3_profile_init(struct s3_profile *profile);
void s3_profile_release(struct s3_profile *profile); /* wipes what it had */
/* As the files call it: "credential_process". */
const char *s3_profile_key_name(enum s3_profile_key key);

/* Takes what the section of that name says from the text of a file: `[default]`, `[NAME]` in a file
 * of credentials, `[profile NAME]` in one of configuration. Later values win. ERR_NO_MEMORY. */
enum error_code s3_profile_parse(struct s3_profile *profile, const char *name, bool is_config,
                                 struct bytes_view text) MUST_CHECK;

/* The profile that AWS_PROFILE names (default: "default"), of AWS_CONFIG_FILE and
 * AWS_SHARED_CREDENTIALS_FILE or their usual places; `profile` is initialised. Files that are not
 * there are empty. ERR_INVALID: AWS_PROFILE names one that neither file has, or a file can't be
 * read.
 */
enum error_code s3_profile_read(struct s3_profile *profile, const char *(*variable)(const char *),
                                struct error *error) MUST_CHECK;

#endif
