// SPDX-License-Identifier: Apache-2.0
#include "s3/handle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "s3/settings.h"
#include "util/memory.h"

#define CONNECT_TIMEOUT_US INT64_C(10000000)
#define STALL_TIMEOUT_US   INT64_C(30000000)
/* Of services that hand out credentials: a machine that has none must not wait for long. */
#define KEY_CONNECT_TIMEOUT_US INT64_C(2000000)
#define KEY_STALL_TIMEOUT_US   INT64_C(10000000)

static const char *getenv_of(const char *name)
{
    return getenv(name);
}

static int64_t or_usual(int64_t value_us, int64_t usual_us)
{
    return value_us > 0 ? value_us : usual_us;
}

static enum error_code open_transport(struct s3_client *client, const struct s3_options *options,
                                      const char *ca_file, struct error *error)
{
    const struct s3_http_settings store = {
        .ca_file = ca_file,
        .connect_timeout_us = or_usual(options->connect_timeout_us, CONNECT_TIMEOUT_US),
        .stall_timeout_us = or_usual(options->stall_timeout_us, STALL_TIMEOUT_US)};
    const struct s3_http_settings keys = {.ca_file = ca_file,
                                          .connect_timeout_us = KEY_CONNECT_TIMEOUT_US,
                                          .stall_timeout_us = KEY_STALL_TIMEOUT_US};
    enum error_code code = s3_http_new(&client->http, &store, error);
    if (code == OK)
        code = s3_http_new(&client->key_http, &keys, error);
    const struct s3_credentials_settings credentials = {
        .http = client->key_http,
        .variable = options->variable != NULL ? options->variable : getenv_of,
        .region = client->region,
        .access_key_id = options->access_key_id,
        .secret_access_key = options->secret_access_key,
        .session_token = options->session_token};
    return code == OK ? s3_credentials_new(&client->credentials, &credentials, error) : code;
}

enum error_code s3_client_new(struct s3_client **out, const struct s3_options *options,
                              struct error *error)
{
    *out = NULL;
    struct s3_settings settings;
    enum error_code code = s3_settings_find(
        &settings, options, options->variable != NULL ? options->variable : getenv_of, error);
    if (code != OK)
        return code;
    struct s3_client *client = mem_alloc_zero(1, sizeof *client);
    if (client == NULL) {
        s3_settings_release(&settings);
        return error_no_memory(error, "the client of the object store");
    }
    client->bucket = settings.bucket;
    client->prefix = settings.prefix;
    client->region = settings.region;
    client->origin = settings.origin;
    client->host = settings.host;
    client->path = settings.path;
    client->url = settings.url;
    client->part_bytes = options->part_bytes != 0 ? options->part_bytes : S3_PART_BYTES;
    client->multipart_above_bytes = options->multipart_above_bytes != 0
                                        ? options->multipart_above_bytes
                                        : S3_MULTIPART_ABOVE_BYTES;
    atomic_store(&client->jitter, (uint64_t)os_monotonic_us() ^ (uint64_t)(uintptr_t)client);
    code = open_transport(client, options, settings.ca_file, error);
    mem_free(settings.ca_file);
    if (code != OK) {
        s3_client_free(client);
        return code;
    }
    *out = client;
    return OK;
}

void s3_client_free(struct s3_client *client)
{
    if (client == NULL)
        return;
    s3_credentials_free(client->credentials);
    s3_http_free(client->http);
    s3_http_free(client->key_http);
    char *const texts[] = {client->url,    client->bucket, client->prefix, client->region,
                           client->origin, client->host,   client->path};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mem_free(texts[i]);
    mem_free(client);
}

const char *s3_client_url(const struct s3_client *client)
{
    return client->url;
}

enum s3_conditions s3_client_conditions(const struct s3_client *client)
{
    return (enum s3_conditions)atomic_load(&client->conditions);
}

struct s3_counts s3_client_counts(const struct s3_client *client)
{
    return (struct s3_counts){.requests = atomic_load(&client->requests),
                              .retries = atomic_load(&client->retries),
                              .sent_bytes = atomic_load(&client->sent_bytes),
                              .received_bytes = atomic_load(&client->received_bytes)};
}
