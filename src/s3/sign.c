// SPDX-License-Identifier: Apache-2.0
/*
 * A canonical request (method, path, query, sorted headers, hash of the body) is hashed; with the
 * time and the scope (day, region, service) it makes the string to sign, whose HMAC, by a key
 * derived from the secret and the scope, is the signature.
 */
#include "s3/sign.h"

#include <stdlib.h>
#include <string.h>

#include "s3/hash.h"
#include "util/text.h"

#define HEX_BYTES (2 * S3_SHA256_BYTES + 1)

void s3_sign_date(int64_t now_us, char out[S3_DATE_BYTES])
{
    struct civil_time civil = civil_from_unix_us(now_us);
    const int parts[] = {(int)(civil.year / 100),
                         (int)(civil.year % 100),
                         civil.month,
                         civil.day,
                         civil.hour,
                         civil.minute,
                         civil.second};
    char *at = out;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (i == 4)
            *at++ = 'T';
        *at++ = (char)('0' + parts[i] / 10 % 10);
        *at++ = (char)('0' + parts[i] % 10);
    }
    *at++ = 'Z';
    *at = '\0';
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct s3_pair *const *)a)->name,
                  (*(const struct s3_pair *const *)b)->name);
}

/* A value with one space for each run of them, as it is signed. */
static enum error_code append_value(struct buffer *out, const char *value)
{
    enum error_code code = OK;
    for (const char *at = value; *at != '\0' && code == OK; at++) {
        if (at[0] != ' ' || at[1] != ' ')
            code = buffer_append_byte(out, (uint8_t)*at);
    }
    return code;
}

/* The names of the signed headers, sorted, with ';' between them. */
static enum error_code append_names(struct buffer *out, const struct s3_pair *const *sorted,
                                    size_t count)
{
    enum error_code code = OK;
    for (size_t i = 0; i < count && code == OK; i++)
        code = buffer_append_format(out, "%s%s", i == 0 ? "" : ";", sorted[i]->name);
    return code;
}

static enum error_code append_request(struct buffer *out, const struct s3_signing *signing,
                                      const struct s3_pair *const *sorted)
{
    enum error_code code =
        buffer_append_format(out, "%s\n%s\n%s\n", signing->method, signing->path, signing->query);
    for (size_t i = 0; i < signing->header_count && code == OK; i++) {
        code = buffer_append_format(out, "%s:", sorted[i]->name);
        if (code == OK)
            code = append_value(out, sorted[i]->value);
        if (code == OK)
            code = buffer_append_byte(out, '\n');
    }
    if (code == OK)
        code = buffer_append_byte(out, '\n');
    if (code == OK)
        code = append_names(out, sorted, signing->header_count);
    if (code == OK)
        code = buffer_append_format(out, "\n%s", signing->payload_hex);
    return code;
}

/* HMAC of a text by a key, which is replaced by it. */
static enum error_code derive(uint8_t key[S3_SHA256_BYTES], struct bytes_view text)
{
    uint8_t next[S3_SHA256_BYTES];
    enum error_code code = s3_hmac(bytes_view_of(key, S3_SHA256_BYTES), text, next);
    if (code == OK)
        memcpy(key, next, sizeof next);
    explicit_bzero(next, sizeof next);
    return code;
}

static enum error_code signature(const struct s3_signing *signing, const char *date,
                                 struct bytes_view text, char hex[HEX_BYTES])
{
    uint8_t key[S3_SHA256_BYTES];
    struct buffer first;
    buffer_init(&first);
    /* At once: a buffer that grows leaves a copy of the secret behind. */
    enum error_code code = buffer_reserve(&first, strlen(signing->secret_access_key) + 5);
    if (code == OK)
        code = buffer_append_format(&first, "AWS4%s", signing->secret_access_key);
    if (code == OK)
        code = s3_hmac(buffer_view(&first), bytes_view_of(date, 8), key);
    if (first.data != NULL)
        explicit_bzero(first.data, first.capacity_bytes);
    buffer_release(&first);
    if (code == OK)
        code = derive(key, bytes_view_text(signing->region));
    if (code == OK)
        code = derive(key, bytes_view_text(signing->service));
    if (code == OK)
        code = derive(key, bytes_view_text("aws4_request"));
    if (code == OK)
        code = derive(key, text);
    if (code == OK)
        hex_encode(bytes_view_of(key, sizeof key), hex);
    explicit_bzero(key, sizeof key);
    return code;
}

static enum error_code sign_sorted(const struct s3_signing *signing, const char *date,
                                   const struct s3_pair *const *sorted, struct buffer *work,
                                   struct buffer *out)
{
    uint8_t hash[S3_SHA256_BYTES];
    char hex[HEX_BYTES];
    enum error_code code = append_request(work, signing, sorted);
    if (code == OK)
        code = s3_sha256(buffer_view(work), hash);
    if (code != OK)
        return code;
    hex_encode(bytes_view_of(hash, sizeof hash), hex);
    buffer_reset(work);
    code = buffer_append_format(work, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/%s/aws4_request\n%s", date,
                                date, signing->region, signing->service, hex);
    if (code == OK)
        code = signature(signing, date, buffer_view(work), hex);
    if (code == OK)
        code = buffer_append_format(
            out, "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request,SignedHeaders=",
            signing->access_key_id, date, signing->region, signing->service);
    if (code == OK)
        code = append_names(out, sorted, signing->header_count);
    if (code == OK)
        code = buffer_append_format(out, ",Signature=%s", hex);
    return code;
}

enum error_code s3_sign(const struct s3_signing *signing, const char *date, struct buffer *out)
{
    const struct s3_pair *sorted[S3_SIGNED_HEADERS_MAX];
    if (signing->header_count > S3_SIGNED_HEADERS_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < signing->header_count; i++)
        sorted[i] = &signing->headers[i];
    qsort(sorted, signing->header_count, sizeof sorted[0], by_name);
    struct buffer work;
    buffer_init(&work);
    enum error_code code = sign_sorted(signing, date, sorted, &work, out);
    buffer_release(&work);
    return code;
}
