// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_CREDENTIALS_H
#define TTP_S3_CREDENTIALS_H

/*
 * The credentials in force, as every SDK of AWS finds them, in this order; the first that is set up
 * is the one that counts:
 *
 *   1. keys that the caller gave
 *   2. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *   3. the profile AWS_PROFILE of the shared files (s3/profile.h): its keys or its web identity
 *   4. AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN
 *   5. AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AWS_CONTAINER_CREDENTIALS_FULL_URI
 *   6. the EC2 machine's role by IMDSv2, unless AWS_EC2_METADATA_DISABLED is true
 *
 * Those that end are renewed five minutes before; files are read again after a minute, and all when
 * the store refuses what it was given. Any number of threads.
 */

#include <stdbool.h>

#include "s3/http.h"
#include "s3/keys.h"

struct s3_credentials;

struct s3_credentials_settings {
    struct s3_http *http; /* borrowed; its time-outs are short: a machine may have no service */
    const char *(*variable)(const char *name);
    const char *region;                                            /* copied */
    const char *access_key_id, *secret_access_key, *session_token; /* NULL: search; copied */
};

enum error_code s3_credentials_new(struct s3_credentials **out,
                                   const struct s3_credentials_settings *settings,
                                   struct error *error) MUST_CHECK;
void s3_credentials_free(struct s3_credentials *credentials);

struct s3_credentials_question {
    int64_t now_us;         /* real time */
    const char *refused_id; /* the access key that the store refused; NULL: none */
    bool (*stop)(void *context);
    void *stop_context;
};

/* A copy of those in force, renewed first where need be; `keys` is initialised. ERR_INVALID: there
 * are none, or what should give them says no; ERR_RETRY: it does not answer; ERR_AGAIN: stopped. */
enum error_code s3_credentials_take(struct s3_credentials *credentials,
                                    const struct s3_credentials_question *question,
                                    struct s3_keys *keys, struct error *error) MUST_CHECK;

#endif
