// SPDX-License-Identifier: Apache-2.0
#include "s3/key_sources.h"

#include <string.h>

#include "os/file.h"
#include "s3/encode.h"
#include "s3/fault.h"
#include "s3/key_answer.h"

#define TOKEN_FILE_BYTES_MAX ((size_t)64 << 10)
#define CONTAINER_ADDRESS    "http://169.254.170.2"
#define MACHINE_ADDRESS      "http://169.254.169.254"

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* One exchange whose answer must be a good one; its body is the answer's. */
static enum error_code ask(const struct s3_key_request *request, struct s3_exchange *exchange,
                           struct s3_answer *answer, struct error *error)
{
    exchange->body_limit = S3_KEY_ANSWER_BYTES_MAX;
    exchange->stop = request->stop;
    exchange->stop_context = request->stop_context;
    enum error_code code = s3_http_run(request->http, exchange, answer, error);
    if (code == OK && answer->status / 100 != 2) {
        struct s3_fault fault;
        s3_fault_read(answer, &fault);
        bool passes =
            fault.remedy == S3_FAULT_PASSING || strcmp(fault.code, "IDPCommunicationError") == 0;
        code = error_set(error, passes ? ERR_RETRY : ERR_INVALID, "it answered %d %s %s",
                         fault.status, fault.code, fault.message);
    }
    return code;
}

/* A small text file without the line ends behind it, NUL-terminated in `out`. */
static enum error_code read_token(const char *path, struct buffer *out, struct error *error)
{
    enum error_code code = os_read_whole(path, TOKEN_FILE_BYTES_MAX, out, error);
    while (out->size_bytes > 0 && strchr("\r\n \t", out->data[out->size_bytes - 1]) != NULL)
        out->size_bytes--;
    if (code == OK && out->size_bytes == 0)
        code = error_set(error, ERR_RETRY, "the file of the token, %s, is empty", path);
    if (code == OK && memchr(out->data, '\0', out->size_bytes) != NULL)
        code = error_set(error, ERR_INVALID, "the file of the token, %s, is no text", path);
    if (code == OK && buffer_append_byte(out, 0) != OK)
        code = error_no_memory(error, path);
    return code == ERR_NOT_FOUND || code == ERR_LIMIT || code == ERR_IO ? ERR_INVALID : code;
}

static void release_secret(struct buffer *buffer)
{
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->capacity_bytes);
    buffer_release(buffer);
}

/* ---- web identity ---- */

static enum error_code append_form(struct buffer *form, const struct s3_web_identity *identity,
                                   const char *token)
{
    const char *session =
        is_set(identity->session_name) ? identity->session_name : "ttp-parquet-consumer";
    const struct s3_pair fields[] = {{"&RoleArn=", identity->role_arn},
                                     {"&RoleSessionName=", session},
                                     {"&WebIdentityToken=", token}};
    enum error_code code =
        buffer_append_text(form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && code == OK; i++) {
        code = buffer_append_text(form, fields[i].name);
        if (code == OK)
            code = s3_encode(form, bytes_view_text(fields[i].value), false);
    }
    return code;
}

static enum error_code append_sts_url(struct buffer *url, const struct s3_key_request *request)
{
    const char *set = request->variable("AWS_ENDPOINT_URL_STS");
    bool in_china = strncmp(request->region, "cn-", 3) == 0;
    enum error_code code = is_set(set)
                               ? buffer_append_text(url, set)
                               : buffer_append_format(url, "https://sts.%s.amazonaws.com%s/",
                                                      request->region, in_china ? ".cn" : "");
    return code == OK ? buffer_append_byte(url, 0) : code;
}

static enum error_code ask_sts(const struct s3_key_request *request, const struct buffer *url,
                               const struct buffer *form, struct s3_keys *keys, struct error *error)
{
    static const struct s3_pair type = {"content-type", "application/x-www-form-urlencoded"};
    struct s3_exchange exchange = {
        .method = "POST",
        .url = (const char *)url->data,
        .headers = &type,
        .header_count = 1,
        .body = {.content = buffer_view(form), .size_bytes = form->size_bytes}};
    struct s3_answer answer;
    s3_answer_init(&answer);
    enum error_code code = ask(request, &exchange, &answer, error);
    if (code == OK)
        code = s3_keys_from_sts(buffer_view(&answer.body), keys, error);
    s3_answer_release(&answer);
    return code == OK ? OK : error_prefix(error, code, "%s: ", (const char *)url->data);
}

enum error_code s3_keys_by_web_identity(const struct s3_key_request *request,
                                        const struct s3_web_identity *identity,
                                        struct s3_keys *keys, struct error *error)
{
    struct buffer token, form, url;
    buffer_init(&token);
    buffer_init(&form);
    buffer_init(&url);
    enum error_code code = read_token(identity->token_file, &token, error);
    if (code == OK && (append_form(&form, identity, (const char *)token.data) != OK ||
                       append_sts_url(&url, request) != OK))
        code = error_no_memory(error, "a question for credentials");
    if (code == OK)
        code = ask_sts(request, &url, &form, keys, error);
    release_secret(&token);
    release_secret(&form);
    buffer_release(&url);
    return code == OK
               ? OK
               : error_prefix(error, code,
                              "no credentials by the web identity of %s: ", identity->token_file);
}

/* ---- container ---- */

/* Without TLS: only where the words stay on this machine. */
static bool is_near(const char *uri)
{
    static const char *const hosts[] = {"localhost",     "127.0.0.1",      "[::1]",
                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    const char *host = uri + strlen("http://");
    size_t size_bytes = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strlen(hosts[i]) == size_bytes && strncmp(hosts[i], host, size_bytes) == 0)
            return true;
    }
    return false;
}

static enum error_code find_uri(const char *uri, bool is_full, struct buffer *url,
                                struct error *error)
{
    bool is_near_http = strncmp(uri, "http://", 7) == 0 && is_near(uri);
    if (is_full && strncmp(uri, "https://", 8) != 0 && !is_near_http)
        return error_set(error, ERR_INVALID,
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI is %s: without https:// it must be an "
                         "address of this machine or of its container service",
                         uri);
    if (!is_full && uri[0] != '/')
        return error_set(error, ERR_INVALID,
                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is %s: it must begin with a /",
                         uri);
    enum error_code code = buffer_append_format(url, "%s%s", is_full ? "" : CONTAINER_ADDRESS, uri);
    if (code == OK)
        code = buffer_append_byte(url, 0);
    return code == OK ? OK : error_no_memory(error, uri);
}

/* OK without one: not every service wants it. */
static enum error_code find_token(const struct s3_key_request *request, struct buffer *token,
                                  struct error *error)
{
    const char *file = request->variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *set = request->variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (is_set(file))
        return read_token(file, token, error);
    if (!is_set(set))
        return OK;
    if (set[strcspn(set, "\r\n")] != '\0')
        return error_set(error, ERR_INVALID, "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end");
    return buffer_append(token, set, strlen(set) + 1) == OK
               ? OK
               : error_no_memory(error, "a question for credentials");
}

enum error_code s3_keys_of_container(const struct s3_key_request *request, const char *uri,
                                     bool is_full, struct s3_keys *keys, struct error *error)
{
    struct buffer url, token;
    struct s3_answer answer;
    buffer_init(&url);
    buffer_init(&token);
    s3_answer_init(&answer);
    enum error_code code = find_uri(uri, is_full, &url, error);
    if (code == OK)
        code = find_token(request, &token, error);
    const struct s3_pair header = {"authorization", (const char *)token.data};
    struct s3_exchange exchange = {.method = "GET",
                                   .url = (const char *)url.data,
                                   .headers = &header,
                                   .header_count = token.size_bytes > 0 ? 1 : 0,
                                   .is_direct = strncmp(uri, "https://", 8) != 0};
    if (code == OK)
        code = ask(request, &exchange, &answer, error);
    if (code == OK)
        code = s3_keys_from_json(buffer_view(&answer.body), keys, error);
    s3_answer_release(&answer);
    buffer_release(&url);
    release_secret(&token);
    return code == OK ? OK
                      : error_prefix(error, code, "no credentials from the container's service: ");
}

/* ---- machine ---- */

/* Asks for `path` below the service's address; the answer's text is NUL-terminated. */
static enum error_code ask_machine(const struct s3_key_request *request, const char *method,
                                   const char *path, const struct s3_pair *header,
                                   struct s3_answer *answer, struct error *error)
{
    const char *set = request->variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *address = is_set(set) ? set : MACHINE_ADDRESS;
    size_t size_bytes = strlen(address);
    while (size_bytes > 0 && address[size_bytes - 1] == '/')
        size_bytes--;
    struct buffer url;
    buffer_init(&url);
    enum error_code code = buffer_append_format(&url, "%.*s%s", (int)size_bytes, address, path);
    if (code == OK)
        code = buffer_append_byte(&url, 0);
    struct s3_exchange exchange = {.method = method,
                                   .url = (const char *)url.data,
                                   .headers = header,
                                   .header_count = 1,
                                   .is_direct = true};
    if (code == OK)
        code = ask(request, &exchange, answer, error);
    else
        code = error_no_memory(error, "a question for credentials");
    buffer_release(&url);
    if (code == OK && buffer_append_byte(&answer->body, 0) != OK)
        code = error_no_memory(error, "an answer with credentials");
    return code;
}

/* The name of the machine's role is the first line of the answer. */
static enum error_code role_path(const struct s3_answer *answer, const char *above,
                                 struct buffer *path, struct error *error)
{
    const char *role = (const char *)answer->body.data;
    size_t size_bytes = strcspn(role, "\r\n");
    if (size_bytes == 0)
        return error_set(error, ERR_INVALID, "the machine has no role");
    enum error_code code = buffer_append_text(path, above);
    if (code == OK)
        code = s3_encode(path, bytes_view_of(role, size_bytes), false);
    if (code == OK)
        code = buffer_append_byte(path, 0);
    return code == OK ? OK : error_no_memory(error, "a question for credentials");
}

static enum error_code ask_for_role(const struct s3_key_request *request, const char *session,
                                    struct s3_answer *answer, struct error *error)
{
    static const char above[] = "/latest/meta-data/iam/security-credentials/";
    const struct s3_pair header = {"x-aws-ec2-metadata-token", session};
    if (session[strcspn(session, "\r\n")] != '\0')
        return error_set(error, ERR_CORRUPT, "its token has a line end");
    struct buffer path;
    buffer_init(&path);
    enum error_code code = ask_machine(request, "GET", above, &header, answer, error);
    if (code == OK)
        code = role_path(answer, above, &path, error);
    if (code == OK)
        code = ask_machine(request, "GET", (const char *)path.data, &header, answer, error);
    buffer_release(&path);
    return code;
}

enum error_code s3_keys_of_machine(const struct s3_key_request *request, struct s3_keys *keys,
                                   struct error *error)
{
    static const struct s3_pair lifetime = {"x-aws-ec2-metadata-token-ttl-seconds", "21600"};
    struct s3_answer session, answer;
    s3_answer_init(&session);
    s3_answer_init(&answer);
    enum error_code code =
        ask_machine(request, "PUT", "/latest/api/token", &lifetime, &session, error);
    if (code == OK)
        code = ask_for_role(request, (const char *)session.body.data, &answer, error);
    if (code == OK) /* without the NUL behind it */
        code = s3_keys_from_json(bytes_view_of(answer.body.data, answer.body.size_bytes - 1), keys,
                                 error);
    s3_answer_release(&session);
    s3_answer_release(&answer);
    return code == OK ? OK
                      : error_prefix(error, code, "no credentials from the machine's service: ");
}
