// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_KEY_SOURCES_H
#define TTP_S3_KEY_SOURCES_H

/* Services that hand out credentials for a while, each asked once. ERR_RETRY: none came, a later
 * question may do; ERR_AGAIN: stopped; ERR_INVALID: refused, or set up in a way that can't work;
 * ERR_NO_MEMORY. `keys` is initialised, and unchanged after a failure. */

#include "s3/http.h"
#include "s3/keys.h"

struct s3_key_request {
    struct s3_http *http;
    const char *(*variable)(const char *name); /* the environment */
    const char *region;
    bool (*stop)(void *context);
    void *stop_context;
};

struct s3_web_identity {
    const char *token_file;
    const char *role_arn;
    const char *session_name; /* NULL: ours */
};

/* STS's AssumeRoleWithWebIdentity, for which the token in the file is enough. */
enum error_code s3_keys_by_web_identity(const struct s3_key_request *request,
                                        const struct s3_web_identity *identity,
                                        struct s3_keys *keys, struct error *error) MUST_CHECK;

/* What AWS_CONTAINER_CREDENTIALS_FULL_URI or …_RELATIVE_URI names (`is_full`: the former), with the
 * token of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN. Without TLS
 * only this machine's own addresses are asked. */
enum error_code s3_keys_of_container(const struct s3_key_request *request, const char *uri,
                                     bool is_full, struct s3_keys *keys,
                                     struct error *error) MUST_CHECK;

/* The role of an EC2 machine by IMDSv2. */
enum error_code s3_keys_of_machine(const struct s3_key_request *request, struct s3_keys *keys,
                                   struct error *error) MUST_CHECK;

#endif
