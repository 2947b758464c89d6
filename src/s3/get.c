// SPDX-License-Identifier: Apache-2.0
/* Gets. A cut answer is asked for again from where it was cut, of the same object (by its ETag). */
#include <assert.h>
#include <string.h>

#include "s3/call.h"
#include "s3/object.h"
#include "util/text.h"

/* One get and how far it came. */
struct getting {
    uint64_t next;            /* offset of the byte that is wanted next */
    uint64_t end;             /* behind the last one; UINT64_MAX: to the object's end */
    uint64_t size_bytes;      /* of the object; UINT64_MAX: not known yet */
    char etag[S3_ETAG_BYTES]; /* of the object; "": any */
    struct buffer range;      /* the header's value */
    bool is_begun;            /* this attempt's answer was looked at */
    const struct s3_answer *answer;
    struct s3_trying *trying;
    s3_take *take;
    void *context;
};

static enum error_code prepare(void *context, struct s3_call *call, struct error *error)
{
    struct getting *getting = context;
    getting->is_begun = false;
    call->header_count = 0;
    if (getting->etag[0] != '\0')
        s3_call_add_header(call, "if-match", getting->etag);
    if (getting->next == 0 && getting->end == UINT64_MAX)
        return OK;
    buffer_reset(&getting->range);
    enum error_code code =
        buffer_append_format(&getting->range, "bytes=%llu-", (unsigned long long)getting->next);
    if (code == OK && getting->end != UINT64_MAX)
        code =
            buffer_append_format(&getting->range, "%llu", (unsigned long long)(getting->end - 1));
    if (code == OK)
        code = buffer_append_byte(&getting->range, 0);
    if (code != OK)
        return error_no_memory(error, "a request to the object store");
    s3_call_add_header(call, "range", (const char *)getting->range.data);
    return OK;
}

/* Whether the answer is of the bytes that were asked for. */
static enum error_code begin(struct getting *getting, struct error *error)
{
    const struct s3_answer *answer = getting->answer;
    uint64_t first = 0, end = 0;
    getting->is_begun = true;
    bool wants_part = getting->next != 0 || getting->end != UINT64_MAX;
    if (answer->status == 206 && (!s3_object_range(s3_answer_header(answer, "content-range"),
                                                   &first, &end, &getting->size_bytes) ||
                                  first != getting->next || end > getting->end))
        return error_set(error, ERR_CORRUPT,
                         "the object store sent other bytes than were asked for");
    if (answer->status != 206 && wants_part)
        return error_set(error, ERR_CORRUPT,
                         "the object store sent the whole object where a part was asked for");
    const char *length = s3_answer_header(answer, "content-length");
    if (answer->status != 206 && length != NULL &&
        !text_parse_u64(bytes_view_text(length), &getting->size_bytes))
        return error_set(error, ERR_CORRUPT, "the object store does not say the object's size");
    const char *etag = s3_answer_header(answer, "etag");
    if (getting->etag[0] == '\0' && etag != NULL)
        s3_object_set_etag(getting->etag, bytes_view_text(etag));
    return OK;
}

static enum error_code take_piece(void *context, const void *data, size_t size_bytes,
                                  struct error *error)
{
    struct getting *getting = context;
    enum error_code code = getting->is_begun ? OK : begin(getting, error);
    if (code != OK)
        return code;
    if (size_bytes > getting->end - getting->next)
        return error_set(error, ERR_CORRUPT, "the object store sent more than was asked for");
    code = getting->take(getting->context, data, size_bytes, error);
    if (code == OK) {
        getting->next += size_bytes;
        s3_trying_progress(getting->trying);
    }
    return code;
}

static enum error_code finish(void *context, const struct s3_answer *answer, struct error *error)
{
    struct getting *getting = context;
    (void)answer;
    enum error_code code = getting->is_begun ? OK : begin(getting, error);
    uint64_t end = getting->end != UINT64_MAX ? getting->end : getting->size_bytes;
    if (code == OK && end != UINT64_MAX && getting->next != end)
        return error_set(error, ERR_CORRUPT, "it ends at byte %llu, before byte %llu",
                         (unsigned long long)getting->next, (unsigned long long)end);
    return code;
}

static enum error_code get(struct s3_client *client, const char *name, struct getting *getting,
                           const struct s3_patience *patience, struct s3_outcome *outcome,
                           struct error *error)
{
    struct s3_trying trying;
    struct s3_call call = {.method = "GET",
                           .name = name,
                           .sink = take_piece,
                           .before = prepare,
                           .check = finish,
                           .context = getting};
    s3_trying_begin(&trying, patience);
    getting->trying = &trying;
    getting->answer = &outcome->answer;
    getting->size_bytes = UINT64_MAX;
    enum error_code code = s3_call_run(client, &call, &trying, outcome, error);
    buffer_release(&getting->range);
    if (outcome->fault.status == 416)
        return error_set(error, ERR_CORRUPT, "%s/%s ends before byte %llu", client->url, name,
                         (unsigned long long)getting->next);
    return code;
}

/* ---- into memory ---- */

static enum error_code take_memory(void *context, const void *data, size_t size_bytes,
                                   struct error *error)
{
    uint8_t **at = context;
    (void)error;
    memcpy(*at, data, size_bytes);
    *at += size_bytes;
    return OK;
}

enum error_code s3_get_range(struct s3_client *client, const char *name, const char *etag,
                             uint64_t offset, void *data, size_t size_bytes,
                             const struct s3_patience *patience, struct error *error)
{
    uint8_t *at = data;
    if (size_bytes == 0)
        return OK;
    assert(offset < UINT64_MAX - size_bytes);
    struct getting getting = {
        .next = offset, .end = offset + size_bytes, .take = take_memory, .context = &at};
    s3_object_set_etag(getting.etag, bytes_view_text(etag != NULL ? etag : ""));
    struct s3_outcome outcome;
    s3_outcome_init(&outcome);
    enum error_code code = get(client, name, &getting, patience, &outcome, error);
    s3_outcome_release(&outcome);
    return code;
}

struct whole_get {
    struct buffer *out;
    size_t left_bytes;
};

static enum error_code take_whole(void *context, const void *data, size_t size_bytes,
                                  struct error *error)
{
    struct whole_get *whole = context;
    if (size_bytes > whole->left_bytes)
        return error_set(error, ERR_LIMIT, "it is larger than what is read of such an object");
    whole->left_bytes -= size_bytes;
    return buffer_append(whole->out, data, size_bytes) == OK ? OK
                                                             : error_no_memory(error, "an object");
}

enum error_code s3_get_whole(struct s3_client *client, const char *name, size_t limit_bytes,
                             struct buffer *out, struct s3_object *object,
                             const struct s3_patience *patience, struct error *error)
{
    size_t before_bytes = out->size_bytes;
    struct whole_get whole = {out, limit_bytes};
    struct getting getting = {.end = UINT64_MAX, .take = take_whole, .context = &whole};
    struct s3_outcome outcome;
    s3_outcome_init(&outcome);
    enum error_code code = get(client, name, &getting, patience, &outcome, error);
    if (code != OK)
        out->size_bytes = before_bytes;
    if (code == OK && object != NULL) {
        *object = (struct s3_object){.size_bytes = out->size_bytes - before_bytes};
        s3_object_set_etag(object->etag, bytes_view_text(getting.etag));
        if (!s3_http_date(s3_answer_header(&outcome.answer, "last-modified"), &object->modified_us))
            object->modified_us = 0;
    }
    s3_outcome_release(&outcome);
    return code;
}

enum error_code s3_get_stream(struct s3_client *client, const char *name, uint64_t offset,
                              s3_take *take, void *context, const struct s3_patience *patience,
                              struct error *error)
{
    struct getting getting = {.next = offset, .end = UINT64_MAX, .take = take, .context = context};
    struct s3_outcome outcome;
    s3_outcome_init(&outcome);
    enum error_code code = get(client, name, &getting, patience, &outcome, error);
    s3_outcome_release(&outcome);
    return code;
}
