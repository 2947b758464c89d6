// SPDX-License-Identifier: Apache-2.0
#include "source/source.h"

#include <string.h>

#include "source/run.h"
#include "source/tls_setup.h"
#include "util/memory.h"

#define MIN_WINDOW_BYTES 65535u

static char *copy_or_empty(const char *text)
{
    return mem_copy_text(text == NULL ? "" : text);
}

static enum error_code copy_options(struct source *source, const struct source_options *options)
{
    source->options = *options;
    source->options.endpoint = mem_copy_text(options->endpoint);
    source->options.user_agent = mem_copy_text(options->user_agent);
    source->options.tls_ca_file = copy_or_empty(options->tls_ca_file);
    source->options.tls_cert_file = copy_or_empty(options->tls_cert_file);
    source->options.tls_key_file = copy_or_empty(options->tls_key_file);
    source->options.tls_server_name = copy_or_empty(options->tls_server_name);
    source->options.metadata = NULL;
    source->options.metadata_count = 0;
    enum error_code code =
        credentials_init(&source->credentials, options->metadata, options->metadata_count, NULL);
    if (source->options.endpoint == NULL || source->options.user_agent == NULL ||
        source->options.tls_ca_file == NULL || source->options.tls_cert_file == NULL ||
        source->options.tls_key_file == NULL || source->options.tls_server_name == NULL)
        return ERR_NO_MEMORY;
    if (source->options.window_bytes < MIN_WINDOW_BYTES)
        source->options.window_bytes = MIN_WINDOW_BYTES;
    return code;
}

static enum error_code check_options(struct source *source, const struct source_options *options,
                                     struct error *error)
{
    enum error_code code = os_endpoint_parse(options->endpoint, false, &source->endpoint, error);
    if (code == OK)
        code = tls_setup_refresh(&source->tls, &source->options, error);
    /* What is wrong with them now is the configuration's. */
    if (code != OK && code != ERR_NO_MEMORY && error != NULL)
        code = error->code = ERR_INVALID;
    return code == OK
               ? grpc_metadata_check(source->credentials.headers, source->credentials.count, error)
               : code;
}

enum error_code source_new(struct source **out, const struct source_options *options,
                           struct error *error)
{
    *out = NULL;
    struct source *source = mem_alloc_zero(1, sizeof(*source));
    if (source == NULL)
        return error_no_memory(error, "the source");
    source->wake.fd = -1;
    gaps_init(&source->gaps, options->fails_on_gap);
    enum error_code code = copy_options(source, options);
    if (code != OK)
        code = error_no_memory(error, "the source's options");
    else
        code = check_options(source, options, error);
    if (code == OK)
        code = os_wake_init(&source->wake, error);
    if (code == OK)
        code = os_mutex_init(&source->mutex, error);
    source->has_mutex = code == OK;
    if (code == OK)
        *out = source;
    else
        source_free(source);
    return code;
}

/* Texts of ours that the options hold as const. */
static void free_text(const char *text)
{
    mem_free((char *)(uintptr_t)text);
}

void source_free(struct source *source)
{
    if (source == NULL)
        return;
    credentials_release(&source->credentials);
    free_text(source->options.endpoint);
    free_text(source->options.user_agent);
    free_text(source->options.tls_ca_file);
    free_text(source->options.tls_cert_file);
    free_text(source->options.tls_key_file);
    free_text(source->options.tls_server_name);
    tls_loaded_release(&source->tls);
    os_wake_release(&source->wake);
    if (source->has_mutex)
        os_mutex_release(&source->mutex);
    mem_free(source);
}

enum error_code source_run(struct source *source, const struct source_request *request,
                           const struct source_handler *handler, struct source_result *result,
                           struct error *error)
{
    struct run run;
    *result = (struct source_result){.next_ledger = request->first};
    enum error_code code = run_init(&run, source, request, handler, error);
    if (code != OK)
        return code;
    code = run_all(&run, result, error);
    run_release(&run);
    return code;
}

void source_wake(struct source *source)
{
    os_wake_raise(&source->wake);
}

void source_get_stats(const struct source *source, struct stream_stats *out)
{
    struct source *locked = (struct source *)(uintptr_t)source;
    os_mutex_lock(&locked->mutex);
    *out = source->stats;
    os_mutex_unlock(&locked->mutex);
}
