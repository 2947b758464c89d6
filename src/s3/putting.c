// SPDX-License-Identifier: Apache-2.0
#include "s3/putting.h"

#include <string.h>
#include <strings.h>

#include "s3/object.h"

enum error_code s3_putting_body(const struct s3_putting *putting, uint64_t offset,
                                uint64_t size_bytes, struct s3_body *body,
                                struct s3_checksum *checksum, struct error *error)
{
    uint8_t hash[S3_SHA256_BYTES];
    enum error_code code;
    *body = (struct s3_body){.file = putting->file, .offset = offset, .size_bytes = size_bytes};
    if (putting->file != NULL) {
        code = s3_sha256_file(putting->file, offset, size_bytes, hash, error);
    } else {
        const uint8_t *data = putting->put->content.data;
        body->content = bytes_view_of(size_bytes == 0 ? data : data + offset, (size_t)size_bytes);
        code = s3_sha256(body->content, hash);
        if (code != OK)
            code = error_no_memory(error, "a checksum");
    }
    if (code != OK)
        return code;
    hex_encode(bytes_view_of(hash, sizeof hash), checksum->hex);
    base64_encode(bytes_view_of(hash, sizeof hash), checksum->base64);
    return OK;
}

void s3_putting_add_headers(const struct s3_putting *putting, struct s3_call *call)
{
    const struct s3_put_request *put = putting->put;
    const char *name = (const char *)putting->meta_names.data;
    s3_call_add_header(call, "content-type",
                       put->content_type != NULL ? put->content_type : "application/octet-stream");
    for (size_t i = 0; i < put->meta_count; i++) {
        s3_call_add_header(call, name, put->meta[i].value);
        name += strlen(name) + 1;
    }
}

void s3_putting_add_condition(const struct s3_putting *putting, struct s3_call *call)
{
    if (s3_client_conditions(putting->client) == S3_CONDITIONS_REFUSED)
        return;
    if (putting->put->only_new)
        s3_call_add_header(call, "if-none-match", "*");
    if (putting->put->only_over != NULL)
        s3_call_add_header(call, "if-match", putting->put->only_over);
}

bool s3_putting_drops_checksums(const struct s3_putting *putting, const struct s3_outcome *outcome)
{
    const struct s3_fault *fault = &outcome->fault;
    bool is_of_headers = fault->status == 501 ||
                         (fault->status == 400 && strcasestr(fault->message, "checksum") != NULL &&
                          fault->remedy == S3_FAULT_FINAL);
    return is_of_headers && !atomic_exchange(&putting->client->without_checksums, true);
}

static bool is_ours(const struct s3_putting *putting, const struct s3_object *object)
{
    const struct s3_put_request *put = putting->put;
    for (size_t i = 0; i < put->meta_count; i++) {
        const char *value = s3_object_meta(object, put->meta[i].name);
        if (value == NULL || strcmp(value, put->meta[i].value) != 0)
            return false;
    }
    return put->meta_count > 0 && object->size_bytes == putting->size_bytes;
}

enum error_code s3_putting_settle(const struct s3_putting *putting, struct error *error)
{
    struct s3_object object;
    const char *name = putting->put->name;
    enum error_code code =
        s3_head(putting->client, name, &object, putting->trying->patience, error);
    if (code != OK)
        return code;
    if (is_ours(putting, &object)) {
        *putting->object = object;
        return OK;
    }
    return error_set(error, ERR_CONFLICT,
                     "%s/%s is there already, %llu bytes put by another writer; check who else "
                     "writes to this prefix",
                     putting->client->url, name, (unsigned long long)object.size_bytes);
}
