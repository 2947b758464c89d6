// SPDX-License-Identifier: Apache-2.0
#include "s3/call.h"

#include <assert.h>
#include <string.h>

#include "os/clock.h"
#include "os/identity.h"
#include "s3/encode.h"
#include "util/text.h"

#define PAUSE_FIRST_US      INT64_C(100000)
#define PAUSE_MAX_US        INT64_C(10000000)
#define RETRY_AFTER_MAX_US  INT64_C(60000000)
#define STOP_ASKED_EVERY_US INT64_C(100000)
/* S3 refuses requests that are further off. */
#define CLOCK_OFF_US (INT64_C(5) * 60 * 1000 * 1000)
/* Of one kind of trouble that time does not mend. */
#define ODD_ATTEMPTS_MAX 3

#define EMPTY_SHA256_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

void s3_call_add_query(struct s3_call *call, const char *name, const char *value)
{
    assert(call->query_count < S3_CALL_QUERY_MAX);
    assert(call->query_count == 0 || strcmp(call->query[call->query_count - 1].name, name) < 0);
    call->query[call->query_count++] = (struct s3_pair){name, value};
}

void s3_call_add_header(struct s3_call *call, const char *name, const char *value)
{
    assert(call->header_count < S3_CALL_HEADERS_MAX);
    call->headers[call->header_count++] = (struct s3_pair){name, value};
}

/* ---- trying ---- */

static const struct s3_patience usual_patience = {.retry_for_us = S3_RETRY_FOR_US};

void s3_trying_begin(struct s3_trying *trying, const struct s3_patience *patience)
{
    trying->patience = patience != NULL ? patience : &usual_patience;
    s3_trying_progress(trying);
}

void s3_trying_progress(struct s3_trying *trying)
{
    trying->attempts = 0;
    trying->deadline_us = os_monotonic_us() + trying->patience->retry_for_us;
}

static bool is_stopped(const struct s3_trying *trying)
{
    return trying->patience->stop != NULL && trying->patience->stop(trying->patience->context);
}

/* SplitMix64: half of the pause is fixed, half is chance. */
static int64_t jittered(struct s3_client *client, int64_t pause_us)
{
    uint64_t z = atomic_fetch_add(&client->jitter, UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return pause_us / 2 + (int64_t)(z % (uint64_t)(pause_us / 2 + 1));
}

enum error_code s3_trying_wait(struct s3_trying *trying, struct s3_client *client,
                               int64_t at_least_us, struct error *error)
{
    unsigned doublings = trying->attempts < 8 ? trying->attempts : 8;
    int64_t pause_us = PAUSE_FIRST_US << doublings;
    pause_us = jittered(client, pause_us < PAUSE_MAX_US ? pause_us : PAUSE_MAX_US);
    if (pause_us < at_least_us)
        pause_us = at_least_us;
    trying->attempts++;
    int64_t now_us = os_monotonic_us();
    if (now_us >= trying->deadline_us)
        return ERR_RETRY;
    int64_t until_us = os_earlier_us(now_us + pause_us, trying->deadline_us);
    atomic_fetch_add(&client->retries, 1);
    for (; now_us < until_us; now_us = os_monotonic_us()) {
        if (is_stopped(trying))
            return error_set(error, ERR_AGAIN, "stopped while waiting to try again");
        os_sleep_us(os_earlier_us(until_us - now_us, STOP_ASKED_EVERY_US));
    }
    return OK;
}

/* ---- one attempt ---- */

void s3_outcome_init(struct s3_outcome *outcome)
{
    *outcome = (struct s3_outcome){0};
    s3_answer_init(&outcome->answer);
}

void s3_outcome_release(struct s3_outcome *outcome)
{
    s3_answer_release(&outcome->answer);
}

enum error_code s3_key_of(const struct s3_client *client, const char *name, struct buffer *key)
{
    enum error_code code =
        buffer_append_format(key, "%s%s%s", client->prefix,
                             client->prefix[0] != '\0' && name[0] != '\0' ? "/" : "", name);
    return code == OK ? buffer_append_byte(key, 0) : code;
}

void s3_number_text(uint64_t number, char out[S3_NUMBER_BYTES])
{
    char digits[S3_NUMBER_BYTES];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    out[count] = '\0';
}

/* The texts of a request, NUL-terminated. */
struct request_text {
    struct buffer path, query, url, authorization;
    char date[S3_DATE_BYTES];
    struct s3_pair headers[S3_CALL_HEADERS_MAX + 6];
    size_t header_count;
};

static void release_text(struct request_text *text)
{
    buffer_release(&text->path);
    buffer_release(&text->query);
    buffer_release(&text->url);
    buffer_release(&text->authorization);
}

static enum error_code write_path(const struct s3_client *client, const struct s3_call *call,
                                  struct buffer *path)
{
    struct buffer key;
    buffer_init(&key);
    enum error_code code = buffer_append_text(path, client->path);
    if (code == OK && (call->name != NULL || client->path[0] == '\0'))
        code = buffer_append_byte(path, '/');
    if (code == OK && call->name != NULL)
        code = s3_key_of(client, call->name, &key);
    if (code == OK && call->name != NULL)
        code = s3_encode(path, bytes_view_of(key.data, key.size_bytes - 1), true);
    buffer_release(&key);
    return code == OK ? buffer_append_byte(path, 0) : code;
}

static enum error_code write_query(const struct s3_call *call, struct buffer *query)
{
    enum error_code code = OK;
    for (size_t i = 0; i < call->query_count && code == OK; i++) {
        code = buffer_append_format(query, "%s%s=", i == 0 ? "" : "&", call->query[i].name);
        if (code == OK)
            code = s3_encode(query, bytes_view_text(call->query[i].value), false);
    }
    return code == OK ? buffer_append_byte(query, 0) : code;
}

static void add(struct request_text *text, const char *name, const char *value)
{
    text->headers[text->header_count++] = (struct s3_pair){name, value};
}

static enum error_code write_request(struct s3_client *client, const struct s3_call *call,
                                     const struct s3_keys *keys, int64_t now_us,
                                     struct request_text *text)
{
    const char *hash = call->body_sha256_hex != NULL ? call->body_sha256_hex : EMPTY_SHA256_HEX;
    s3_sign_date(now_us, text->date);
    add(text, "host", client->host);
    add(text, "x-amz-content-sha256", hash);
    add(text, "x-amz-date", text->date);
    if (keys->session_token != NULL)
        add(text, "x-amz-security-token", keys->session_token);
    for (size_t i = 0; i < call->header_count; i++)
        add(text, call->headers[i].name, call->headers[i].value);
    enum error_code code = write_path(client, call, &text->path);
    if (code == OK)
        code = write_query(call, &text->query);
    if (code != OK)
        return code;
    const char *query = (const char *)text->query.data;
    code = buffer_append_format(&text->url, "%s%s%s%s", client->origin,
                                (const char *)text->path.data, query[0] != '\0' ? "?" : "", query);
    if (code == OK)
        code = buffer_append_byte(&text->url, 0);
    const struct s3_signing signing = {.method = call->method,
                                       .path = (const char *)text->path.data,
                                       .query = query,
                                       .headers = text->headers,
                                       .header_count = text->header_count,
                                       .payload_hex = hash,
                                       .region = client->region,
                                       .service = "s3",
                                       .access_key_id = keys->access_key_id,
                                       .secret_access_key = keys->secret_access_key};
    if (code == OK)
        code = s3_sign(&signing, text->date, &text->authorization);
    if (code == OK)
        code = buffer_append_byte(&text->authorization, 0);
    if (code == OK)
        add(text, "authorization", (const char *)text->authorization.data);
    return code;
}

static enum error_code attempt(struct s3_client *client, const struct s3_call *call,
                               const struct s3_keys *keys, const struct s3_trying *trying,
                               struct s3_outcome *outcome, struct error *error)
{
    struct request_text text = {0};
    int64_t now_us = os_realtime_us() + atomic_load(&client->clock_offset_us);
    enum error_code code = write_request(client, call, keys, now_us, &text);
    if (code != OK) {
        release_text(&text);
        return error_no_memory(error, "a request to the object store");
    }
    const struct s3_exchange exchange = {.method = call->method,
                                         .url = (const char *)text.url.data,
                                         .headers = text.headers,
                                         .header_count = text.header_count,
                                         .body = call->body,
                                         .sink = call->sink,
                                         .sink_context = call->context,
                                         .body_limit = call->body_limit,
                                         .stop = trying->patience->stop,
                                         .stop_context = trying->patience->context};
    atomic_fetch_add(&client->requests, 1);
    code = s3_http_run(client->http, &exchange, &outcome->answer, error);
    atomic_fetch_add(&client->sent_bytes, outcome->answer.sent_bytes);
    atomic_fetch_add(&client->received_bytes, outcome->answer.received_bytes);
    release_text(&text);
    return code;
}

/* ---- what to do after it ---- */

/* What one call went through. */
struct call_history {
    struct s3_keys keys; /* of the last attempt */
    bool were_refused;   /* these keys, by that attempt */
    unsigned odd;        /* attempts that met a wrong clock, refused keys or a damaged body */
    unsigned attempts;
};

/* Goes by the store's clock; false where that tells nothing new. */
static bool adjust_clock(struct s3_client *client, const struct s3_answer *answer,
                         int64_t at_least_us)
{
    int64_t theirs_us = 0;
    if (!s3_http_date(s3_answer_header(answer, "date"), &theirs_us))
        return false;
    int64_t offset_us = theirs_us - os_realtime_us();
    int64_t change_us = offset_us - atomic_load(&client->clock_offset_us);
    if (change_us < at_least_us && change_us > -at_least_us)
        return false;
    atomic_store(&client->clock_offset_us, offset_us);
    return true;
}

static int64_t retry_after_us(const struct s3_answer *answer)
{
    const char *text = s3_answer_header(answer, "retry-after");
    uint32_t seconds = 0;
    if (text == NULL || !text_parse_u32(bytes_view_text(text), &seconds))
        return 0;
    return os_earlier_us((int64_t)seconds * 1000000, RETRY_AFTER_MAX_US);
}

/* Takes the credentials for the next attempt. ERR_INVALID after a refusal: they are the same. */
static enum error_code take_keys(struct s3_client *client, const struct s3_trying *trying,
                                 struct call_history *history, struct s3_outcome *outcome,
                                 struct error *error)
{
    const struct s3_credentials_question question = {
        .now_us = os_realtime_us() + atomic_load(&client->clock_offset_us),
        .refused_id = history->were_refused ? history->keys.access_key_id : NULL,
        .stop = trying->patience->stop,
        .stop_context = trying->patience->context};
    struct s3_keys keys;
    s3_keys_init(&keys);
    enum error_code code = s3_credentials_take(client->credentials, &question, &keys, error);
    if (code == OK && history->were_refused && s3_keys_are_same(&keys, &history->keys))
        code = s3_fault_error(&outcome->fault, error);
    if (code == OK)
        s3_keys_move(&history->keys, &keys);
    if (code == OK)
        history->were_refused = false;
    s3_keys_release(&keys);
    return code;
}

/* Whether another attempt should follow an answer that is no good one, after a pause of at least
 * `*pause_us` (-1: without one). */
static bool wants_more(struct s3_client *client, const struct s3_outcome *outcome,
                       struct call_history *history, int64_t *pause_us)
{
    bool is_nameless = outcome->fault.code[0] == '\0' &&
                       (outcome->answer.status == 403 || outcome->answer.status == 400);
    *pause_us = -1;
    if (is_nameless && adjust_clock(client, &outcome->answer, CLOCK_OFF_US))
        return ++history->odd <= ODD_ATTEMPTS_MAX; /* a HEAD: it does not say why */
    switch (outcome->fault.remedy) {
    case S3_FAULT_PASSING: *pause_us = retry_after_us(&outcome->answer); return true;
    case S3_FAULT_CLOCK:
        return adjust_clock(client, &outcome->answer, 1000000) &&
               ++history->odd <= ODD_ATTEMPTS_MAX;
    case S3_FAULT_KEYS: history->were_refused = true; return ++history->odd <= ODD_ATTEMPTS_MAX;
    case S3_FAULT_DAMAGED: *pause_us = 0; return ++history->odd <= ODD_ATTEMPTS_MAX;
    default: return false;
    }
}

/* One attempt; *more and *pause_us: as wants_more. */
static enum error_code attempt_and_judge(struct s3_client *client, struct s3_call *call,
                                         struct s3_trying *trying, struct call_history *history,
                                         struct s3_outcome *outcome, int64_t *pause_us, bool *more,
                                         struct error *error)
{
    *pause_us = 0;
    *more = false;
    enum error_code code = take_keys(client, trying, history, outcome, error);
    if (code == OK && call->before != NULL)
        code = call->before(call->context, call, error);
    if (code == OK) {
        history->attempts++;
        outcome->fault = (struct s3_fault){.advice = ""};
        code = attempt(client, call, &history->keys, trying, outcome, error);
    }
    /* The body of a GET is an object, or is read by `check`. */
    if (code == OK && (outcome->answer.status / 100 != 2 || strcmp(call->method, "GET") != 0))
        s3_fault_read(&outcome->answer, &outcome->fault);
    if (code == OK && outcome->fault.remedy != S3_FAULT_NONE) {
        bool is_final =
            call->final_fault != NULL && strcmp(call->final_fault, outcome->fault.code) == 0;
        *more = !is_final && wants_more(client, outcome, history, pause_us);
        return s3_fault_error(&outcome->fault, error);
    }
    if (code == OK && call->check != NULL)
        code = call->check(call->context, &outcome->answer, error);
    *more = code == ERR_RETRY;
    return code;
}

enum error_code s3_call_run(struct s3_client *client, struct s3_call *call,
                            struct s3_trying *trying, struct s3_outcome *outcome,
                            struct error *error)
{
    struct error own;
    error = error != NULL ? error : &own;
    struct call_history history = {0};
    s3_keys_init(&history.keys);
    int64_t pause_us = 0;
    bool more = true;
    enum error_code code = OK;
    while (more) {
        code = attempt_and_judge(client, call, trying, &history, outcome, &pause_us, &more, error);
        if (!more || pause_us < 0)
            continue;
        enum error_code waited = s3_trying_wait(trying, client, pause_us, error);
        more = waited == OK;
        if (waited == ERR_AGAIN)
            code = waited;
    }
    s3_keys_release(&history.keys);
    if (code == OK)
        return OK;
    if (history.attempts > 1)
        code = error_prefix(error, code, "after %u attempts: ", history.attempts);
    return error_prefix(error, code, "%s%s%s: ", client->url, call->name != NULL ? "/" : "",
                        call->name != NULL ? call->name : "");
}
