// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_CLIENT_H
#define TTP_S3_CLIENT_H

/*
 * The objects of one bucket below one prefix, by the S3 protocol ("Amazon S3 API Reference"): what
 * a lake on object storage needs, signed by ourselves (s3/sign.h), carried by libcurl (s3/http.h).
 *
 * Names are relative to the prefix and use `/`: the object of "a/b.parquet" in s3://bucket/lake is
 * lake/a/b.parquet. Any bytes but NUL may stand in a name; no name begins or ends with '/'.
 *
 * A client may be used by any number of threads at once; each call uses a connection of its own
 * while it runs. All calls block. Everything given to a call is borrowed until it returns.
 *
 * Each call tries again, with growing pauses and jitter, what a passing fault of the store or of
 * the way to it made fail: no connection, time-outs, cut answers, 5xx, 429, SlowDown, 409
 * ConditionalRequestConflict, a skewed clock (then it counts from the answer's Date), credentials
 * that just ended. How long is the caller's choice: `struct s3_patience`. What no repetition mends
 * is returned at once. Codes, the same for all calls, beside those that a call names:
 *
 *   ERR_RETRY      a passing fault that outlasted the patience: the same call may succeed later. Of
 * a put it is then unknown whether it was done: s3_put again, or s3_head, finds out ERR_AGAIN
 * patience.stop said so. The outcome of a put is unknown, as above ERR_INVALID    the
 * configuration: the bucket is not there or elsewhere, no or wrong credentials, a right that is
 * lacking, a request that this store does not understand. For exit status 2; the message names what
 * to change ERR_CORRUPT    the store's answer is not what the protocol says ERR_NO_MEMORY
 *
 * Messages name the object as s3://bucket/key, the store's own words and the remedy. Secrets are in
 * none of them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

struct s3_client;

struct s3_options {
    const char *bucket;
    const char *prefix;   /* "" or NULL: the bucket's top; a '/' at either end does not matter */
    const char *endpoint; /* "https://HOST[:PORT]" or http://…; NULL or "": AWS_ENDPOINT_URL_S3,
                             AWS_ENDPOINT_URL, else Amazon's for the region */
    const char *region;   /* NULL or "": AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1 */
    bool path_style;      /* https://endpoint/bucket/key instead of https://bucket.endpoint/key */
    const char *ca_file;  /* certificates to trust; NULL or "": AWS_CA_BUNDLE, else the system's */
    /* Keys instead of those that are searched for (s3/credentials.h has the order); NULL: search.
     */
    const char *access_key_id, *secret_access_key, *session_token;
    /* 0: the defaults: 10 s to connect, 30 s in which not a byte moves. */
    int64_t connect_timeout_us, stall_timeout_us;
    /* Above this many bytes a file is put in parts of part_bytes. 0: 64 MiB and 16 MiB. */
    uint64_t multipart_above_bytes, part_bytes;
    /* The environment: NULL is getenv. */
    const char *(*variable)(const char *name);
};

/* "s3://bucket/prefix" (a '/' behind it does not matter) in its two parts: `bucket` and `prefix`
 * have room for strlen(url) + 1 bytes. ERR_INVALID, naming what is wrong. */
bool s3_url_is(const char *url);
enum error_code s3_url_split(const char *url, char *bucket, char *prefix,
                             struct error *error) MUST_CHECK;

/* Makes the client; asks nobody yet but, for credentials, the environment and files: whether the
 * store can be reached and lets us in is s3_probe's matter. ERR_INVALID: options or files that
 * can't be right. Copies the options. */
enum error_code s3_client_new(struct s3_client **out, const struct s3_options *options,
                              struct error *error) MUST_CHECK;
/* No call is running; NULL is harmless. */
void s3_client_free(struct s3_client *client);
/* "s3://bucket/prefix", without a '/' behind it: as messages call it. */
const char *s3_client_url(const struct s3_client *client);

/* How long a call goes on trying. */
struct s3_patience {
    /* No attempt begins later than this after the call or its last progress (a part that was put, a
     * page that was listed, bytes that came); 0: one attempt. */
    int64_t retry_for_us;
    bool (*stop)(
        void *context); /* asked some ten times a second, by the calling thread; NULL: never */
    void *context;
};
/* What calls without one (NULL) have: a minute, no stop. */
#define S3_RETRY_FOR_US (INT64_C(60) * 1000 * 1000)

/* ---- what an object is -------------------------------------------------------------------- */

#define S3_ETAG_BYTES       132 /* as the store writes it, quotes included; "" where it gives none */
#define S3_META_VALUE_BYTES 256
#define S3_META_MAX         16
#define S3_META_NAME_BYTES  64

/* x-amz-meta-<name>: <value>. Names in lower case, letters, digits and '-'; values printable ASCII
 * without spaces at their ends. */
struct s3_meta {
    const char *name;
    const char *value;
};

struct s3_object {
    uint64_t size_bytes;
    int64_t modified_us; /* by the store's clock; 0: it did not say */
    char etag[S3_ETAG_BYTES];
    size_t meta_count; /* s3_head only */
    struct {
        char name[S3_META_NAME_BYTES];
        char value[S3_META_VALUE_BYTES];
    } meta[S3_META_MAX];
};

/* The value of a pair of `object`; NULL where there is none of that name. */
const char *s3_object_meta(const struct s3_object *object, const char *name);

/* Size, time, ETag and pairs. ERR_NOT_FOUND: no such object (nor bucket: a HEAD does not tell). */
enum error_code s3_head(struct s3_client *client, const char *name, struct s3_object *object,
                        const struct s3_patience *patience, struct error *error) MUST_CHECK;

/* ---- putting ------------------------------------------------------------------------------ */

struct s3_put_request {
    const char *name;
    const char *path; /* the local file that is put, all of it; NULL: `content` is */
    struct bytes_view content;
    const char *content_type; /* NULL: application/octet-stream */
    const struct s3_meta *meta;
    size_t meta_count;
    /* Only if there is no object of that name: If-None-Match: *. */
    bool only_new;
    /* Only over the object that has this ETag: If-Match. NULL: over anything. */
    const char *only_over;
};

/*
 * Puts a file or bytes: durable and checked by the store (SHA-256) when it returns OK, and readers
 * see it whole or not at all. Files above multipart_above_bytes go in equal parts; what a failed
 * call leaves of them is given up (a killed one leaves it: s3_list_uploads).
 *
 * ERR_CONFLICT with only_new: there is an object of that name. It counts as ours, and the put as
 * done, if it has the same size and all pairs of put->meta (at least one): the answer of an earlier
 * attempt, of this call or another one, may have been lost. With only_over: the object changed or
 * is gone. ERR_INVALID if the file is not there, ERR_IO if it can't be read, ERR_CORRUPT if it
 * changed while it was put. `object` (may be NULL) gets size and ETag, not the pairs.
 */
enum error_code s3_put(struct s3_client *client, const struct s3_put_request *put,
                       struct s3_object *object, const struct s3_patience *patience,
                       struct error *error) MUST_CHECK;

/* Copies within the store, pairs included, over whatever `to` was; at most 5 GiB. ERR_NOT_FOUND: no
 * `from`. */
enum error_code s3_copy(struct s3_client *client, const char *from, const char *to,
                        const struct s3_patience *patience, struct error *error) MUST_CHECK;

/* Deletes the object; OK if there is none. */
enum error_code s3_delete(struct s3_client *client, const char *name,
                          const struct s3_patience *patience, struct error *error) MUST_CHECK;

#define S3_DELETE_MAX 1000 /* objects of one request: more are none of the protocol */
/* The same for many, by as few requests as the store knows. *done gets how many of the first are
 * gone for certain: all of them, or as many as before what failed. */
enum error_code s3_delete_many(struct s3_client *client, const char *const *names, size_t count,
                               size_t *done, const struct s3_patience *patience,
                               struct error *error) MUST_CHECK;

/* ---- getting ------------------------------------------------------------------------------ */

/* Exactly the bytes [offset, offset + size_bytes) into `data`. ERR_NOT_FOUND; ERR_CORRUPT: the
 * object ends before. `etag` (NULL: any): ERR_CONFLICT if it is another object by now. */
enum error_code s3_get_range(struct s3_client *client, const char *name, const char *etag,
                             uint64_t offset, void *data, size_t size_bytes,
                             const struct s3_patience *patience, struct error *error) MUST_CHECK;

/* Appends all of it to `out`, which is unchanged after a failure. ERR_NOT_FOUND; ERR_LIMIT: it has
 * more than limit_bytes. `object` (may be NULL) gets size, time and ETag. */
enum error_code s3_get_whole(struct s3_client *client, const char *name, size_t limit_bytes,
                             struct buffer *out, struct s3_object *object,
                             const struct s3_patience *patience, struct error *error) MUST_CHECK;

/* Takes the next bytes; anything but OK ends the call with that code and error. */
typedef enum error_code s3_take(void *context, const void *data, size_t size_bytes,
                                struct error *error);

/* All of it from `offset` on, in pieces as they come, each byte once and in order: after a cut it
 * goes on behind the last byte taken. ERR_NOT_FOUND; ERR_CONFLICT: replaced meanwhile. */
enum error_code s3_get_stream(struct s3_client *client, const char *name, uint64_t offset,
                              s3_take *take, void *context, const struct s3_patience *patience,
                              struct error *error) MUST_CHECK;

/* ---- listing ------------------------------------------------------------------------------ */

struct s3_entry {
    const char *name; /* relative to the client's prefix; valid during the call only */
    uint64_t size_bytes;
    int64_t modified_us; /* by the store's clock */
    const char *etag;
};

/* Anything but OK ends the listing with that code and error. */
typedef enum error_code s3_visit(void *context, const struct s3_entry *entry, struct error *error);

/* All objects whose names begin with `below` ("" for all; "year=2024/" for a folder), in the order
 * of their bytes, a page of 1000 at a time; `after` (NULL: from the first on): only names behind
 * it. The visitor may call this client, also to delete what it is shown. */
enum error_code s3_list(struct s3_client *client, const char *below, const char *after,
                        s3_visit *visit, void *context, const struct s3_patience *patience,
                        struct error *error) MUST_CHECK;

/* A put in parts that was begun and neither completed nor given up. */
struct s3_upload {
    const char *name;
    const char *upload_id;
    int64_t begun_us; /* by the store's clock */
};
typedef enum error_code s3_visit_upload(void *context, const struct s3_upload *upload,
                                        struct error *error);
enum error_code s3_list_uploads(struct s3_client *client, const char *below, s3_visit_upload *visit,
                                void *context, const struct s3_patience *patience,
                                struct error *error) MUST_CHECK;
/* Gives it up and frees its parts; OK if it is not there any more. */
enum error_code s3_abort_upload(struct s3_client *client, const char *name, const char *upload_id,
                                const struct s3_patience *patience, struct error *error) MUST_CHECK;

/* ---- whether it will do -------------------------------------------------------------------- */

enum s3_conditions {
    S3_CONDITIONS_UNKNOWN, /* not tried */
    S3_CONDITIONS_HONOURED,
    S3_CONDITIONS_IGNORED, /* If-None-Match does nothing: a put goes over what is there */
    S3_CONDITIONS_REFUSED  /* requests with it are refused: from now on puts go without */
};

/*
 * Asks whether the bucket is there and lets us list (ERR_INVALID if not). With `probe_name` also
 * whether it lets us put, read and delete, and whether a conditional put is refused where an object
 * is: puts and deletes a few bytes under that name, which must be nobody else's. `conditions` may
 * be NULL. The answer is kept: s3_client_conditions.
 */
enum error_code s3_probe(struct s3_client *client, const char *probe_name,
                         enum s3_conditions *conditions, const struct s3_patience *patience,
                         struct error *error) MUST_CHECK;
enum s3_conditions s3_client_conditions(const struct s3_client *client);

/* ---- what it cost --------------------------------------------------------------------------- */

struct s3_counts {
    uint64_t requests; /* attempts included */
    uint64_t retries;
    uint64_t sent_bytes, received_bytes; /* of bodies */
};
struct s3_counts s3_client_counts(const struct s3_client *client);

#endif
