// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_SERVER_COMPARISON_H
#define TTP_APP_SERVER_COMPARISON_H

/* `verify --against`: joins a source, which streams the ledgers again, to the lake's comparison.
 * Used by the main thread; a signal ends the streaming, and what was compared is told. */

#include "config/options.h"
#include "lake/comparison.h"
#include "lake/verify.h"

struct server_comparison {
    const struct options *options; /* ttp_processor_endpoint is the server's */
    uint32_t sample_millionths;
    struct error failure; /* why the comparison is not complete; OK: it is */
    uint32_t next_ledger; /* then the first that was not compared */
};

/* Reads `--sample` ("1%", "0.5%"): millionths of the whole. False if it is none. */
bool server_comparison_parse_sample(const char *text, uint32_t *millionths) MUST_CHECK;

/* ERR_CONFLICT if the options name another network than the lake's. */
enum error_code server_comparison_check_network(const struct options *options,
                                                struct error *error) MUST_CHECK;

/* verify_against's stream; the context is a struct server_comparison. */
enum error_code server_comparison_stream(void *context, struct comparison *comparison,
                                         struct error *error) MUST_CHECK;

#endif
