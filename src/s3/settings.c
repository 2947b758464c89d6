// SPDX-License-Identifier: Apache-2.0
#include "s3/settings.h"

#include <string.h>

#include "s3/encode.h"
#include "s3/profile.h"
#include "util/memory.h"

#define URL_SCHEME "s3://"

bool s3_url_is(const char *url)
{
    return strncmp(url, URL_SCHEME, sizeof URL_SCHEME - 1) == 0;
}

static bool consists_of(const char *text, size_t size_bytes, const char *more)
{
    for (size_t i = 0; i < size_bytes; i++) {
        char c = text[i];
        bool is_common = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_common && (c == '\0' || strchr(more, c) == NULL))
            return false;
    }
    return size_bytes > 0;
}

static enum error_code check_bucket(const char *bucket, size_t size_bytes, struct error *error)
{
    if (size_bytes >= 3 && size_bytes <= 255 && consists_of(bucket, size_bytes, ".-_"))
        return OK;
    return error_set(error, ERR_INVALID,
                     "\"%.*s\" is no name of a bucket: it must have 3 to 63 letters, digits, dots "
                     "and hyphens",
                     (int)size_bytes, bucket);
}

/* Without '/' at its ends; into `out`, with room for it. */
static void copy_prefix(char *out, const char *prefix)
{
    while (*prefix == '/')
        prefix++;
    size_t size_bytes = strlen(prefix);
    while (size_bytes > 0 && prefix[size_bytes - 1] == '/')
        size_bytes--;
    memcpy(out, prefix, size_bytes);
    out[size_bytes] = '\0';
}

enum error_code s3_url_split(const char *url, char *bucket, char *prefix, struct error *error)
{
    if (!s3_url_is(url))
        return error_set(error, ERR_INVALID, "%s is no address of the form s3://bucket/prefix",
                         url);
    const char *name = url + sizeof URL_SCHEME - 1;
    size_t size_bytes = strcspn(name, "/");
    enum error_code code = check_bucket(name, size_bytes, error);
    if (code != OK)
        return error_prefix(error, code, "%s: ", url);
    memcpy(bucket, name, size_bytes);
    bucket[size_bytes] = '\0';
    copy_prefix(prefix, name + size_bytes);
    return OK;
}

void s3_settings_release(struct s3_settings *settings)
{
    char *const texts[] = {settings->bucket, settings->prefix, settings->region, settings->origin,
                           settings->host,   settings->path,   settings->url,    settings->ca_file};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mem_free(texts[i]);
    *settings = (struct s3_settings){0};
}

static const char *first_set(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (texts[i] != NULL && texts[i][0] != '\0')
            return texts[i];
    }
    return NULL;
}

/* *text becomes the buffer's content, if code is OK and memory lasts. */
static enum error_code take_text(char **text, struct buffer *from, enum error_code code)
{
    if (code == OK)
        code = buffer_append_byte(from, 0);
    if (code == OK) {
        *text = mem_copy_text((const char *)from->data);
        code = *text != NULL ? OK : ERR_NO_MEMORY;
    }
    buffer_release(from);
    return code;
}

/* Splits an endpoint "scheme://host[:port][/path]". */
struct endpoint_parts {
    bool is_tls;
    const char *host;
    size_t host_bytes; /* with the port */
    const char *path;  /* "" or "/…" */
    size_t path_bytes; /* without '/' at its end */
};

static enum error_code split_endpoint(const char *endpoint, struct endpoint_parts *parts,
                                      struct error *error)
{
    parts->is_tls = strncmp(endpoint, "https://", 8) == 0;
    if (!parts->is_tls && strncmp(endpoint, "http://", 7) != 0)
        return error_set(error, ERR_INVALID,
                         "the endpoint %s of the object store has no http:// or https:// in front; "
                         "write it so",
                         endpoint);
    parts->host = endpoint + (parts->is_tls ? 8 : 7);
    parts->host_bytes = strcspn(parts->host, "/");
    parts->path = parts->host + parts->host_bytes;
    parts->path_bytes = strlen(parts->path);
    while (parts->path_bytes > 0 && parts->path[parts->path_bytes - 1] == '/')
        parts->path_bytes--;
    if (!consists_of(parts->host, parts->host_bytes, ".-_:[]") ||
        (parts->path_bytes > 0 && !consists_of(parts->path, parts->path_bytes, "/.-_~")))
        return error_set(error, ERR_INVALID,
                         "the endpoint %s of the object store is none: write https://HOST or "
                         "https://HOST:PORT",
                         endpoint);
    /* The port that goes without saying is not said in the header Host. */
    const char *usual = parts->is_tls ? ":443" : ":80";
    size_t usual_bytes = strlen(usual);
    if (parts->host_bytes > usual_bytes &&
        strncmp(parts->host + parts->host_bytes - usual_bytes, usual, usual_bytes) == 0 &&
        parts->host[0] != '[')
        parts->host_bytes -= usual_bytes;
    return OK;
}

/* A name can't stand in front of a number; a wildcard certificate has one label only. */
static bool needs_path_style(const struct endpoint_parts *parts, const char *bucket)
{
    size_t name_bytes = strcspn(parts->host, ":/");
    bool is_number = parts->host[0] == '[' || strspn(parts->host, "0123456789.") >= name_bytes;
    return is_number || (parts->is_tls && strchr(bucket, '.') != NULL);
}

static enum error_code place(struct s3_settings *settings, const char *endpoint, bool path_style,
                             struct error *error)
{
    struct endpoint_parts parts = {0};
    enum error_code code = split_endpoint(endpoint, &parts, error);
    if (code != OK)
        return code;
    bool in_path = path_style || needs_path_style(&parts, settings->bucket);
    struct buffer host = {0}, origin = {0}, path = {0}, url = {0};
    code = take_text(&settings->host, &host,
                     buffer_append_format(&host, "%s%s%.*s", in_path ? "" : settings->bucket,
                                          in_path ? "" : ".", (int)parts.host_bytes, parts.host));
    if (code == OK)
        code = take_text(&settings->origin, &origin,
                         buffer_append_format(&origin, "%s://%s", parts.is_tls ? "https" : "http",
                                              settings->host));
    if (code == OK)
        code = take_text(&settings->path, &path,
                         buffer_append_format(&path, "%.*s%s%s", (int)parts.path_bytes, parts.path,
                                              in_path ? "/" : "", in_path ? settings->bucket : ""));
    if (code == OK)
        code = take_text(&settings->url, &url,
                         buffer_append_format(&url, URL_SCHEME "%s%s%s", settings->bucket,
                                              settings->prefix[0] != '\0' ? "/" : "",
                                              settings->prefix));
    return code == OK ? OK : error_no_memory(error, "the address of the object store");
}

static enum error_code usual_endpoint(const char *region, struct buffer *out)
{
    enum error_code code = buffer_append_format(out, "https://s3.%s.amazonaws.com%s", region,
                                                strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    return code == OK ? buffer_append_byte(out, 0) : code;
}

static enum error_code find_in(struct s3_settings *settings, const struct s3_options *options,
                               const char *(*variable)(const char *),
                               const struct s3_profile *profile, struct error *error)
{
    const char *const regions[] = {options->region, variable("AWS_REGION"),
                                   variable("AWS_DEFAULT_REGION"),
                                   profile->values[S3_PROFILE_REGION], "us-east-1"};
    const char *const endpoints[] = {options->endpoint, variable("AWS_ENDPOINT_URL_S3"),
                                     variable("AWS_ENDPOINT_URL"),
                                     profile->values[S3_PROFILE_ENDPOINT]};
    const char *const ca_files[] = {options->ca_file, variable("AWS_CA_BUNDLE"),
                                    profile->values[S3_PROFILE_CA_BUNDLE]};
    const char *region = first_set(regions, 5);
    const char *endpoint = first_set(endpoints, 4);
    const char *ca_file = first_set(ca_files, 3);
    if (!consists_of(region, strlen(region), "-"))
        return error_set(error, ERR_INVALID, "the region \"%s\" is none: write it as eu-west-1",
                         region);
    settings->region = mem_copy_text(region);
    settings->ca_file = ca_file == NULL ? NULL : mem_copy_text(ca_file);
    if (settings->region == NULL || (ca_file != NULL && settings->ca_file == NULL))
        return error_no_memory(error, "the address of the object store");
    struct buffer usual = {0};
    if (endpoint == NULL && usual_endpoint(region, &usual) != OK)
        return error_no_memory(error, "the address of the object store");
    enum error_code code = place(settings, endpoint != NULL ? endpoint : (const char *)usual.data,
                                 options->path_style, error);
    buffer_release(&usual);
    return code;
}

enum error_code s3_settings_find(struct s3_settings *settings, const struct s3_options *options,
                                 const char *(*variable)(const char *), struct error *error)
{
    *settings = (struct s3_settings){0};
    const char *prefix = options->prefix == NULL ? "" : options->prefix;
    enum error_code code = check_bucket(options->bucket, strlen(options->bucket), error);
    if (code != OK)
        return code;
    settings->bucket = mem_copy_text(options->bucket);
    settings->prefix = mem_alloc(strlen(prefix) + 1);
    if (settings->bucket == NULL || settings->prefix == NULL) {
        s3_settings_release(settings);
        return error_no_memory(error, "the address of the object store");
    }
    copy_prefix(settings->prefix, prefix);
    struct s3_profile profile;
    s3_profile_init(&profile);
    if (options->access_key_id == NULL) /* else the caller knows it all */
        code = s3_profile_read(&profile, variable, error);
    if (code == OK)
        code = find_in(settings, options, variable, &profile, error);
    s3_profile_release(&profile);
    if (code != OK)
        s3_settings_release(settings);
    return code;
}
