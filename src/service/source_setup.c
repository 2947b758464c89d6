// SPDX-License-Identifier: Apache-2.0
#include "service/source_setup.h"

#include <stdio.h>

#include "util/memory.h"
#include "version.h"

enum error_code source_setup_make(struct source_setup *setup, const struct options *options,
                                  uint32_t window_bytes, bool ends_in_outage,
                                  struct source **source, struct error *error)
{
    *source = NULL;
    size_t count = options->metadata.count;
    setup->headers = mem_alloc_zero(count + 1, sizeof setup->headers[0]);
    if (setup->headers == NULL)
        return error_no_memory(error, "request headers");
    for (size_t i = 0; i < count; i++) {
        const struct option_header *header = &options->metadata.items[i];
        setup->headers[i] = (struct source_header){
            header->name, header->value, header->can_be_read_again ? header->source : NULL};
    }
    snprintf(setup->user_agent, sizeof setup->user_agent, "%.100s/%s", options->service_name,
             TTP_VERSION);
    const struct source_options source_options = {
        .endpoint = options->ttp_processor_endpoint,
        .connect_timeout_us = options->connect_timeout_us,
        .idle_timeout_us = options->idle_timeout_us,
        .retry_initial_us = options->retry_initial_us,
        .retry_max_us = options->retry_max_us,
        .max_attempts = options->max_attempts,
        .skip_poison_ledger = options->on_poison_ledger == POISON_SKIP,
        .ends_in_outage = ends_in_outage,
        .is_quiet = setup->is_quiet,
        /* A caller that asks only once compares ledgers; it covers none. */
        .fails_on_gap = options->on_gap == GAP_FAIL && !ends_in_outage,
        .max_message_bytes = (uint32_t)options->max_message_size_bytes,
        .window_bytes = window_bytes,
        .tls = options->tls,
        .tls_ca_file = options->tls_ca_file,
        .tls_cert_file = options->tls_cert_file,
        .tls_key_file = options->tls_key_file,
        .tls_server_name = options->tls_server_name,
        .metadata = setup->headers,
        .metadata_count = count,
        .user_agent = setup->user_agent};
    return source_new(source, &source_options, error);
}

void source_setup_release(struct source_setup *setup)
{
    mem_free(setup->headers);
    *setup = (struct source_setup){.headers = NULL};
}
