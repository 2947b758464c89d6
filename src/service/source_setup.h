// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_SOURCE_SETUP_H
#define TTP_SERVICE_SOURCE_SETUP_H

/* A source as the options ask for it. */

#include "config/options.h"
#include "source/source.h"
#include "util/error.h"

/* What the source borrows beside the options; it outlives the source. */
struct source_setup {
    bool is_quiet; /* set before: each range is a call of its own, that it connects is no news */
    struct source_header *headers;
    char user_agent[256];
};

/* *source is the caller's to source_free. `ends_in_outage`: as source_options has it. Errors of
 * source_new. Release `setup` in every case. */
enum error_code source_setup_make(struct source_setup *setup, const struct options *options,
                                  uint32_t window_bytes, bool ends_in_outage,
                                  struct source **source, struct error *error) MUST_CHECK;
void source_setup_release(struct source_setup *setup);

#endif
