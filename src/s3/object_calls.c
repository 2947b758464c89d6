// SPDX-License-Identifier: Apache-2.0
#include "s3/call.h"
#include "s3/encode.h"
#include "s3/object.h"

enum error_code s3_head(struct s3_client *client, const char *name, struct s3_object *object,
                        const struct s3_patience *patience, struct error *error)
{
    struct s3_trying trying;
    struct s3_call call = {.method = "HEAD", .name = name};
    struct s3_outcome outcome;
    s3_trying_begin(&trying, patience);
    s3_outcome_init(&outcome);
    enum error_code code = s3_call_run(client, &call, &trying, &outcome, error);
    if (code == OK)
        code = s3_object_read(&outcome.answer, object, error);
    s3_outcome_release(&outcome);
    return code;
}

/* An object, or what was sent of one (`upload_id`). Gone is as good. */
static enum error_code run_delete(struct s3_client *client, const char *name, const char *upload_id,
                                  const struct s3_patience *patience, struct error *error)
{
    struct s3_trying trying;
    struct s3_call call = {.method = "DELETE", .name = name, .body_limit = S3_HTTP_ERROR_BYTES_MAX};
    struct s3_outcome outcome;
    if (upload_id != NULL)
        s3_call_add_query(&call, "uploadId", upload_id);
    s3_trying_begin(&trying, patience);
    s3_outcome_init(&outcome);
    enum error_code code = s3_call_run(client, &call, &trying, &outcome, error);
    s3_outcome_release(&outcome);
    return code == ERR_NOT_FOUND ? OK : code;
}

enum error_code s3_delete(struct s3_client *client, const char *name,
                          const struct s3_patience *patience, struct error *error)
{
    return run_delete(client, name, NULL, patience, error);
}

enum error_code s3_abort_upload(struct s3_client *client, const char *name, const char *upload_id,
                                const struct s3_patience *patience, struct error *error)
{
    return run_delete(client, name, upload_id, patience, error);
}

enum error_code s3_copy(struct s3_client *client, const char *from, const char *to,
                        const struct s3_patience *patience, struct error *error)
{
    struct buffer key, source;
    buffer_init(&key);
    buffer_init(&source);
    enum error_code code = s3_key_of(client, from, &key);
    if (code == OK)
        code = buffer_append_format(&source, "/%s/", client->bucket);
    if (code == OK)
        code = s3_encode(&source, bytes_view_of(key.data, key.size_bytes - 1), true);
    if (code == OK)
        code = buffer_append_byte(&source, 0);
    buffer_release(&key);
    struct s3_trying trying;
    struct s3_call call = {.method = "PUT", .name = to, .body_limit = S3_HTTP_ERROR_BYTES_MAX};
    struct s3_outcome outcome;
    s3_trying_begin(&trying, patience);
    s3_outcome_init(&outcome);
    if (code == OK) {
        s3_call_add_header(&call, "x-amz-copy-source", (const char *)source.data);
        code = s3_call_run(client, &call, &trying, &outcome, error);
    } else {
        code = error_no_memory(error, "a request to the object store");
    }
    s3_outcome_release(&outcome);
    buffer_release(&source);
    return code;
}
