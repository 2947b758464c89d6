// SPDX-License-Identifier: Apache-2.0
#include "s3/multipart.h"

#include <string.h>

#include "os/clock.h"
#include "s3/object.h"
#include "s3/xml.h"

#define UPLOAD_ID_BYTES_MAX 1024
#define MIB                 ((uint64_t)1 << 20)
/* An upload that was begun anew so often meets somebody who works against it. */
#define ROUNDS_MAX 4
/* Giving up an upload is a kindness that must not hold up a stop. */
#define ABORT_WITHIN_US INT64_C(5000000)

struct multipart {
    const struct s3_putting *putting;
    char upload_id[UPLOAD_ID_BYTES_MAX + 1];
    char etag[S3_ETAG_BYTES];
    struct buffer parts; /* the body of the request that completes it */
};

static void copy_text(char *out, size_t out_bytes, struct bytes_view text)
{
    size_t size_bytes = text.size_bytes < out_bytes ? text.size_bytes : 0;
    if (size_bytes > 0)
        memcpy(out, text.data, size_bytes);
    out[size_bytes] = '\0';
}

/* ---- beginning ---- */

static enum error_code take_begun(void *context, const char *path, struct bytes_view text,
                                  struct error *error)
{
    struct multipart *upload = context;
    (void)error;
    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0)
        copy_text(upload->upload_id, sizeof upload->upload_id, text);
    return OK;
}

/* An answer that is cut or garbled: the upload, if it was begun, is left over for s3_list_uploads.
 */
static enum error_code check_begun(void *context, const struct s3_answer *answer,
                                   struct error *error)
{
    struct multipart *upload = context;
    const struct s3_xml_handler handler = {upload, take_begun};
    upload->upload_id[0] = '\0';
    enum error_code code = s3_xml_read(buffer_view(&answer->body), &handler, error);
    if (code == OK && upload->upload_id[0] == '\0')
        return error_set(error, ERR_CORRUPT, "the answer names no upload");
    return code;
}

static enum error_code begin_once(struct multipart *upload, struct s3_outcome *outcome,
                                  struct error *error)
{
    const struct s3_putting *putting = upload->putting;
    struct s3_call call = {.method = "POST",
                           .name = putting->put->name,
                           .body_limit = S3_HTTP_ERROR_BYTES_MAX,
                           .check = check_begun,
                           .context = upload};
    s3_call_add_query(&call, "uploads", "");
    s3_putting_add_headers(putting, &call);
    if (!atomic_load(&putting->client->without_checksums))
        s3_call_add_header(&call, "x-amz-checksum-algorithm", "SHA256");
    return s3_call_run(putting->client, &call, putting->trying, outcome, error);
}

static enum error_code begin(struct multipart *upload, struct error *error)
{
    struct s3_outcome outcome;
    s3_outcome_init(&outcome);
    enum error_code code = begin_once(upload, &outcome, error);
    if (code == ERR_INVALID && s3_putting_drops_checksums(upload->putting, &outcome))
        code = begin_once(upload, &outcome, error);
    s3_outcome_release(&outcome);
    return code;
}

/* ---- parts ---- */

static enum error_code note_part(struct multipart *upload, const char *number, const char *etag,
                                 const char *checksum)
{
    struct buffer *parts = &upload->parts;
    enum error_code code =
        buffer_append_format(parts, "<Part><PartNumber>%s</PartNumber><ETag>", number);
    if (code == OK)
        code = s3_xml_append_text(parts, etag);
    if (code == OK)
        code = buffer_append_text(parts, "</ETag>");
    if (code == OK && checksum != NULL)
        code = buffer_append_format(parts, "<ChecksumSHA256>%s</ChecksumSHA256>", checksum);
    return code == OK ? buffer_append_text(parts, "</Part>") : code;
}

static enum error_code check_part(void *context, const struct s3_answer *answer,
                                  struct error *error)
{
    struct multipart *upload = context;
    const char *etag = s3_answer_header(answer, "etag");
    s3_object_set_etag(upload->etag, bytes_view_text(etag != NULL ? etag : ""));
    return upload->etag[0] != '\0'
               ? OK
               : error_set(error, ERR_CORRUPT, "the object store gives a part no ETag");
}

static enum error_code send_part(struct multipart *upload, unsigned number, uint64_t offset,
                                 uint64_t size_bytes, struct error *error)
{
    const struct s3_putting *putting = upload->putting;
    bool with_checksum = !atomic_load(&putting->client->without_checksums);
    char number_text[S3_NUMBER_BYTES];
    struct s3_checksum checksum;
    struct s3_call call = {.method = "PUT",
                           .name = putting->put->name,
                           .body_limit = S3_HTTP_ERROR_BYTES_MAX,
                           .check = check_part,
                           .context = upload};
    enum error_code code =
        s3_putting_body(putting, offset, size_bytes, &call.body, &checksum, error);
    if (code != OK)
        return code;
    s3_number_text(number, number_text);
    call.body_sha256_hex = checksum.hex;
    s3_call_add_query(&call, "partNumber", number_text);
    s3_call_add_query(&call, "uploadId", upload->upload_id);
    if (with_checksum)
        s3_call_add_header(&call, "x-amz-checksum-sha256", checksum.base64);
    struct s3_outcome outcome;
    s3_outcome_init(&outcome);
    code = s3_call_run(putting->client, &call, putting->trying, &outcome, error);
    s3_outcome_release(&outcome);
    if (code == OK)
        s3_trying_progress(putting->trying);
    if (code == OK &&
        note_part(upload, number_text, upload->etag, with_checksum ? checksum.base64 : NULL) != OK)
        code = error_no_memory(error, "a request to the object store");
    return code;
}

/* At most S3_PARTS_MAX of them. */
static uint64_t part_bytes_of(const struct s3_putting *putting)
{
    uint64_t least_bytes = putting->size_bytes / (S3_PARTS_MAX - 1);
    uint64_t part_bytes = putting->client->part_bytes;
    return part_bytes >= least_bytes ? part_bytes : (least_bytes / MIB + 1) * MIB;
}

static enum error_code send_parts(struct multipart *upload, struct error *error)
{
    uint64_t size_bytes = upload->putting->size_bytes;
    uint64_t part_bytes = part_bytes_of(upload->putting);
    unsigned number = 1;
    buffer_reset(&upload->parts);
    enum error_code code = buffer_append_text(
        &upload->parts,
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    if (code != OK)
        return error_no_memory(error, "a request to the object store");
    for (uint64_t offset = 0; offset < size_bytes && code == OK; offset += part_bytes) {
        uint64_t left_bytes = size_bytes - offset;
        code = send_part(upload, number++, offset,
                         left_bytes < part_bytes ? left_bytes : part_bytes, error);
    }
    if (code == OK && buffer_append_text(&upload->parts, "</CompleteMultipartUpload>") != OK)
        code = error_no_memory(error, "a request to the object store");
    return code;
}

/* ---- completing ---- */

static enum error_code take_completed(void *context, const char *path, struct bytes_view text,
                                      struct error *error)
{
    struct multipart *upload = context;
    (void)error;
    if (strcmp(path, "CompleteMultipartUploadResult/ETag") == 0)
        s3_object_set_etag(upload->etag, text);
    return OK;
}

/* The body tells whether it was done: one that can't be read tells nothing, so ask again. */
static enum error_code check_completed(void *context, const struct s3_answer *answer,
                                       struct error *error)
{
    struct multipart *upload = context;
    const struct s3_xml_handler handler = {upload, take_completed};
    upload->etag[0] = '\0';
    enum error_code code = s3_xml_read(buffer_view(&answer->body), &handler, error);
    if (code == ERR_CORRUPT || (code == OK && upload->etag[0] == '\0'))
        return error_set(error, ERR_RETRY,
                         "the answer does not say whether the upload is complete");
    return code;
}

/* ERR_RETRY with *anew: the upload can't be completed any more, another one may. *is_left: it is
 * still there, since what it was for is done otherwise. */
static enum error_code complete(struct multipart *upload, bool *anew, bool *is_left,
                                struct error *error)
{
    const struct s3_putting *putting = upload->putting;
    struct s3_checksum checksum;
    uint8_t hash[S3_SHA256_BYTES];
    *anew = false;
    *is_left = false;
    if (s3_sha256(buffer_view(&upload->parts), hash) != OK)
        return error_no_memory(error, "a checksum");
    hex_encode(bytes_view_of(hash, sizeof hash), checksum.hex);
    struct s3_call call = {
        .method = "POST",
        .name = putting->put->name,
        .body = {.content = buffer_view(&upload->parts), .size_bytes = upload->parts.size_bytes},
        .body_sha256_hex = checksum.hex,
        .body_limit = S3_HTTP_ERROR_BYTES_MAX,
        .final_fault = "ConditionalRequestConflict",
        .check = check_completed,
        .context = upload};
    s3_call_add_query(&call, "uploadId", upload->upload_id);
    s3_call_add_header(&call, "content-type", "application/xml");
    s3_putting_add_condition(putting, &call);
    struct s3_outcome outcome;
    s3_outcome_init(&outcome);
    enum error_code code = s3_call_run(putting->client, &call, putting->trying, &outcome, error);
    *anew = strcmp(outcome.fault.code, "ConditionalRequestConflict") == 0;
    s3_outcome_release(&outcome);
    /* Gone: completed by an attempt whose answer was lost, or given up by somebody. */
    if (code == ERR_CONFLICT || code == ERR_NOT_FOUND) {
        code = s3_putting_settle(putting, error);
        *anew = code == ERR_NOT_FOUND;
        *is_left = true;
        return *anew ? error_set(error, ERR_RETRY, "the upload of %s/%s is gone",
                                 putting->client->url, putting->put->name)
                     : code;
    }
    if (code == OK) {
        *putting->object = (struct s3_object){.size_bytes = putting->size_bytes};
        memcpy(putting->object->etag, upload->etag, sizeof upload->etag);
    }
    return code;
}

static bool is_over(void *context)
{
    const int64_t *deadline_us = context;
    return os_monotonic_us() >= *deadline_us;
}

/* What can't be given up now is found by s3_list_uploads. */
static void give_up(const struct multipart *upload)
{
    int64_t deadline_us = os_monotonic_us() + ABORT_WITHIN_US;
    const struct s3_patience patience = {ABORT_WITHIN_US / 2, is_over, &deadline_us};
    struct error ignored;
    (void)!s3_abort_upload(upload->putting->client, upload->putting->put->name, upload->upload_id,
                           &patience, &ignored);
}

/* One upload from its beginning to its end. */
static enum error_code upload_once(struct multipart *upload, bool *anew, struct error *error)
{
    *anew = false;
    bool is_left = false;
    enum error_code code = begin(upload, error);
    if (code != OK)
        return code;
    s3_trying_progress(upload->putting->trying);
    code = send_parts(upload, error);
    if (code == ERR_NOT_FOUND) { /* somebody gave it up */
        *anew = true;
        return ERR_RETRY;
    }
    if (code == OK)
        code = complete(upload, anew, &is_left, error);
    if (code != OK || is_left)
        give_up(upload);
    return code;
}

enum error_code s3_multipart_put(const struct s3_putting *putting, struct error *error)
{
    struct multipart upload = {.putting = putting};
    bool anew = true;
    enum error_code code = OK;
    for (unsigned round = 0; anew && round < ROUNDS_MAX; round++) {
        code = upload_once(&upload, &anew, error);
        if (anew && round + 1 < ROUNDS_MAX) {
            enum error_code waited = s3_trying_wait(putting->trying, putting->client, 0, error);
            anew = waited == OK;
            code = waited == ERR_AGAIN ? waited : code;
        }
    }
    buffer_release(&upload.parts);
    return code == OK || !anew ? code : ERR_RETRY;
}
