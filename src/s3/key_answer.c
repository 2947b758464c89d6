// SPDX-License-Identifier: Apache-2.0
#include "s3/key_answer.h"

#include <stdbool.h>
#include <string.h>

#include "s3/xml.h"
#include "util/json_text.h"
#include "util/text.h"

static enum error_code set_expiry(struct s3_keys *keys, struct bytes_view text, struct error *error)
{
    if (text_parse_rfc3339(text, &keys->expires_us))
        return OK;
    return error_set(error, ERR_CORRUPT, "the credentials' end is no time of RFC 3339");
}

/* What s3_keys_set refuses in an answer is the answer's fault. */
static enum error_code set_key(char **field, struct bytes_view text, const char *what,
                               struct error *error)
{
    enum error_code code = s3_keys_set(field, text, what, error);
    if (code == ERR_INVALID && error != NULL)
        error->code = ERR_CORRUPT;
    return code == ERR_INVALID ? ERR_CORRUPT : code;
}

static enum error_code need_keys(struct s3_keys *keys, struct s3_keys *found, enum error_code code,
                                 struct error *error)
{
    if (code == OK && (found->access_key_id == NULL || found->secret_access_key == NULL))
        code = error_set(error, ERR_CORRUPT, "the answer holds no credentials");
    if (code == OK)
        s3_keys_move(keys, found);
    s3_keys_release(found);
    return code;
}

static struct bytes_view text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value)
               ? bytes_view_of(json_string_value(value), json_string_length(value))
               : bytes_view_of(NULL, 0);
}

static enum error_code take_json(const json_t *object, struct s3_keys *keys, struct error *error)
{
    struct bytes_view token = text_of(object, "Token");
    struct bytes_view expiration = text_of(object, "Expiration");
    struct bytes_view outcome = text_of(object, "Code");
    if (outcome.size_bytes != 0 && !bytes_equal(outcome, bytes_view_text("Success")))
        return error_set(error, ERR_CORRUPT, "the service has no credentials: %.*s",
                         (int)outcome.size_bytes, (const char *)outcome.data);
    enum error_code code =
        set_key(&keys->access_key_id, text_of(object, "AccessKeyId"), "AccessKeyId", error);
    if (code == OK)
        code = set_key(&keys->secret_access_key, text_of(object, "SecretAccessKey"),
                       "SecretAccessKey", error);
    if (code == OK && token.size_bytes != 0)
        code = set_key(&keys->session_token, token, "Token", error);
    if (code == OK && expiration.size_bytes != 0)
        code = set_expiry(keys, expiration, error);
    return code;
}

enum error_code s3_keys_from_json(struct bytes_view text, struct s3_keys *keys, struct error *error)
{
    json_t *object = NULL;
    struct s3_keys found;
    s3_keys_init(&found);
    enum error_code code = json_text_parse(text, "the answer with credentials", &object, error);
    if (code == OK)
        code = take_json(object, &found, error);
    json_decref(object);
    return need_keys(keys, &found, code, error);
}

static enum error_code take_element(void *context, const char *path, struct bytes_view text,
                                    struct error *error)
{
    static const char above[] =
        "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/";
    struct s3_keys *keys = context;
    if (strncmp(path, above, sizeof above - 1) != 0)
        return OK;
    const char *name = path + sizeof above - 1;
    if (strcmp(name, "AccessKeyId") == 0)
        return set_key(&keys->access_key_id, text, name, error);
    if (strcmp(name, "SecretAccessKey") == 0)
        return set_key(&keys->secret_access_key, text, name, error);
    if (strcmp(name, "SessionToken") == 0)
        return set_key(&keys->session_token, text, name, error);
    return strcmp(name, "Expiration") == 0 ? set_expiry(keys, text, error) : OK;
}

enum error_code s3_keys_from_sts(struct bytes_view text, struct s3_keys *keys, struct error *error)
{
    struct s3_keys found;
    s3_keys_init(&found);
    const struct s3_xml_handler handler = {&found, take_element};
    enum error_code code = s3_xml_read(text, &handler, error);
    return need_keys(keys, &found, code, error);
}
