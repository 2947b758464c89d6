// SPDX-License-Identifier: Apache-2.0
#include "s3/credentials.h"

#include <string.h>

#include "os/thread.h"
#include "s3/key_sources.h"
#include "s3/profile.h"
#include "util/memory.h"

#define RENEW_BEFORE_US (INT64_C(5) * 60 * 1000 * 1000)
#define READ_AGAIN_US   (INT64_C(60) * 1000 * 1000)
/* After a renewal that failed while the old ones still do. */
#define RENEW_AGAIN_US (INT64_C(30) * 1000 * 1000)

struct s3_credentials {
    struct s3_credentials_settings settings; /* its texts are NULL but the region: copied */
    char *region;
    bool are_given;
    struct os_mutex mutex; /* of what follows; held while a service is asked */
    struct s3_keys keys;   /* access_key_id NULL: none yet */
    int64_t renew_at_us;
};

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static enum error_code set_all(struct s3_keys *keys, const char *id, const char *secret,
                               const char *token, struct error *error)
{
    enum error_code code = s3_keys_set(&keys->access_key_id, bytes_view_text(id),
                                       "the access key of the object store", error);
    if (code == OK)
        code = s3_keys_set(&keys->secret_access_key, bytes_view_text(secret),
                           "the secret access key of the object store", error);
    if (code == OK && is_set(token))
        code = s3_keys_set(&keys->session_token, bytes_view_text(token),
                           "the session token of the object store", error);
    return code;
}

enum error_code s3_credentials_new(struct s3_credentials **out,
                                   const struct s3_credentials_settings *settings,
                                   struct error *error)
{
    *out = NULL;
    struct s3_credentials *credentials = mem_alloc_zero(1, sizeof *credentials);
    if (credentials == NULL)
        return error_no_memory(error, "credentials");
    enum error_code code = os_mutex_init(&credentials->mutex, error);
    if (code != OK) {
        mem_free(credentials);
        return code;
    }
    s3_keys_init(&credentials->keys);
    credentials->settings = *settings;
    credentials->region = mem_copy_text(settings->region);
    credentials->are_given = settings->access_key_id != NULL;
    if (credentials->region == NULL)
        code = error_no_memory(error, "credentials");
    else if (credentials->are_given)
        code = set_all(&credentials->keys, settings->access_key_id,
                       settings->secret_access_key != NULL ? settings->secret_access_key : "",
                       settings->session_token, error);
    credentials->renew_at_us = INT64_MAX;
    if (code != OK) {
        s3_credentials_free(credentials);
        return code;
    }
    *out = credentials;
    return OK;
}

void s3_credentials_free(struct s3_credentials *credentials)
{
    if (credentials == NULL)
        return;
    s3_keys_release(&credentials->keys);
    os_mutex_release(&credentials->mutex);
    mem_free(credentials->region);
    mem_free(credentials);
}

/* ---- the chain: each gives ERR_NOT_FOUND where it is not set up ---- */

static enum error_code from_environment(const struct s3_key_request *request, struct s3_keys *keys,
                                        struct error *error)
{
    const char *id = request->variable("AWS_ACCESS_KEY_ID");
    const char *secret = request->variable("AWS_SECRET_ACCESS_KEY");
    if (!is_set(id) && !is_set(secret))
        return ERR_NOT_FOUND;
    if (!is_set(id) || !is_set(secret))
        return error_set(error, ERR_INVALID, "%s is set without %s; set both, or neither",
                         is_set(id) ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                         is_set(id) ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return set_all(keys, id, secret, request->variable("AWS_SESSION_TOKEN"), error);
}

/* A profile without keys may point to ways that this program does not go. */
static enum error_code refuse_other_ways(const struct s3_profile *profile, struct error *error)
{
    for (enum s3_profile_key key = S3_PROFILE_PROCESS; key < S3_PROFILE_KEY_COUNT; key++) {
        if (profile->values[key] != NULL)
            return error_set(
                error, ERR_INVALID,
                "the profile %s of AWS's files gets its credentials by %s, which this "
                "program can't; give it keys, or set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY (`aws configure export-credentials` prints them)",
                profile->name, s3_profile_key_name(key));
    }
    return ERR_NOT_FOUND;
}

static enum error_code from_profile(const struct s3_key_request *request, struct s3_keys *keys,
                                    struct error *error)
{
    struct s3_profile profile;
    s3_profile_init(&profile);
    enum error_code code = s3_profile_read(&profile, request->variable, error);
    char *const *values = profile.values;
    const struct s3_web_identity identity = {values[S3_PROFILE_TOKEN_FILE],
                                             values[S3_PROFILE_ROLE_ARN],
                                             values[S3_PROFILE_ROLE_SESSION_NAME]};
    if (code != OK) {
        /* the reason stands in error */
    } else if (values[S3_PROFILE_ACCESS_KEY_ID] != NULL &&
               values[S3_PROFILE_SECRET_ACCESS_KEY] != NULL) {
        code = set_all(keys, values[S3_PROFILE_ACCESS_KEY_ID], values[S3_PROFILE_SECRET_ACCESS_KEY],
                       values[S3_PROFILE_SESSION_TOKEN], error);
    } else if (identity.token_file != NULL && identity.role_arn != NULL) {
        code = s3_keys_by_web_identity(request, &identity, keys, error);
    } else {
        code = refuse_other_ways(&profile, error);
    }
    s3_profile_release(&profile);
    return code;
}

static enum error_code from_web_identity(const struct s3_key_request *request, struct s3_keys *keys,
                                         struct error *error)
{
    const struct s3_web_identity identity = {request->variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
                                             request->variable("AWS_ROLE_ARN"),
                                             request->variable("AWS_ROLE_SESSION_NAME")};
    if (!is_set(identity.token_file))
        return ERR_NOT_FOUND;
    if (!is_set(identity.role_arn))
        return error_set(error, ERR_INVALID,
                         "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN; set both");
    return s3_keys_by_web_identity(request, &identity, keys, error);
}

static enum error_code from_container(const struct s3_key_request *request, struct s3_keys *keys,
                                      struct error *error)
{
    const char *relative = request->variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = request->variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (is_set(relative))
        return s3_keys_of_container(request, relative, false, keys, error);
    return is_set(full) ? s3_keys_of_container(request, full, true, keys, error) : ERR_NOT_FOUND;
}

static enum error_code from_machine(const struct s3_key_request *request, struct s3_keys *keys,
                                    struct error *error)
{
    const char *disabled = request->variable("AWS_EC2_METADATA_DISABLED");
    struct error reason;
    enum error_code code = ERR_NOT_FOUND;
    error_clear(&reason);
    if (disabled == NULL || strcasecmp(disabled, "true") != 0)
        code = s3_keys_of_machine(request, keys, &reason);
    if (code == OK || code == ERR_AGAIN || code == ERR_NO_MEMORY) {
        if (code != OK)
            *error = reason;
        return code;
    }
    return error_set(
        error, ERR_INVALID,
        "there are no credentials for the object store%s%s; set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine or container a role",
        reason.message[0] != '\0' ? ": " : "", reason.message);
}

static enum error_code find_keys(const struct s3_key_request *request, struct s3_keys *keys,
                                 struct error *error)
{
    static enum error_code (*const chain[])(const struct s3_key_request *, struct s3_keys *,
                                            struct error *) = {
        from_environment, from_profile, from_web_identity, from_container, from_machine};
    enum error_code code = ERR_NOT_FOUND;
    for (size_t i = 0; i < sizeof chain / sizeof chain[0] && code == ERR_NOT_FOUND; i++)
        code = chain[i](request, keys, error);
    return code;
}

/* ---- renewing ---- */

static int64_t renewal_of(const struct s3_keys *keys, int64_t now_us)
{
    if (keys->expires_us == INT64_MAX)
        return now_us + READ_AGAIN_US;
    int64_t before_us = keys->expires_us - RENEW_BEFORE_US;
    return before_us > now_us ? before_us : now_us + RENEW_AGAIN_US;
}

static enum error_code renew(struct s3_credentials *credentials,
                             const struct s3_credentials_question *question, bool were_refused,
                             struct error *error)
{
    const struct s3_key_request request = {
        .http = credentials->settings.http,
        .variable = credentials->settings.variable,
        .region = credentials->region,
        .stop = question->stop,
        .stop_context = question->stop_context,
    };
    struct s3_keys found;
    s3_keys_init(&found);
    enum error_code code = find_keys(&request, &found, error);
    bool old_do = credentials->keys.access_key_id != NULL && !were_refused &&
                  question->now_us < credentials->keys.expires_us;
    if (code == OK) {
        s3_keys_move(&credentials->keys, &found);
        credentials->renew_at_us = renewal_of(&credentials->keys, question->now_us);
    } else if (old_do && code != ERR_AGAIN && code != ERR_NO_MEMORY) {
        credentials->renew_at_us = question->now_us + RENEW_AGAIN_US;
        code = OK;
    }
    s3_keys_release(&found);
    return code;
}

enum error_code s3_credentials_take(struct s3_credentials *credentials,
                                    const struct s3_credentials_question *question,
                                    struct s3_keys *keys, struct error *error)
{
    os_mutex_lock(&credentials->mutex);
    const struct s3_keys *now = &credentials->keys;
    bool were_refused = question->refused_id != NULL && now->access_key_id != NULL &&
                        strcmp(question->refused_id, now->access_key_id) == 0;
    enum error_code code = OK;
    if (!credentials->are_given && (now->access_key_id == NULL || were_refused ||
                                    question->now_us >= credentials->renew_at_us))
        code = renew(credentials, question, were_refused, error);
    if (code == OK && s3_keys_copy(keys, &credentials->keys) != OK)
        code = error_no_memory(error, "credentials");
    os_mutex_unlock(&credentials->mutex);
    return code;
}
