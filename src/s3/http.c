// SPDX-License-Identifier: Apache-2.0
/*
 * Each exchange takes a line: an easy handle in a multi handle of its own, which keeps connections.
 * By the multi interface the thread sees a stop within a tenth of a second, whatever libcurl waits
 * for.
 */
#include "s3/http.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "os/signal.h"
#include "os/thread.h"
#include "util/memory.h"
#include "util/text.h"

#define STOP_ASKED_EVERY_MS 100
#define BUFFER_BYTES        (256L << 10)

struct http_line {
    CURLM *multi;
    CURL *easy;
    struct http_line *next;
};

struct s3_http {
    struct os_mutex mutex; /* of `idle` */
    struct http_line *idle;
    char *ca_file;
    long connect_timeout_ms;
    long stall_timeout_s;
};

/* One exchange, as libcurl's callbacks see it. */
struct http_run {
    const struct s3_exchange *exchange;
    struct s3_answer *answer;
    struct error *error;
    enum error_code code; /* of the first callback that failed */
    uint64_t sent_bytes;  /* of the body, as it is read */
    char detail[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;

static void start_curl(void)
{
    curl_started = curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_realloc,
                                        mem_copy_text, mem_alloc_zero);
}

static void line_free(struct http_line *line)
{
    if (line == NULL)
        return;
    curl_easy_cleanup(line->easy);
    (void)curl_multi_cleanup(line->multi);
    mem_free(line);
}

static struct http_line *make_line(void)
{
    struct http_line *line = mem_alloc_zero(1, sizeof *line);
    if (line == NULL)
        return NULL;
    line->easy = curl_easy_init();
    line->multi = curl_multi_init();
    if (line->easy != NULL && line->multi != NULL)
        return line;
    line_free(line);
    return NULL;
}

static struct http_line *take_line(struct s3_http *http)
{
    os_mutex_lock(&http->mutex);
    struct http_line *line = http->idle;
    if (line != NULL)
        http->idle = line->next;
    os_mutex_unlock(&http->mutex);
    return line != NULL ? line : make_line();
}

static void give_line_back(struct s3_http *http, struct http_line *line)
{
    os_mutex_lock(&http->mutex);
    line->next = http->idle;
    http->idle = line;
    os_mutex_unlock(&http->mutex);
}

enum error_code s3_http_new(struct s3_http **out, const struct s3_http_settings *settings,
                            struct error *error)
{
    *out = NULL;
    (void)pthread_once(&curl_once, start_curl);
    if (curl_started != CURLE_OK)
        return error_set(error, ERR_NO_MEMORY, "libcurl could not be started: %s",
                         curl_easy_strerror(curl_started));
    struct s3_http *http = mem_alloc_zero(1, sizeof *http);
    if (http == NULL)
        return error_no_memory(error, "the client of the object store");
    enum error_code code = os_mutex_init(&http->mutex, error);
    if (code != OK) {
        mem_free(http);
        return code;
    }
    http->connect_timeout_ms = (long)(settings->connect_timeout_us / 1000);
    http->stall_timeout_s = (long)((settings->stall_timeout_us + 999999) / 1000000);
    if (settings->ca_file != NULL) {
        http->ca_file = mem_copy_text(settings->ca_file);
        if (http->ca_file == NULL) {
            s3_http_free(http);
            return error_no_memory(error, "the client of the object store");
        }
    }
    *out = http;
    return OK;
}

void s3_http_free(struct s3_http *http)
{
    if (http == NULL)
        return;
    while (http->idle != NULL) {
        struct http_line *line = http->idle;
        http->idle = line->next;
        line_free(line);
    }
    os_mutex_release(&http->mutex);
    mem_free(http->ca_file);
    mem_free(http);
}

void s3_answer_init(struct s3_answer *answer)
{
    *answer = (struct s3_answer){0};
}

void s3_answer_release(struct s3_answer *answer)
{
    buffer_release(&answer->headers);
    buffer_release(&answer->body);
    *answer = (struct s3_answer){0};
}

const char *s3_answer_next_header(const struct s3_answer *answer, const char *prefix, size_t *at)
{
    size_t prefix_bytes = strlen(prefix);
    while (*at < answer->headers.size_bytes) {
        const char *line = (const char *)answer->headers.data + *at;
        *at += strlen(line) + 1;
        if (strncmp(line, prefix, prefix_bytes) == 0)
            return line + prefix_bytes;
    }
    return NULL;
}

const char *s3_answer_header(const struct s3_answer *answer, const char *name)
{
    size_t at = 0;
    const char *found;
    while ((found = s3_answer_next_header(answer, name, &at)) != NULL) {
        if (strncmp(found, ": ", 2) == 0)
            return found + 2;
    }
    return NULL;
}

/* libcurl takes years of any length; a date of HTTP has one of four digits. */
bool s3_http_date(const char *text, int64_t *unix_us)
{
    const time_t end_of_year_9999 = 253402300799;
    time_t seconds = text == NULL ? -1 : curl_getdate(text, NULL);
    if (seconds < 0 || seconds > end_of_year_9999)
        return false;
    *unix_us = (int64_t)seconds * 1000000;
    return true;
}

/* ---- callbacks: 0, or another number than that of the bytes, ends the exchange ---- */

static size_t fail(struct http_run *run, enum error_code code)
{
    run->code = code;
    return 0;
}

/* "Name: value\r\n" as "name: value\0". */
static enum error_code keep_header(struct buffer *headers, const char *line, size_t size_bytes)
{
    while (size_bytes > 0 && strchr("\r\n \t", line[size_bytes - 1]) != NULL)
        size_bytes--;
    const char *colon = size_bytes == 0 ? NULL : memchr(line, ':', size_bytes);
    if (colon == NULL || memchr(line, '\0', size_bytes) != NULL)
        return OK;
    size_t name_bytes = (size_t)(colon - line);
    const char *value = colon + 1;
    const char *end = line + size_bytes;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    if (buffer_reserve(headers, size_bytes + 3) != OK)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < name_bytes; i++) {
        char letter = line[i];
        if (letter >= 'A' && letter <= 'Z')
            letter = (char)(letter - 'A' + 'a');
        buffer_append_unchecked(headers, &letter, 1);
    }
    buffer_append_unchecked(headers, ": ", 2);
    buffer_append_unchecked(headers, value, (size_t)(end - value));
    buffer_append_unchecked(headers, "", 1);
    return OK;
}

/* 0 where the line is none of status. */
static int status_of(const char *line, size_t size_bytes)
{
    const char *space = size_bytes < 12 ? NULL : memchr(line, ' ', size_bytes);
    uint32_t status = 0;
    if (space == NULL || memcmp(line, "HTTP/", 5) != 0 || line + size_bytes - space < 4 ||
        !text_parse_u32(bytes_view_of(space + 1, 3), &status))
        return 0;
    return (int)status;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct http_run *run = context;
    size_t size_bytes = size * count;
    struct buffer *headers = &run->answer->headers;
    int status = status_of(data, size_bytes);
    if (status != 0) {
        run->answer->status = status;
        buffer_reset(headers); /* what came before was an interim answer */
        return size_bytes;
    }
    if (headers->size_bytes + size_bytes > S3_HTTP_HEADERS_BYTES_MAX)
        return fail(run, error_set(run->error, ERR_CORRUPT, "the answer has too many headers"));
    if (keep_header(headers, data, size_bytes) != OK)
        return fail(run, error_no_memory(run->error, "an answer of the object store"));
    return size_bytes;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct http_run *run = context;
    const struct s3_exchange *exchange = run->exchange;
    struct buffer *body = &run->answer->body;
    size_t size_bytes = size * count;
    run->answer->received_bytes += size_bytes;
    bool good = run->answer->status / 100 == 2;
    if (good && exchange->sink != NULL) {
        enum error_code code = exchange->sink(exchange->sink_context, data, size_bytes, run->error);
        return code == OK ? size_bytes : fail(run, code);
    }
    size_t limit = good ? exchange->body_limit : S3_HTTP_ERROR_BYTES_MAX;
    if (size_bytes > limit - body->size_bytes) {
        if (good)
            return fail(
                run, error_set(run->error, ERR_LIMIT, "the answer has more than %zu bytes", limit));
        return size_bytes; /* what is there tells enough */
    }
    if (buffer_append(body, data, size_bytes) != OK)
        return fail(run, error_no_memory(run->error, "an answer of the object store"));
    return size_bytes;
}

static size_t on_read(char *data, size_t size, size_t count, void *context)
{
    struct http_run *run = context;
    const struct s3_body *body = &run->exchange->body;
    uint64_t left_bytes = body->size_bytes - run->sent_bytes;
    size_t size_bytes = size * count < left_bytes ? size * count : (size_t)left_bytes;
    if (size_bytes == 0)
        return 0;
    if (body->file != NULL) {
        enum error_code code =
            os_file_read(body->file, body->offset + run->sent_bytes, data, size_bytes, run->error);
        if (code != OK) {
            (void)fail(run, code);
            return CURL_READFUNC_ABORT;
        }
    } else {
        memcpy(data, body->content.data + run->sent_bytes, size_bytes);
    }
    run->sent_bytes += size_bytes;
    return size_bytes;
}

/* libcurl sends the body again where a kept connection turned out to be closed. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct http_run *run = context;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > run->exchange->body.size_bytes)
        return CURL_SEEKFUNC_CANTSEEK;
    run->sent_bytes = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- one exchange ---- */

static struct curl_slist *add_line(struct curl_slist *list, const char *line, bool *failed)
{
    struct curl_slist *longer = curl_slist_append(list, line);
    *failed = *failed || longer == NULL;
    return longer != NULL ? longer : list;
}

/* The headers as libcurl takes them; NULL where memory lacks. */
static struct curl_slist *header_list(const struct s3_exchange *exchange)
{
    /* No "Expect: 100-continue": it costs a pause where a server does not know it. */
    bool failed = false;
    struct curl_slist *list = add_line(NULL, "Expect:", &failed);
    struct buffer line;
    buffer_init(&line);
    for (size_t i = 0; i < exchange->header_count && !failed; i++) {
        const struct s3_pair *header = &exchange->headers[i];
        buffer_reset(&line);
        /* "name;" is how libcurl is told of a header without a value. */
        failed = buffer_append_format(&line, header->value[0] == '\0' ? "%s;%s" : "%s: %s",
                                      header->name, header->value) != OK ||
                 buffer_append_byte(&line, 0) != OK;
        if (!failed)
            list = add_line(list, (const char *)line.data, &failed);
    }
    if (line.data != NULL)
        explicit_bzero(line.data, line.capacity_bytes); /* session tokens */
    buffer_release(&line);
    if (!failed)
        return list;
    curl_slist_free_all(list);
    return NULL;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(easy, option, value);                                          \
    } while (0)

static CURLcode set_method(CURL *easy, const struct s3_exchange *exchange)
{
    CURLcode code = CURLE_OK;
    if (strcmp(exchange->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (strcmp(exchange->method, "PUT") == 0 || strcmp(exchange->method, "POST") == 0) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->body.size_bytes);
        SET(CURLOPT_CUSTOMREQUEST, exchange->method);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
        SET(CURLOPT_CUSTOMREQUEST, exchange->method);
    }
    return code;
}

static CURLcode set_callbacks(CURL *easy, struct http_run *run)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_READFUNCTION, on_read);
    SET(CURLOPT_READDATA, run);
    SET(CURLOPT_SEEKFUNCTION, on_seek);
    SET(CURLOPT_SEEKDATA, run);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, run);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, run);
    SET(CURLOPT_ERRORBUFFER, run->detail);
    return code;
}

static CURLcode set_connection(CURL *easy, const struct s3_http *http,
                               const struct s3_exchange *exchange)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, exchange->url);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_USERAGENT, "ttp-parquet-consumer");
    SET(CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
    SET(CURLOPT_CONNECTTIMEOUT_MS, http->connect_timeout_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, http->stall_timeout_s);
    if (http->ca_file != NULL)
        SET(CURLOPT_CAINFO, http->ca_file);
    if (exchange->is_direct)
        SET(CURLOPT_NOPROXY, "*");
    return code;
}

#undef SET

/* Drives the transfer to its end; CURLE_ABORTED_BY_CALLBACK at a stop. */
static CURLcode drive(const struct http_line *line, const struct s3_exchange *exchange)
{
    CURLcode result = CURLE_OUT_OF_MEMORY;
    for (int running = 1; running != 0;) {
        if (exchange->stop != NULL && exchange->stop(exchange->stop_context))
            return CURLE_ABORTED_BY_CALLBACK;
        if (curl_multi_perform(line->multi, &running) != CURLM_OK)
            return CURLE_OUT_OF_MEMORY;
        if (running != 0 &&
            curl_multi_poll(line->multi, NULL, 0, STOP_ASKED_EVERY_MS, NULL) != CURLM_OK)
            return CURLE_OUT_OF_MEMORY;
    }
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(line->multi, &left)) != NULL;) {
        if (message->msg == CURLMSG_DONE)
            result = message->data.result;
    }
    return result;
}

static enum error_code explain(const struct s3_exchange *exchange, CURLcode result,
                               const char *detail, struct error *error)
{
    const char *words = detail[0] != '\0' ? detail : curl_easy_strerror(result);
    switch (result) {
    case CURLE_OK: return OK;
    case CURLE_OUT_OF_MEMORY: return error_no_memory(error, "a request to the object store");
    case CURLE_ABORTED_BY_CALLBACK:
        return error_set(error, ERR_AGAIN, "stopped before the object store had answered");
    case CURLE_PEER_FAILED_VERIFICATION:
        return error_set(error, ERR_INVALID,
                         "the certificate of %s is not trusted (%s); name the file of the "
                         "authority that issued it in AWS_CA_BUNDLE",
                         exchange->url, words);
    case CURLE_SSL_CACERT_BADFILE:
        return error_set(error, ERR_INVALID,
                         "the certificates to trust can't be read (%s); correct AWS_CA_BUNDLE",
                         words);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return error_set(error, ERR_INVALID,
                         "%s is no address of http or https (%s); correct the endpoint",
                         exchange->url, words);
    case CURLE_OPERATION_TIMEDOUT:
        return error_set(error, ERR_RETRY, "nothing came for too long (%s)", words);
    default: return error_set(error, ERR_RETRY, "the connection failed (%s)", words);
    }
}

static enum error_code run_on(const struct s3_http *http, const struct http_line *line,
                              struct http_run *run)
{
    const struct s3_exchange *exchange = run->exchange;
    struct curl_slist *headers = header_list(exchange);
    CURLcode result = headers == NULL ? CURLE_OUT_OF_MEMORY
                                      : curl_easy_setopt(line->easy, CURLOPT_HTTPHEADER, headers);
    if (result == CURLE_OK)
        result = set_connection(line->easy, http, exchange);
    if (result == CURLE_OK)
        result = set_method(line->easy, exchange);
    if (result == CURLE_OK)
        result = set_callbacks(line->easy, run);
    if (result == CURLE_OK && curl_multi_add_handle(line->multi, line->easy) != CURLM_OK)
        result = CURLE_OUT_OF_MEMORY;
    if (result == CURLE_OK) {
        result = drive(line, exchange);
        (void)curl_multi_remove_handle(line->multi, line->easy);
    }
    curl_easy_reset(line->easy);
    for (struct curl_slist *at = headers; at != NULL; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(headers);
    return run->code != OK ? run->code : explain(exchange, result, run->detail, run->error);
}

enum error_code s3_http_run(struct s3_http *http, const struct s3_exchange *exchange,
                            struct s3_answer *answer, struct error *error)
{
    struct http_run run = {.exchange = exchange, .answer = answer, .error = error, .code = OK};
    buffer_reset(&answer->headers);
    buffer_reset(&answer->body);
    answer->status = 0;
    answer->sent_bytes = 0;
    answer->received_bytes = 0;
    struct http_line *line = take_line(http);
    if (line == NULL)
        return error_no_memory(error, "a connection to the object store");
    /* TLS writes to sockets that the other side may have closed. */
    struct os_pipe_hold hold;
    os_pipe_hold_begin(&hold);
    enum error_code code = run_on(http, line, &run);
    os_pipe_hold_end(&hold);
    give_line_back(http, line);
    answer->sent_bytes = run.sent_bytes;
    return code;
}
