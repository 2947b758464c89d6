// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "s3/multipart.h"
#include "s3/object.h"
#include "s3/putting.h"

/* Puts that found a name taken and, when they looked, free: somebody puts and deletes there. */
#define ROUNDS_MAX 3

static enum error_code put_once(const struct s3_putting *putting, struct s3_outcome *outcome,
                                struct error *error)
{
    struct s3_client *client = putting->client;
    struct s3_checksum checksum;
    struct s3_call call = {
        .method = "PUT", .name = putting->put->name, .body_limit = S3_HTTP_ERROR_BYTES_MAX};
    enum error_code code =
        s3_putting_body(putting, 0, putting->size_bytes, &call.body, &checksum, error);
    if (code != OK)
        return code;
    call.body_sha256_hex = checksum.hex;
    s3_putting_add_headers(putting, &call);
    s3_putting_add_condition(putting, &call);
    if (!atomic_load(&client->without_checksums))
        s3_call_add_header(&call, "x-amz-checksum-sha256", checksum.base64);
    code = s3_call_run(client, &call, putting->trying, outcome, error);
    if (code == OK) {
        const char *etag = s3_answer_header(&outcome->answer, "etag");
        *putting->object = (struct s3_object){.size_bytes = putting->size_bytes};
        s3_object_set_etag(putting->object->etag, bytes_view_text(etag != NULL ? etag : ""));
    }
    return code;
}

static enum error_code put_whole(const struct s3_putting *putting, struct error *error)
{
    struct s3_outcome outcome;
    enum error_code code = ERR_NOT_FOUND;
    s3_outcome_init(&outcome);
    for (unsigned round = 0; round < ROUNDS_MAX && code == ERR_NOT_FOUND; round++) {
        code = put_once(putting, &outcome, error);
        if (code == ERR_INVALID && s3_putting_drops_checksums(putting, &outcome))
            code = put_once(putting, &outcome, error);
        bool is_in_the_way =
            code == ERR_CONFLICT || (code == ERR_NOT_FOUND && putting->put->only_over != NULL);
        if (is_in_the_way)
            code = s3_putting_settle(putting, error);
        if (code == ERR_NOT_FOUND && putting->put->only_over != NULL)
            code = error_set(error, ERR_CONFLICT, "%s/%s is gone, so it can't be replaced",
                             putting->client->url, putting->put->name);
    }
    s3_outcome_release(&outcome);
    return code == ERR_NOT_FOUND ? ERR_CONFLICT : code;
}

/* A store that does not know conditions is asked what is there: another writer may still come
 * between, which is why names that matter are nobody else's. */
static enum error_code look_first(const struct s3_putting *putting, bool *is_done,
                                  struct error *error)
{
    enum s3_conditions conditions = s3_client_conditions(putting->client);
    *is_done = false;
    if (!putting->put->only_new ||
        (conditions != S3_CONDITIONS_IGNORED && conditions != S3_CONDITIONS_REFUSED))
        return OK;
    enum error_code code = s3_putting_settle(putting, error);
    *is_done = code == OK;
    return code == ERR_NOT_FOUND ? OK : code;
}

static enum error_code put_opened(struct s3_putting *putting, struct error *error)
{
    bool is_done;
    enum error_code code = OK;
    for (size_t i = 0; i < putting->put->meta_count && code == OK; i++) {
        code =
            buffer_append_format(&putting->meta_names, "x-amz-meta-%s", putting->put->meta[i].name);
        if (code == OK)
            code = buffer_append_byte(&putting->meta_names, 0);
    }
    if (code != OK)
        return error_no_memory(error, "a request to the object store");
    code = look_first(putting, &is_done, error);
    if (code != OK || is_done)
        return code;
    bool in_parts =
        putting->file != NULL && putting->size_bytes > putting->client->multipart_above_bytes;
    return in_parts ? s3_multipart_put(putting, error) : put_whole(putting, error);
}

enum error_code s3_put(struct s3_client *client, const struct s3_put_request *put,
                       struct s3_object *object, const struct s3_patience *patience,
                       struct error *error)
{
    assert(put->meta_count <= S3_META_MAX);
    struct s3_trying trying;
    struct s3_object unwanted;
    struct os_file file;
    struct s3_putting putting = {.client = client,
                                 .put = put,
                                 .size_bytes = put->content.size_bytes,
                                 .trying = &trying,
                                 .object = object != NULL ? object : &unwanted};
    enum error_code code = OK;
    os_file_init(&file);
    if (put->path != NULL) {
        code = os_file_open(&file, put->path, OS_OPEN_READ, error);
        if (code == OK)
            code = os_file_size(&file, &putting.size_bytes, error);
        putting.file = &file;
        if (code == ERR_NOT_FOUND)
            code = ERR_INVALID;
    }
    s3_trying_begin(&trying, patience);
    if (code == OK)
        code = put_opened(&putting, error);
    buffer_release(&putting.meta_names);
    os_file_release(&file);
    return code;
}
