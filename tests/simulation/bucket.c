// SPDX-License-Identifier: Apache-2.0
#include "bucket.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/identity.h"
#include "s3/encode.h"
#include "s3/handle.h"
#include "support/temp_folder.h"
#include "util/text.h"
#include "world.h"

#define PREFIX      "lake/" /* of BUCKET_URL, in front of each key */
#define BUCKET_PATH "/simulated/"
#define META_BYTES  512
#define KEY_BYTES   512
#define OBJECTS_MAX 8192
#define LATE_FOLDER "late"
#define LATE_MAX_US (INT64_C(20) * 3600 * 1000000) /* less than a sweep waits */
#define SLOW_MAX_US INT64_C(60000000)
#define STALL_US    INT64_C(30000000) /* s3/client.h: so long nothing moves, then it is given up */
#define PAGE_KEYS   40

/* A file of the folder: this, and the body. */
struct object {
    uint64_t etag;
    int64_t modified_us;   /* the time of day */
    int64_t gone_us;       /* it was deleted, and is seen until then; 0: it was not */
    char meta[META_BYTES]; /* "name: value" each ended by a NUL, and one more */
};

/* A request that was read. */
struct request {
    enum {
        REQUEST_NONE,
        REQUEST_UPLOADS,
        REQUEST_GET,
        REQUEST_HEAD,
        REQUEST_PUT,
        REQUEST_DELETE,
        REQUEST_LIST
    } kind;
    char key[KEY_BYTES];
    bool only_new;
    char only_over[40]; /* an ETag; "": over anything */
    char source[KEY_BYTES];
    struct object object; /* as it is to become */
    uint8_t *body;
    size_t body_bytes;
    /* Of a GET. */
    bool has_range;
    uint64_t first, last;
    /* Of a list. */
    char below[KEY_BYTES], after[KEY_BYTES];
};

struct result {
    int status;
    const char *code; /* of a refusal */
    struct object object;
    bool has_object;
    uint64_t size_bytes; /* of the whole object */
    struct buffer body;
};

enum fate { FATE_GOOD, FATE_NOT_SENT, FATE_LOST_ANSWER, FATE_BUSY, FATE_BROKEN, FATE_LATE };

static const char *folder;

void bucket_use(const char *path)
{
    folder = path;
}

/* ---- the folder ---- */

static void path_of(const char *key, char out[TEMP_PATH_BYTES])
{
    size_t at = (size_t)snprintf(out, TEMP_PATH_BYTES, "%.1000s/", folder);
    for (const char *byte = key; *byte != '\0'; byte++)
        at += (size_t)snprintf(out + at, TEMP_PATH_BYTES - at,
                               *byte == '/' || *byte == '%' ? "%%%02X" : "%c", *byte);
}

static bool read_file(const char *path, void *head, size_t head_bytes, uint8_t **body,
                      size_t *body_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    bool is_read = fread(head, head_bytes, 1, file) == 1 && fseek(file, 0, SEEK_END) == 0;
    assert(is_read);
    *body_bytes = (size_t)ftell(file) - head_bytes;
    *body = malloc(*body_bytes + 1);
    is_read = is_read && *body != NULL && fseek(file, (long)head_bytes, SEEK_SET) == 0 &&
              fread(*body, 1, *body_bytes, file) == *body_bytes;
    assert(is_read);
    fclose(file);
    return is_read;
}

static void write_file(const char *path, const void *head, size_t head_bytes, const uint8_t *body,
                       size_t body_bytes)
{
    FILE *file = fopen(path, "wb");
    bool is_written = file != NULL && fwrite(head, head_bytes, 1, file) == 1 &&
                      fwrite(body, 1, body_bytes, file) == body_bytes && fclose(file) == 0;
    assert(is_written);
    (void)is_written;
}

static bool get(const char *key, struct object *object, uint8_t **body, size_t *body_bytes)
{
    char path[TEMP_PATH_BYTES];
    path_of(key, path);
    if (!read_file(path, object, sizeof *object, body, body_bytes))
        return false;
    if (object->gone_us == 0 || object->gone_us > world->now_us)
        return true;
    free(*body);
    unlink(path);
    return false;
}

static void put(const char *key, const struct object *object, const uint8_t *body,
                size_t body_bytes)
{
    char path[TEMP_PATH_BYTES];
    path_of(key, path);
    write_file(path, object, sizeof *object, body, body_bytes);
}

/* The keys that can be seen, in the order of their bytes. */
static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_keys(char **keys)
{
    size_t count = 0;
    DIR *stream = opendir(folder);
    assert(stream != NULL);
    for (const struct dirent *item; (item = readdir(stream)) != NULL;) {
        struct buffer key;
        struct object object;
        uint8_t *body;
        size_t body_bytes;
        if (item->d_name[0] == '.' || strcmp(item->d_name, LATE_FOLDER) == 0)
            continue;
        buffer_init(&key);
        if (s3_decode(&key, bytes_view_text(item->d_name)) != OK ||
            buffer_append_byte(&key, 0) != OK)
            abort();
        if (get((const char *)key.data, &object, &body, &body_bytes)) {
            assert(count < OBJECTS_MAX);
            keys[count++] = strdup((const char *)key.data);
            free(body);
        }
        buffer_release(&key);
    }
    closedir(stream);
    qsort(keys, count, sizeof *keys, by_bytes);
    return count;
}

void bucket_each(void (*visit)(void *context, const char *name), void *context)
{
    static char *keys[OBJECTS_MAX];
    size_t count = list_keys(keys);
    for (size_t i = 0; i < count; i++) {
        assert(strncmp(keys[i], PREFIX, strlen(PREFIX)) == 0);
        visit(context, keys[i] + strlen(PREFIX));
        free(keys[i]);
    }
}

/* ---- what requests do ---- */

static void refuse(struct result *result, int status, const char *code)
{
    result->status = status;
    result->code = code;
}

static void etag_text(const struct object *object, char out[40])
{
    snprintf(out, 40, "\"%016" PRIx64 "\"", object->etag);
}

static void do_get(const struct request *request, struct result *result)
{
    uint8_t *body;
    size_t body_bytes;
    char etag[40];
    if (!get(request->key, &result->object, &body, &body_bytes)) {
        refuse(result, 404, "NoSuchKey");
        return;
    }
    etag_text(&result->object, etag);
    result->has_object = true;
    result->size_bytes = body_bytes;
    if (request->only_over[0] != '\0' && strcmp(request->only_over, etag) != 0) {
        refuse(result, 412, "PreconditionFailed");
    } else if (request->has_range && request->first >= body_bytes) {
        refuse(result, 416, "InvalidRange");
    } else if (request->kind == REQUEST_GET) {
        uint64_t first = request->has_range ? request->first : 0;
        uint64_t end =
            request->has_range && request->last < body_bytes ? request->last + 1 : body_bytes;
        result->status = request->has_range ? 206 : 200;
        if (buffer_append(&result->body, body + first, (size_t)(end - first)) != OK)
            abort();
    }
    free(body);
}

static void do_put(struct request *request, struct result *result)
{
    struct object there;
    uint8_t *body = NULL;
    size_t body_bytes;
    char etag[40] = "";
    bool is_there = get(request->key, &there, &body, &body_bytes);
    if (is_there)
        free(body);
    etag_text(&there, etag);
    if (is_there && request->only_new) {
        refuse(result, 412, "PreconditionFailed");
        return;
    }
    if (request->only_over[0] != '\0' && (!is_there || strcmp(etag, request->only_over) != 0)) {
        refuse(result, is_there ? 412 : 404, is_there ? "PreconditionFailed" : "NoSuchKey");
        return;
    }
    if (request->source[0] != '\0') {
        if (!get(request->source, &request->object, &request->body, &request->body_bytes)) {
            refuse(result, 404, "NoSuchKey");
            return;
        }
        if (buffer_append_format(&result->body, "<CopyObjectResult><ETag>x</ETag>"
                                                "</CopyObjectResult>") != OK)
            abort();
    }
    request->object.etag = ++world->etags;
    request->object.modified_us = WORLD_EPOCH_US + world->now_us;
    request->object.gone_us = 0;
    put(request->key, &request->object, request->body, request->body_bytes);
    result->object = request->object;
    result->has_object = true;
}

/* It may be seen for a while. */
static void do_delete(const struct request *request, struct result *result)
{
    struct object there;
    uint8_t *body;
    size_t body_bytes;
    result->status = 204;
    if (!get(request->key, &there, &body, &body_bytes))
        return;
    if (there.gone_us == 0) {
        there.gone_us = world->now_us;
        if (disk_is_faulty() && world->life.store_odds != 0 && world_chance(4))
            there.gone_us += 1 + world_below(600000000);
        put(request->key, &there, body, body_bytes);
    }
    free(body);
}

static void do_list(const struct request *request, struct result *result)
{
    static char *keys[OBJECTS_MAX];
    size_t count = list_keys(keys), shown = 0;
    const char *last = "";
    bool is_cut = false;
    if (buffer_append_format(&result->body, "<ListBucketResult><EncodingType>url</EncodingType>") !=
        OK)
        abort();
    for (size_t i = 0; i < count && !is_cut; i++) {
        struct object object;
        uint8_t *body;
        size_t body_bytes;
        if (strncmp(keys[i], request->below, strlen(request->below)) != 0 ||
            strcmp(keys[i], request->after) <= 0)
            continue;
        if (shown++ == PAGE_KEYS) {
            is_cut = true;
            break;
        }
        bool is_there = get(keys[i], &object, &body, &body_bytes);
        assert(is_there);
        (void)is_there;
        free(body);
        last = keys[i];
        char time[TEXT_TIME_BYTES];
        text_rfc3339(object.modified_us, time);
        if (buffer_append_format(&result->body, "<Contents><Key>") != OK ||
            s3_encode(&result->body, bytes_view_text(keys[i]), true) != OK ||
            buffer_append_format(&result->body,
                                 "</Key><Size>%zu</Size><LastModified>%s</LastModified>"
                                 "<ETag>&quot;%016" PRIx64 "&quot;</ETag></Contents>",
                                 body_bytes, time, object.etag) != OK)
            abort();
    }
    if (is_cut &&
        buffer_append_format(&result->body, "<NextContinuationToken>%s</NextContinuationToken>",
                             last) != OK)
        abort();
    if (buffer_append_format(&result->body, "<IsTruncated>%s</IsTruncated></ListBucketResult>",
                             is_cut ? "true" : "false") != OK)
        abort();
    for (size_t i = 0; i < count; i++)
        free(keys[i]);
}

static void carry_out(struct request *request, struct result *result)
{
    result->status = 200;
    switch (request->kind) {
    case REQUEST_GET:
    case REQUEST_HEAD: do_get(request, result); break;
    case REQUEST_PUT: do_put(request, result); break;
    case REQUEST_DELETE: do_delete(request, result); break;
    case REQUEST_LIST: do_list(request, result); break;
    default: /* uploads in parts: no file here is large enough for them */
        if (buffer_append_format(&result->body,
                                 "<ListMultipartUploadsResult><IsTruncated>false"
                                 "</IsTruncated></ListMultipartUploadsResult>") != OK)
            abort();
    }
}

/* ---- requests that are under way ---- */

struct late {
    int64_t due_us;
    struct request request;
};

static void late_path(uint64_t number, char out[TEMP_PATH_BYTES])
{
    snprintf(out, TEMP_PATH_BYTES, "%.1000s/" LATE_FOLDER "/%" PRIu64, folder, number);
}

/* Nobody waits for it any more, and it comes all the same. */
static void keep_under_way(const struct request *request)
{
    char path[TEMP_PATH_BYTES];
    struct late late = {.due_us = world->now_us + 1, .request = *request};
    if (request->kind != REQUEST_PUT && request->kind != REQUEST_DELETE)
        return;
    late.due_us += (int64_t)(((uint64_t)world_below(1u << 30) << 7) % (uint64_t)LATE_MAX_US) >>
                   world_below(28);
    late_path(world->late_end++, path);
    write_file(path, &late, sizeof late, request->body, request->body_bytes);
}

static void arrive(bool all)
{
    for (uint64_t i = world->late_first; i < world->late_end; i++) {
        char path[TEMP_PATH_BYTES];
        struct late late;
        struct result result = {.status = 0};
        late_path(i, path);
        if (!read_file(path, &late, sizeof late, &late.request.body, &late.request.body_bytes))
            continue;
        uint8_t *body = late.request.body;
        if (all || late.due_us <= world->now_us) {
            buffer_init(&result.body);
            carry_out(&late.request, &result);
            buffer_release(&result.body);
            unlink(path);
            world->late_requests++;
            if (late.request.body != body)
                free(late.request.body);
        }
        free(body);
    }
    char path[TEMP_PATH_BYTES];
    for (late_path(world->late_first, path);
         world->late_first < world->late_end && access(path, F_OK) != 0;
         late_path(world->late_first, path))
        world->late_first++;
}

void bucket_settle(void)
{
    arrive(true);
}

/* ---- reading a request ---- */

static void decode(char out[KEY_BYTES], const char *text, size_t size_bytes)
{
    struct buffer decoded;
    buffer_init(&decoded);
    if (s3_decode(&decoded, bytes_view_of(text, size_bytes)) != OK ||
        decoded.size_bytes >= KEY_BYTES)
        abort();
    if (decoded.size_bytes > 0)
        memcpy(out, decoded.data, decoded.size_bytes);
    out[decoded.size_bytes] = '\0';
    buffer_release(&decoded);
}

static void read_query(struct request *request, const char *query)
{
    while (*query != '\0') {
        size_t length = strcspn(query, "&"), name = strcspn(query, "=&");
        const char *value = query + name + (name < length);
        size_t value_bytes = (size_t)(query + length - value);
        if (strncmp(query, "prefix=", 7) == 0)
            decode(request->below, value, value_bytes);
        else if (strncmp(query, "start-after=", 12) == 0 && request->after[0] == '\0')
            decode(request->after, value, value_bytes);
        else if (strncmp(query, "continuation-token=", 19) == 0) /* sorts in front */
            decode(request->after, value, value_bytes);
        else if (strncmp(query, "uploads=", 8) == 0)
            request->kind = REQUEST_UPLOADS;
        query += length + (query[length] == '&');
    }
}

static void read_header(struct request *request, const char *name, const char *value)
{
    size_t at = 0;
    if (strcmp(name, "if-none-match") == 0)
        request->only_new = true;
    else if (strcmp(name, "if-match") == 0)
        snprintf(request->only_over, sizeof request->only_over, "%s", value);
    else if (strcmp(name, "x-amz-copy-source") == 0)
        decode(request->source, value + strlen(BUCKET_PATH), strlen(value) - strlen(BUCKET_PATH));
    else if (strcmp(name, "range") == 0)
        request->has_range =
            sscanf(value, "bytes=%" SCNu64 "-%" SCNu64, &request->first, &request->last) >= 1;
    if (strncmp(name, "x-amz-meta-", 11) != 0)
        return;
    while (request->object.meta[at] != '\0')
        at += strlen(request->object.meta + at) + 1;
    assert(at + strlen(name) + strlen(value) + 4 < META_BYTES);
    snprintf(request->object.meta + at, META_BYTES - at, "%s: %s", name, value);
}

static enum error_code read_body(struct request *request, const struct s3_body *body,
                                 struct error *error)
{
    request->body_bytes = (size_t)body->size_bytes;
    request->body = malloc(request->body_bytes + 1);
    if (request->body == NULL)
        abort();
    if (body->file != NULL)
        return os_file_read(body->file, body->offset, request->body, request->body_bytes, error);
    if (request->body_bytes > 0)
        memcpy(request->body, body->content.data, request->body_bytes);
    return OK;
}

static enum error_code read_request(const struct s3_exchange *exchange, struct request *request,
                                    struct error *error)
{
    const char *path = exchange->url + strlen(BUCKET_ENDPOINT);
    const char *query = strchr(path, '?');
    size_t length = query == NULL ? strlen(path) : (size_t)(query - path);
    const char *method = exchange->method;
    *request = (struct request){.last = UINT64_MAX};
    assert(strncmp(path, BUCKET_PATH, strlen(BUCKET_PATH) - 1) == 0);
    if (length > strlen(BUCKET_PATH))
        decode(request->key, path + strlen(BUCKET_PATH), length - strlen(BUCKET_PATH));
    read_query(request, query == NULL ? "" : query + 1);
    for (size_t i = 0; i < exchange->header_count; i++)
        read_header(request, exchange->headers[i].name, exchange->headers[i].value);
    if (request->kind == REQUEST_UPLOADS)
        return OK;
    request->kind = request->key[0] == '\0'         ? REQUEST_LIST
                    : strcmp(method, "PUT") == 0    ? REQUEST_PUT
                    : strcmp(method, "DELETE") == 0 ? REQUEST_DELETE
                    : strcmp(method, "HEAD") == 0   ? REQUEST_HEAD
                                                    : REQUEST_GET;
    assert(strcmp(method, "POST") != 0);
    return request->kind == REQUEST_PUT ? read_body(request, &exchange->body, error) : OK;
}

/* ---- answering ---- */

static void add_header(struct s3_answer *answer, const char *name, const char *value)
{
    if (buffer_append_format(&answer->headers, "%s: %s", name, value) != OK ||
        buffer_append_byte(&answer->headers, 0) != OK)
        abort();
}

static void add_headers(const struct request *request, const struct result *result,
                        struct s3_answer *answer)
{
    char text[80];
    snprintf(text, sizeof text, "%zu",
             request->kind == REQUEST_HEAD ? (size_t)result->size_bytes : result->body.size_bytes);
    add_header(answer, "content-length", text);
    if (!result->has_object || result->code != NULL)
        return;
    etag_text(&result->object, text);
    add_header(answer, "etag", text);
    for (const char *pair = result->object.meta; *pair != '\0'; pair += strlen(pair) + 1)
        if (buffer_append(&answer->headers, pair, strlen(pair) + 1) != OK)
            abort();
    if (result->status == 206) {
        snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, request->first,
                 request->first + result->body.size_bytes - 1, result->size_bytes);
        add_header(answer, "content-range", text);
    }
}

/* `is_cut`: the connection ends in the midst of the body. */
static enum error_code give_body(const struct s3_exchange *exchange, const struct result *result,
                                 bool is_cut, struct s3_answer *answer, struct error *error)
{
    size_t bytes = is_cut ? result->body.size_bytes / 2 : result->body.size_bytes;
    answer->received_bytes = bytes;
    if (exchange->sink != NULL && result->status / 100 == 2) {
        enum error_code code =
            bytes == 0 ? OK
                       : exchange->sink(exchange->sink_context, result->body.data, bytes, error);
        if (code != OK)
            return code;
    } else if (result->status / 100 == 2 && bytes > exchange->body_limit) {
        return error_set(error, ERR_LIMIT, "simulated: the answer is too long");
    } else if (bytes > 0 && buffer_append(&answer->body, result->body.data, bytes) != OK) {
        abort();
    }
    return is_cut ? error_set(error, ERR_RETRY, "simulated: the answer was cut") : OK;
}

static enum error_code answer_with(const struct s3_exchange *exchange,
                                   const struct request *request, struct result *result,
                                   bool is_cut, struct s3_answer *answer, struct error *error)
{
    if (result->code != NULL) {
        buffer_reset(&result->body);
        if (request->kind != REQUEST_HEAD &&
            buffer_append_format(&result->body,
                                 "<Error><Code>%s</Code><Message>simulated</Message></Error>",
                                 result->code) != OK)
            abort();
    }
    answer->status = result->status;
    answer->sent_bytes = request->body_bytes;
    add_headers(request, result, answer);
    return request->kind == REQUEST_HEAD ? OK : give_body(exchange, result, is_cut, answer, error);
}

/* ---- what goes wrong ---- */

static enum fate draw_fate(void)
{
    struct world_life *life = &world->life;
    if (!disk_is_faulty())
        return FATE_GOOD;
    if (world->store_away_until_us > world->now_us) {
        world->disk_faults++;
        return world_chance(2) ? FATE_NOT_SENT : FATE_BUSY;
    }
    if (life->store_odds == 0 || world->store_faults_left == 0 || !world_chance(life->store_odds))
        return FATE_GOOD;
    world->store_faults_left--;
    world->store_faults++;
    world->disk_faults++; /* for who asks whether there was trouble */
    if (world_chance(12))
        world->store_away_until_us = world->now_us + (INT64_C(1) << world_below(28));
    return (enum fate)(1 + world_below(FATE_LATE));
}

static enum error_code fail(struct error *error, const char *what)
{
    return error_set(error, ERR_RETRY, "simulated: %s", what);
}

static enum error_code serve(const struct s3_exchange *exchange, struct request *request,
                             struct result *result, struct s3_answer *answer, struct error *error)
{
    enum fate fate = draw_fate();
    enum disk_death death = disk_count_request();
    if (death == DEATH_UNDER_WAY)
        keep_under_way(request);
    if (death == DEATH_BEFORE || death == DEATH_UNDER_WAY)
        world_end_process(WORLD_EXIT_DIED);
    if (fate == FATE_NOT_SENT)
        return fail(error, "the store can't be reached");
    if (fate == FATE_LATE) {
        keep_under_way(request);
        os_sleep_us(STALL_US);
        return fail(error, "nothing moved for too long");
    }
    if (fate == FATE_BUSY)
        refuse(result, 503, "SlowDown");
    else
        carry_out(request, result);
    if (death == DEATH_AFTER)
        world_end_process(WORLD_EXIT_DIED);
    if (fate == FATE_LOST_ANSWER)
        return fail(error, "the answer was lost");
    if (fate == FATE_BROKEN && request->kind != REQUEST_GET)
        refuse(result, 500, "InternalError"); /* it was done all the same */
    return answer_with(exchange, request, result, fate == FATE_BROKEN, answer, error);
}

extern __typeof__(s3_client_new) __real_s3_client_new, __wrap_s3_client_new;
extern __typeof__(s3_http_run) __wrap_s3_http_run;

/* How long it pauses comes from where it lies in memory; here, from the seed. */
enum error_code __wrap_s3_client_new(struct s3_client **out, const struct s3_options *options,
                                     struct error *error)
{
    enum error_code code = __real_s3_client_new(out, options, error);
    if (code == OK)
        atomic_store(&(*out)->jitter, world->random);
    return code;
}

enum error_code __wrap_s3_http_run(struct s3_http *http, const struct s3_exchange *exchange,
                                   struct s3_answer *answer, struct error *error)
{
    struct request request;
    struct result result = {.status = 0};
    (void)http;
    s3_answer_release(answer);
    s3_answer_init(answer);
    buffer_init(&result.body);
    if (disk_is_faulty() && world->life.store_latency_us != 0)
        os_sleep_us(1 + world_below((uint32_t)world->life.store_latency_us));
    arrive(false);
    enum error_code code = read_request(exchange, &request, error);
    if (code == OK)
        code = serve(exchange, &request, &result, answer, error);
    free(request.body);
    buffer_release(&result.body);
    return code;
}
