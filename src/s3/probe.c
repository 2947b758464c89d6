// SPDX-License-Identifier: Apache-2.0
#include "s3/call.h"

/* A page of one entry: it fails in words (a HEAD of the bucket does not) where the bucket is not
 * there or may not be listed. */
static enum error_code look(struct s3_client *client, const struct s3_patience *patience,
                            struct error *error)
{
    struct s3_trying trying;
    struct buffer prefix;
    buffer_init(&prefix);
    enum error_code code =
        buffer_append_format(&prefix, "%s%s", client->prefix, client->prefix[0] != '\0' ? "/" : "");
    if (code == OK)
        code = buffer_append_byte(&prefix, 0);
    if (code != OK)
        return error_no_memory(error, "a request to the object store");
    struct s3_call call = {.method = "GET", .body_limit = S3_HTTP_ERROR_BYTES_MAX};
    s3_call_add_query(&call, "encoding-type", "url");
    s3_call_add_query(&call, "list-type", "2");
    s3_call_add_query(&call, "max-keys", "1");
    s3_call_add_query(&call, "prefix", (const char *)prefix.data);
    struct s3_outcome outcome;
    s3_trying_begin(&trying, patience);
    s3_outcome_init(&outcome);
    code = s3_call_run(client, &call, &trying, &outcome, error);
    if (code == ERR_NOT_FOUND) /* a store that does not say NoSuchBucket */
        code =
            error_set(error, ERR_INVALID,
                      "%s: the object store has no such bucket; make it, or correct its name and "
                      "the endpoint",
                      client->url);
    s3_outcome_release(&outcome);
    buffer_release(&prefix);
    return code;
}

/* Puts the probe where nothing is, then once more under the condition that nothing is there. */
static enum error_code try_conditions(struct s3_client *client, const char *name,
                                      const struct s3_patience *patience,
                                      enum s3_conditions *conditions, struct error *error)
{
    static const char words[] = "ttp-parquet-consumer tries what this store can do\n";
    struct s3_put_request put = {.name = name,
                                 .content = {(const uint8_t *)words, sizeof words - 1},
                                 .content_type = "text/plain"};
    enum error_code code = s3_put(client, &put, NULL, patience, error);
    if (code != OK)
        return code;
    put.only_new = true;
    code = s3_put(client, &put, NULL, patience, error);
    *conditions = code == ERR_CONFLICT  ? S3_CONDITIONS_HONOURED
                  : code == ERR_INVALID ? S3_CONDITIONS_REFUSED
                                        : S3_CONDITIONS_IGNORED;
    return code == ERR_CONFLICT || code == ERR_INVALID ? OK : code;
}

static enum error_code read_back(struct s3_client *client, const char *name,
                                 const struct s3_patience *patience, struct error *error)
{
    struct buffer content;
    buffer_init(&content);
    enum error_code code = s3_get_whole(client, name, 1024, &content, NULL, patience, error);
    buffer_release(&content);
    if (code == ERR_NOT_FOUND)
        code =
            error_set(error, ERR_INVALID,
                      "%s/%s was put and is not there; this store shows what was put later only, "
                      "which a lake can't be on",
                      client->url, name);
    return code;
}

enum error_code s3_probe(struct s3_client *client, const char *probe_name,
                         enum s3_conditions *conditions, const struct s3_patience *patience,
                         struct error *error)
{
    enum s3_conditions found = s3_client_conditions(client);
    enum error_code code = look(client, patience, error);
    if (code == OK && probe_name != NULL) {
        /* Forgotten first: with what is known the put would look instead of asking. */
        atomic_store(&client->conditions, S3_CONDITIONS_UNKNOWN);
        code = try_conditions(client, probe_name, patience, &found, error);
        if (code == OK)
            code = read_back(client, probe_name, patience, error);
        if (code == OK)
            code = s3_delete(client, probe_name, patience, error);
        atomic_store(&client->conditions, (int)found);
    }
    if (conditions != NULL)
        *conditions = found;
    return code;
}
