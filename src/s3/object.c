// SPDX-License-Identifier: Apache-2.0
#include "s3/object.h"

#include <string.h>

#include "util/text.h"

const char *s3_object_meta(const struct s3_object *object, const char *name)
{
    for (size_t i = 0; i < object->meta_count; i++) {
        if (strcmp(object->meta[i].name, name) == 0)
            return object->meta[i].value;
    }
    return NULL;
}

void s3_object_set_etag(char etag[S3_ETAG_BYTES], struct bytes_view text)
{
    size_t size_bytes = text.size_bytes < S3_ETAG_BYTES ? text.size_bytes : 0;
    for (size_t i = 0; i < size_bytes; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            size_bytes = 0;
    }
    if (size_bytes > 0)
        memcpy(etag, text.data, size_bytes);
    etag[size_bytes] = '\0';
}

bool s3_object_range(const char *text, uint64_t *first, uint64_t *end, uint64_t *size_bytes)
{
    static const char unit[] = "bytes ";
    const char *dash = text == NULL ? NULL : strchr(text, '-');
    const char *slash = dash == NULL ? NULL : strchr(dash, '/');
    if (slash == NULL || strncmp(text, unit, sizeof unit - 1) != 0)
        return false;
    const char *from = text + sizeof unit - 1;
    uint64_t last = 0;
    *size_bytes = UINT64_MAX;
    if (!text_parse_u64(bytes_view_of(from, (size_t)(dash - from)), first) ||
        !text_parse_u64(bytes_view_of(dash + 1, (size_t)(slash - dash) - 1), &last) ||
        last < *first || last == UINT64_MAX)
        return false;
    *end = last + 1;
    return strcmp(slash + 1, "*") == 0 || text_parse_u64(bytes_view_text(slash + 1), size_bytes);
}

static void read_meta(const struct s3_answer *answer, struct s3_object *object)
{
    size_t at = 0;
    const char *pair;
    while ((pair = s3_answer_next_header(answer, "x-amz-meta-", &at)) != NULL &&
           object->meta_count < S3_META_MAX) {
        const char *colon = strstr(pair, ": ");
        if (colon == NULL || (size_t)(colon - pair) >= S3_META_NAME_BYTES ||
            strlen(colon + 2) >= S3_META_VALUE_BYTES)
            continue;
        memcpy(object->meta[object->meta_count].name, pair, (size_t)(colon - pair));
        object->meta[object->meta_count].name[colon - pair] = '\0';
        memcpy(object->meta[object->meta_count].value, colon + 2, strlen(colon + 2) + 1);
        object->meta_count++;
    }
}

enum error_code s3_object_read(const struct s3_answer *answer, struct s3_object *object,
                               struct error *error)
{
    *object = (struct s3_object){0};
    const char *length = s3_answer_header(answer, "content-length");
    const char *etag = s3_answer_header(answer, "etag");
    uint64_t first, end;
    bool has_size =
        answer->status == 206
            ? s3_object_range(s3_answer_header(answer, "content-range"), &first, &end,
                              &object->size_bytes) &&
                  object->size_bytes != UINT64_MAX
            : length != NULL && text_parse_u64(bytes_view_text(length), &object->size_bytes);
    if (!has_size)
        return error_set(error, ERR_CORRUPT, "the object store does not say the object's size");
    if (!s3_http_date(s3_answer_header(answer, "last-modified"), &object->modified_us))
        object->modified_us = 0;
    s3_object_set_etag(object->etag, bytes_view_text(etag != NULL ? etag : ""));
    read_meta(answer, object);
    return OK;
}
