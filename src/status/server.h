// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_SERVER_H
#define TTP_STATUS_SERVER_H

/*
 * The two listeners: health (`/`, `/health`, `/ready`, `/live`) and metrics (`/metrics`), each with
 * one thread of its own inside libmicrohttpd. They only read: the feed's snapshot and the metrics.
 * A client that is slow, malformed or one of too many costs a bounded piece of memory for a bounded
 * time and keeps nobody else out: when the table of connections fills, the oldest goes. A listener
 * on a loopback address refuses requests for other hosts (DNS rebinding); one on another address
 * was opened for others, under whatever name they know it.
 */

#include <stdint.h>

#include "status/metrics.h"
#include "status/snapshot.h"
#include "util/error.h"

#define STATUS_PORT_OFF 0
#define STATUS_PORT_ANY (-1) /* a free one, for tests: status_server_*_port tells which */

/* A listener's limits. */
#define STATUS_CONNECTIONS_MAX      64
#define STATUS_CONNECTION_BYTES     16384 /* request line and headers */
#define STATUS_CONNECTION_TIMEOUT_S 10    /* silence */

struct status_server_options {
    const char *bind_address; /* a numeric address or a host name; 127.0.0.1 by default */
    int health_port;
    int metrics_port;
    struct status_feed feed;
    const struct metrics *metrics; /* borrowed; must outlive the server */
};

struct status_server;

/* Starts the listeners that are on. ERR_CONFLICT: a port is taken (the message names it and the
 * option to change); ERR_INVALID: the address is none of this machine's, both ports are the same,
 * or a privileged port; ERR_IO, ERR_NO_MEMORY: nothing is left listening. With both ports off it
 * makes a server that does nothing. */
enum error_code status_server_start(struct status_server **out,
                                    const struct status_server_options *options,
                                    struct error *error) MUST_CHECK;

/* Stops listening, closes every connection and joins the threads. NULL is fine. */
void status_server_stop(struct status_server *server);

/* The port listened on; 0 if off. */
uint16_t status_server_health_port(const struct status_server *server);
uint16_t status_server_metrics_port(const struct status_server *server);

#endif
