// SPDX-License-Identifier: Apache-2.0
/*
 * Many objects by one request ("DeleteObjects"), where the store has it. What one answer does not
 * say of every object it was asked to delete is done for each of them alone, which also says why it
 * fails: so this part only saves requests, and decides nothing.
 */
#include <string.h>

#include "s3/call.h"
#include "s3/encode.h"
#include "s3/hash.h"
#include "s3/xml.h"
#include "util/memory.h"

#define NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"

struct deletion_request {
    struct s3_client *client;
    const char *const *names; /* S3_DELETE_MAX at most */
    size_t count;
    bool *is_left;      /* of each name, by the last answer */
    struct buffer body; /* of the request */
    struct buffer key;  /* of the answer's element that is read */
};

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "a request to the object store");
}

/* ---- the answer ---- */

static enum error_code note_left(struct deletion_request *request)
{
    struct buffer key;
    bool is_found = false;
    enum error_code code = OK;
    buffer_init(&key);
    for (size_t i = 0; code == OK && i < request->count; i++) {
        buffer_reset(&key);
        code = s3_key_of(request->client, request->names[i], &key);
        if (code == OK && key.size_bytes == request->key.size_bytes + 1 &&
            memcmp(key.data, request->key.data, request->key.size_bytes) == 0)
            request->is_left[i] = is_found = true;
    }
    for (size_t i = 0; code == OK && !is_found && i < request->count; i++)
        request->is_left[i] = true; /* it does not say which */
    buffer_release(&key);
    return code;
}

static enum error_code take_element(void *context, const char *path, struct bytes_view text,
                                    struct error *error)
{
    struct deletion_request *request = context;
    enum error_code code = OK;
    if (strcmp(path, "DeleteResult/Error/Key") == 0) {
        buffer_reset(&request->key);
        code = buffer_append(&request->key, text.data, text.size_bytes);
    } else if (strcmp(path, "DeleteResult/Error") == 0 && request->key.size_bytes > 0) {
        code = note_left(request);
        buffer_reset(&request->key);
    } else if (strchr(path, '/') == NULL && strcmp(path, "DeleteResult") != 0) {
        return error_set(error, ERR_CORRUPT, "it is none to a deletion");
    }
    return code == OK ? OK : no_memory(error);
}

/* Not to be read: asked again. */
static enum error_code check_deleted(void *context, const struct s3_answer *answer,
                                     struct error *error)
{
    struct deletion_request *request = context;
    const struct s3_xml_handler handler = {request, take_element};
    memset(request->is_left, 0, request->count * sizeof *request->is_left);
    buffer_reset(&request->key);
    enum error_code code = s3_xml_read(buffer_view(&answer->body), &handler, error);
    return code == ERR_CORRUPT
               ? error_set(error, ERR_RETRY, "the answer does not say whether objects are deleted")
               : code;
}

/* ---- the request ---- */

static enum error_code write_body(struct deletion_request *request)
{
    struct buffer key;
    buffer_init(&key);
    enum error_code code =
        buffer_append_text(&request->body, "<Delete xmlns=\"" NAMESPACE "\"><Quiet>true</Quiet>");
    for (size_t i = 0; code == OK && i < request->count; i++) {
        buffer_reset(&key);
        code = s3_key_of(request->client, request->names[i], &key);
        if (code == OK)
            code = buffer_append_text(&request->body, "<Object><Key>");
        if (code == OK)
            code = s3_xml_append_text(&request->body, (const char *)key.data);
        if (code == OK)
            code = buffer_append_text(&request->body, "</Key></Object>");
    }
    buffer_release(&key);
    return code == OK ? buffer_append_text(&request->body, "</Delete>") : code;
}

static enum error_code send(struct deletion_request *request, const struct s3_patience *patience,
                            struct error *error)
{
    uint8_t hash[S3_SHA256_BYTES], md5[S3_MD5_BYTES];
    char hash_hex[2 * S3_SHA256_BYTES + 1], md5_base64[S3_BASE64_MD5_BYTES];
    struct s3_trying trying;
    struct s3_outcome outcome;
    struct bytes_view body = buffer_view(&request->body);
    if (s3_sha256(body, hash) != OK)
        return no_memory(error);
    if (s3_md5(body, md5) != OK)
        return error_set(error, ERR_INVALID, "this machine makes no MD5 checksums");
    hex_encode(bytes_view_of(hash, sizeof hash), hash_hex);
    base64_encode(bytes_view_of(md5, sizeof md5), md5_base64);
    struct s3_call call = {.method = "POST",
                           .body = {.content = body, .size_bytes = body.size_bytes},
                           .body_sha256_hex = hash_hex,
                           .body_limit = S3_XML_BYTES_MAX,
                           .check = check_deleted,
                           .context = request};
    s3_call_add_query(&call, "delete", "");
    /* Of all checksums the one that every store takes here; most want one. */
    s3_call_add_header(&call, "content-md5", md5_base64);
    s3_call_add_header(&call, "content-type", "application/xml");
    s3_trying_begin(&trying, patience);
    s3_outcome_init(&outcome);
    enum error_code code = s3_call_run(request->client, &call, &trying, &outcome, error);
    s3_outcome_release(&outcome);
    return code;
}

static enum error_code delete_together(struct deletion_request *request,
                                       const struct s3_patience *patience, struct error *error)
{
    enum error_code code = write_body(request) == OK ? OK : no_memory(error);
    return code == OK ? send(request, patience, error) : code;
}

/* ---- all of it ---- */

/* Those that are left. */
static enum error_code delete_alone(const struct deletion_request *request, size_t *done,
                                    const struct s3_patience *patience, struct error *error)
{
    enum error_code code = OK;
    *done = 0;
    for (size_t i = 0; code == OK && i < request->count; i++) {
        if (request->is_left[i])
            code = s3_delete(request->client, request->names[i], patience, error);
        *done += code == OK;
    }
    return code;
}

/* Whatever else it says of a request that deletes objects alone, which it knows: that is asked. */
static bool may_lack_it(enum error_code code)
{
    return code != OK && code != ERR_RETRY && code != ERR_AGAIN && code != ERR_NO_MEMORY;
}

static enum error_code delete_some(struct deletion_request *request, size_t *done,
                                   const struct s3_patience *patience, struct error *error)
{
    struct s3_client *client = request->client;
    bool is_refused = false;
    enum error_code code = OK;
    if (request->count > 1 && !atomic_load(&client->deletes_alone)) {
        code = delete_together(request, patience, error);
        is_refused = may_lack_it(code);
        if (code != OK && !is_refused)
            return code;
    }
    if (request->count == 1 || is_refused || atomic_load(&client->deletes_alone))
        memset(request->is_left, true, request->count * sizeof *request->is_left);
    code = delete_alone(request, done, patience, error);
    if (is_refused && *done > 0)
        atomic_store(&client->deletes_alone, true);
    return code;
}

enum error_code s3_delete_many(struct s3_client *client, const char *const *names, size_t count,
                               size_t *done, const struct s3_patience *patience,
                               struct error *error)
{
    struct deletion_request request = {.client = client};
    enum error_code code = OK;
    *done = 0;
    request.is_left = mem_alloc_zero(S3_DELETE_MAX, sizeof *request.is_left);
    if (request.is_left == NULL)
        return no_memory(error);
    buffer_init(&request.body);
    buffer_init(&request.key);
    while (code == OK && *done < count) {
        size_t some = 0;
        buffer_reset(&request.body);
        request.names = names + *done;
        request.count = count - *done < S3_DELETE_MAX ? count - *done : S3_DELETE_MAX;
        code = delete_some(&request, &some, patience, error);
        *done += some;
    }
    buffer_release(&request.key);
    buffer_release(&request.body);
    mem_free(request.is_left);
    return code;
}
