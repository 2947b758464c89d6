// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_SERVER_OPTIONS_H
#define TTP_SERVE_SERVER_OPTIONS_H

/* How a server is set up, and what it counts. */

#include <stdbool.h>
#include <stdint.h>

#include "serve/fault.h"
#include "tls/files.h"

#define SERVER_ADDRESS_BYTES   128
#define SERVER_PACE_DEFAULT_US INT64_C(5000000) /* live without a pace */
#define SERVER_CLIENT_LIMIT    1000             /* connections at once; more are closed at once */

struct server_options {
    const char *listen; /* "host:port"; port 0 picks a free one */
    bool live;
    int64_t pace_us;             /* a ledger per pace; 0: as fast as clients read (live: 5 s) */
    const struct tls_files *tls; /* borrowed, read by server_new; NULL: without TLS */
    struct fault_script *faults; /* borrowed, counts are kept in it; NULL: none */
};

struct server_stats {
    uint64_t connections; /* accepted so far */
    uint64_t connections_open;
    uint64_t requests; /* GetTTPEvents calls so far */
    uint64_t requests_open;
    uint64_t events_sent; /* handed to HTTP/2, repeated and damaged ones included */
    uint64_t bytes_sent;  /* written to sockets */
    uint64_t faults_fired;
};

#endif
